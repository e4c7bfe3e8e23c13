"""The document of a draft, and changes of its parts.

A command is maps of what it touches, before and after it; `None` stands for "is not there". Applying `after` does the edit,
applying `before` takes it back. So undo needs no knowledge of what an operation meant.

A part of the flow itself is named by a path: `name`, `settings/typing_ms`, `variables/city`, `languages/texts/de/Hello`. The steps of a
path are escaped as in a JSON Pointer (RFC 6901), so two people who change two variables do not get in each other's way.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flow_runtime import SCHEMA_VERSION

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """Parts of a document by name; `None` for a step or connection that is not there."""

    nodes: Mapping[str, Any] = field(default_factory=dict)
    edges: Mapping[str, Any] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)

    def touches(self, other: "Change") -> bool:
        """Whether both speak of the same part."""
        same = any(ours.keys() & theirs.keys() for ours, theirs in zip(self._maps, other._maps, strict=True))
        return same or any(_holds(ours, theirs) or _holds(theirs, ours) for ours in self.fields for theirs in other.fields)

    @property
    def _maps(self) -> tuple[Mapping[str, Any], ...]:
        return self.nodes, self.edges, self.fields

    def to_json(self) -> dict[str, Any]:
        """Plain data for the database."""
        return {"nodes": dict(self.nodes), "edges": dict(self.edges), "fields": dict(self.fields)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Change":
        """The change that `to_json` wrote."""
        return cls(data["nodes"], data["edges"], data["fields"])


@dataclass(frozen=True, slots=True)
class Command:
    """One step of undo."""

    before: Change
    after: Change
    label: str
    merge_key: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it would change nothing."""
        return self.before == self.after


def new_document(name: str, description: str = "") -> Document:
    """A flow without steps."""
    return {
        "schema_version": SCHEMA_VERSION,
        "name": name,
        "description": description,
        "languages": {"default": "en", "others": []},
        "variables": {},
        "triggers": [],
        "nodes": {},
        "edges": {},
        "settings": {},
    }


def start_of(document: Document) -> str | None:
    """The step at which a conversation starts."""
    return next((trigger["node"] for trigger in document["triggers"] if trigger.get("type") == "conversation_start"), None)


def apply(document: Document, change: Change) -> Document:
    """A new document with `change` in it; the given one stays as it is."""
    changed = document
    for path, value in change.fields.items():
        changed = _with(changed, _steps(path), value)
    return {
        **changed,
        "nodes": _put(document["nodes"], change.nodes),
        "edges": _put(document["edges"], change.edges),
    }


def path_of(*steps: str) -> str:
    """The path of a part of the flow: `path_of("variables", "city")`."""
    return "/".join(step.replace("~", "~0").replace("/", "~1") for step in steps)


def _steps(path: str) -> list[str]:
    return [step.replace("~1", "/").replace("~0", "~") for step in path.split("/")]


def _holds(path: str, other: str) -> bool:
    return other.startswith(f"{path}/")


def _with(holder: Mapping[str, Any], steps: Sequence[str], value: Any) -> dict[str, Any]:
    first, *rest = steps
    changed = dict(holder)
    if rest:
        changed[first] = _with(holder.get(first) or {}, rest, value)
    elif value is None:
        changed.pop(first, None)
    else:
        changed[first] = value
    return changed


def _at(document: Document, path: str) -> Any:
    value: Any = document
    for step in _steps(path):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _put(parts: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**parts, **changes}
    return {name: part for name, part in merged.items() if part is not None}


def read(document: Document, change: Change) -> Change:
    """What `document` holds of the parts that `change` speaks of."""
    return Change(
        {name: document["nodes"].get(name) for name in change.nodes},
        {name: document["edges"].get(name) for name in change.edges},
        {path: _at(document, path) for path in change.fields},
    )


def command(document: Document, after: Change, label: str, merge_key: str | None = None) -> Command:
    """The command that puts `after` into `document`."""
    return Command(read(document, after), after, label, merge_key)


def take_back(document: Document, from_: Change, to: Change) -> Change:
    """What undoing (or redoing) may put: only parts that nobody changed since, and no connection that would hang in the air."""
    now = read(document, to)
    nodes = {name: part for name, part in to.nodes.items() if now.nodes[name] == from_.nodes[name]}
    edges = {name: part for name, part in to.edges.items() if now.edges[name] == from_.edges[name]}
    fields = {name: part for name, part in to.fields.items() if now.fields[name] == from_.fields[name]}
    left = _put(document["nodes"], nodes)
    edges = {name: part for name, part in edges.items() if part is None or (part["source"] in left and part["target"] in left)}
    edges |= _hanging(document["edges"], edges, left)
    return Change(nodes, edges, fields)


def _hanging(edges: Mapping[str, Any], changed: Mapping[str, Any], nodes: Mapping[str, Any]) -> dict[str, None]:
    return {name: None for name, edge in edges.items() if name not in changed and not (edge["source"] in nodes and edge["target"] in nodes)}


def joined(changes: Iterable[Change]) -> Change:
    """Later changes over earlier ones."""
    nodes: dict[str, Any] = {}
    edges: dict[str, Any] = {}
    fields: dict[str, Any] = {}
    for change in changes:
        nodes |= change.nodes
        edges |= change.edges
        covered = {path for path in fields if path in change.fields or any(_holds(other, path) for other in change.fields)}
        fields = {**{path: value for path, value in fields.items() if path not in covered}, **change.fields}
    return Change(nodes, edges, fields)
