"""The examples that intents are learned from: how many there may be and what is wrong with them; known without the libraries that train."""

from collections import Counter
from collections.abc import Sequence

from server.flows.intents.texts import MAX_CHARACTERS, normalised

MAX_INTENTS = 300
MAX_EXAMPLES = 20_000
ADVISED_EXAMPLES = 5

Example = tuple[str, str]


class CannotTrain(ValueError):
    """The examples cannot make a classifier; `problems` are sentences for the author."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = tuple(problems)


def problems_of(examples: Sequence[Example]) -> list[str]:
    """Why these examples cannot be trained on; empty when they can."""
    per_intent = Counter(intent for _, intent in examples)
    problems = []
    if len(per_intent) < 2:
        problems.append("Add at least two intents with examples: with fewer there is nothing to tell apart.")
    if len(per_intent) > MAX_INTENTS:
        problems.append(f"There are {len(per_intent)} intents; the limit is {MAX_INTENTS}. Merge some of them.")
    if len(examples) > MAX_EXAMPLES:
        problems.append(f"There are {len(examples)} examples; the limit is {MAX_EXAMPLES}. Remove near-identical ones.")
    problems += [
        f'The example "{text[:60]}..." of "{intent}" is longer than {MAX_CHARACTERS} characters. Shorten it.'
        for text, intent in examples
        if len(text) > MAX_CHARACTERS
    ][:20]
    return problems + _torn_texts(examples)


def _torn_texts(examples: Sequence[Example]) -> list[str]:
    """Texts that stand under two intents, and texts that are empty."""
    owner: dict[str, str] = {}
    problems = []
    for text, intent in examples:
        key = normalised(text)
        if not key:
            problems.append(f'An example of "{intent}" is empty. Remove it.')
        elif owner.setdefault(key, intent) != intent:
            problems.append(f'"{text[:80]}" is an example of both "{owner[key]}" and "{intent}". Keep it in one of them.')
    return problems[:20]


def warnings_of(examples: Sequence[Example]) -> list[str]:
    """What will make the classifier weak."""
    counts = Counter(intent for _, intent in examples)
    thin = sorted(intent for intent, count in counts.items() if count < ADVISED_EXAMPLES)
    return [f'"{intent}" has {counts[intent]} example(s); an intent works well from {ADVISED_EXAMPLES} on.' for intent in thin]
