"""Is what the flow wants to understand known: intents, their examples, a model."""

from collections.abc import Iterator

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
