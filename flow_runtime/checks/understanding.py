"""Is what the flow wants to understand known: intents, their examples, a model."""

from collections.abc import Iterator, Mapping
from typing import Any

from flow_runtime.checks.drawing import Drawing
from flow_runtime.problems import Problem, Surroundings
from flow_runtime.settings import walk

FEWEST_EXAMPLES = 3


def check_intents(drawing: Drawing, surroundings: Surroundings) -> Iterator[Problem]:
    """The intents that nodes name exist and have examples to learn from."""
    used: set[str] = set()
    for node in drawing.nodes.values():
        if node.kind is None:
            continue
        for path, part, value in walk(node.kind.schema, node.settings):
            if part.get("x-widget") != "intents" or not isinstance(value, list):
                continue
            for index, name in enumerate(value):
                field = f"{path}.{index}"
                if not isinstance(name, str):
                    continue
                if name not in surroundings.intents:
                    message = f'The intent "{name}" does not exist.'
                    yield Problem("unknown_intent", "error", node.id, field, message, "Choose another intent, or add it under Intents.")
                elif surroundings.intents[name] < FEWEST_EXAMPLES and name not in used:
                    used.add(name)
                    message = f'The intent "{name}" has fewer than {FEWEST_EXAMPLES} examples.'
                    yield Problem("few_examples", "warning", node.id, field, message, "Add more ways in which customers say it.")


def check_intents_that_lead_nowhere(drawing: Drawing, surroundings: Surroundings) -> Iterator[Problem]:
    """Customers who mean an intent are led somewhere: by its own way out, by "Another intent", or by a trigger."""
    named: set[Any] = set()
    for trigger in drawing.document["triggers"]:
        named.update(trigger.get("intents", ()))
    asking = 0
    for node in drawing.nodes.values():
        lists = (
            [] if node.kind is None else [value for _, part, value in walk(node.kind.schema, node.settings) if _lists_intents(part, value)]
        )
        for names in lists:
            asking += 1
            named.update(name for name in names if isinstance(name, str))
        if lists and (node.id, "matched") in drawing.exits:
            return
    for name in surroundings.intents if asking else ():
        if name not in named:
            message = f'Nothing happens when a customer means "{name}": no step and no trigger uses this intent.'
            fix = 'Give it a way of its own, connect "Another intent", or delete the intent.'
            yield Problem("unreachable_intent", "warning", None, "intents", message, fix)


def _lists_intents(part: Mapping[str, Any], value: Any) -> bool:
    return part.get("x-widget") == "intents" and isinstance(value, list)


def check_similar_intents(drawing: Drawing, surroundings: Surroundings) -> Iterator[Problem]:
    """No two intents whose examples say the same."""
    for first, second in surroundings.similar_intents:
        if first in surroundings.intents and second in surroundings.intents:
            message = f'The bot cannot tell "{first}" and "{second}" apart: their examples are too much alike.'
            fix = "Merge the two intents, or give each examples that only it can have."
            yield Problem("similar_intents", "warning", None, "intents", message, fix)


def check_models(drawing: Drawing, surroundings: Surroundings) -> Iterator[Problem]:
    """A node that answers with a model says what happens while there is none."""
    if surroundings.has_model:
        return
    for node in drawing.nodes.values():
        if any(port.name == "no_model" for port in node.ports) and (node.id, "no_model") not in drawing.exits:
            message = f'No model is connected, so "{node.title}" cannot answer.'
            yield Problem(
                "no_model",
                "warning",
                node.id,
                "ports.no_model",
                message,
                'Connect a model under Models, or lead "Without a model" to a message.',
            )
