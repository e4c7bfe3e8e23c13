"""Is what the flow wants to understand known: intents, their examples, a model."""

from collections.abc import Iterator

from flow_runtime.checks.drawing import Drawing
from flow_runtime.problems import Problem, Surroundings

FEWEST_EXAMPLES = 3


def check_intents(drawing: Drawing, surroundings: Surroundings) -> Iterator[Problem]:
    """The intents that nodes and triggers name exist and have examples to learn from."""
    used: set[str] = set()
    for node_id, field, name in _named(drawing):
        if name not in surroundings.intents:
            message = f'The intent "{name}" does not exist.'
            yield Problem("unknown_intent", "error", node_id, field, message, "Choose another intent, or add it under Intents.")
        elif surroundings.intents[name] < FEWEST_EXAMPLES and name not in used:
            message = f'The intent "{name}" has fewer than {FEWEST_EXAMPLES} examples.'
            yield Problem("few_examples", "warning", node_id, field, message, "Add more ways in which customers say it.")
        used.add(name)


def _named(drawing: Drawing) -> Iterator[tuple[str | None, str, str]]:
    """(node, field, intent) wherever a node or a trigger names an intent."""
    for node_id, path, names in _lists(drawing):
        yield from ((node_id, f"{path}.{index}", name) for index, name in enumerate(names) if isinstance(name, str))
    for number, trigger in enumerate(drawing.document["triggers"]):
        for index, name in enumerate(trigger.get("intents", ()) if trigger["type"] == "intent" else ()):
            yield None, f"triggers.{number}.intents.{index}", name


def _lists(drawing: Drawing) -> Iterator[tuple[str, str, list[object]]]:
    """The lists of intents that nodes tell apart."""
    for node in drawing.nodes.values():
        for path, part, value in node.places:
            if part.get("x-widget") == "intents" and isinstance(value, list):
                yield node.id, path, value


def check_intents_that_lead_nowhere(drawing: Drawing, surroundings: Surroundings) -> Iterator[Problem]:
    """Customers who mean an intent are led somewhere: by its own way out, by "Another intent", or by a trigger."""
    asking = {node_id for node_id, _, _ in _lists(drawing)}
    if not asking or any((node_id, "matched") in drawing.exits for node_id in asking):
        return
    named = {name for _, _, name in _named(drawing)}
    for name in surroundings.intents:
        if name not in named:
            message = f'Nothing happens when a customer means "{name}": no step and no trigger uses this intent.'
            fix = 'Give it a way of its own, connect "Another intent", or delete the intent.'
            yield Problem("unreachable_intent", "warning", None, "intents", message, fix)


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
            fix = 'Connect a model under Models, or lead "Without a model" to a message.'
            yield Problem("no_model", "warning", node.id, "ports.no_model", message, fix)
