"""The nodes this server knows, as flows and the editor use them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from flow_runtime import Port
from node_library import NodeLibrary, load_library
from server.flows.document import Document
from server.kit.settings import read_settings

CATEGORY_TITLES = {
    "messages": "Messages",
    "logic": "Logic",
    "understanding": "Understanding",
    "ai": "AI",
    "integrations": "Integrations",
    "people": "People",
}


@dataclass(frozen=True, slots=True)
class Description:
    """A kind of step as the palette and the cards show it."""

    type: str
    title: str
    summary: str
    category: str


@cache
def library() -> NodeLibrary:
    """Every installed node by type; read once in each process."""
    return load_library(read_settings().plugins_dir)


def describe(kind: str) -> Description:
    """What there is to say of a node type; one that is not installed is described as missing."""
    node = library().get(kind)
    if node is None:
        return Description(kind, "Missing step", "This step comes from a plugin that is not installed.", "missing")
    return Description(node.type, node.title, node.summary, node.category)


def palette() -> list[tuple[str, list[Description]]]:
    """(title of the category, its node types) in the order of the palette."""
    by_category: dict[str, list[Description]] = {}
    for entry in library().palette():
        by_category.setdefault(entry.category, []).append(describe(entry.type))
    return [(CATEGORY_TITLES.get(category, category.capitalize()), kinds) for category, kinds in by_category.items()]


def ports_of_step(step: Mapping[str, Any]) -> Sequence[Port]:
    """The outputs of a step, `failed` included when its error handling asks for it."""
    return library().ports_of(step["type"], step["settings"], step.get("on_error", {}).get("do", "stop"))


def card_text(step: Mapping[str, Any]) -> str:
    """One line that says what the step does."""
    return library().card_text(step["type"], step["settings"])


def uses_intents(document: Document) -> bool:
    """Whether a step or a trigger of the document asks which intent a message carries."""
    if any(trigger.get("type") == "intent" for trigger in document["triggers"]):
        return True
    return any(_asks_for_intents(step["type"]) for step in document["nodes"].values())


@cache
def _asks_for_intents(kind: str) -> bool:
    node = library().get(kind)
    return node is not None and any(part.get("x-widget") == "intents" for part in node.schema.get("properties", {}).values())


class _Kinds:
    """The library, as editing asks it."""

    def title(self, kind: str) -> str:
        return library()[kind].title

    def version(self, kind: str) -> int:
        return library()[kind].version

    def defaults(self, kind: str) -> dict[str, Any]:
        return library()[kind].defaults()

    def schema(self, kind: str) -> Mapping[str, Any]:
        node = library().get(kind)
        return node.schema if node else {}

    def port_names(self, step: Mapping[str, Any]) -> Sequence[str]:
        return [port.name for port in ports_of_step(step)]


KINDS = _Kinds()
