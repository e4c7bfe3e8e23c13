"""Is it a flow document at all: plain JSON of a sensible size that fits flow.schema.json."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from math import isfinite
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from flow_runtime.caching import remembered
from flow_runtime.checks.quick import compiled
from flow_runtime.checks.wording import sentence
from flow_runtime.limits import (
    DOCUMENT_CHARACTERS,
    DOCUMENT_DEPTH,
    DOCUMENT_NODES,
    DOCUMENT_TEXT_CHARACTERS,
    DOCUMENT_VALUES,
    INTEGER,
    PROBLEMS,
)
from flow_runtime.problems import Problem
from flow_runtime.upgrades import SCHEMA_VERSION

_SCHEMA = json.loads((Path(__file__).parent.parent / "flow.schema.json").read_text(encoding="utf-8"))
_DOCUMENT = Draft202012Validator(_SCHEMA)
_ENTRIES = {
    "nodes": Draft202012Validator({"$ref": "#/$defs/node", "$defs": _SCHEMA["$defs"]}),
    "edges": Draft202012Validator({"$ref": "#/$defs/edge", "$defs": _SCHEMA["$defs"]}),
}
_QUICKLY = {group: compiled(validator.schema) for group, validator in _ENTRIES.items()}
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_NOT_IN_NAMES = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")

Sizes = Mapping[tuple[str, str], "Size"]
"""The sizes of entries, by group ("nodes" or "edges") and id, that are known to be well-formed."""


@dataclass(frozen=True, slots=True)
class Size:
    """How many values a part of a document has, and how many characters are in them."""

    values: int = 0
    characters: int = 0


class _Garbage(Exception):
    """Not plain JSON of a sensible size; the message says why."""


def check_shape(document: Any, known: Sizes | None = None, found: dict[tuple[str, str], Size] | None = None) -> list[Problem]:
    """Problems that keep every other check from looking at the document.

    Entries in `known` are not looked at again. The sizes of the others are put into `found`, for the next time.
    """
    try:
        _check_size(document, known or {}, {} if found is None else found)
    except _Garbage as garbage:
        return [Problem("unreadable_document", "error", None, None, str(garbage), "Import a file that Chatloom exported.")]
    version = document.get("schema_version")
    if isinstance(version, int) and not isinstance(version, bool) and version > SCHEMA_VERSION:
        message = f"This flow was made by a newer Chatloom (flow format {version}; this server knows {SCHEMA_VERSION})."
        return [
            Problem(
                "newer_schema", "error", None, "schema_version", message, "Update this server, or export the flow from the older version."
            )
        ]
    nodes = document.get("nodes")
    if isinstance(nodes, dict) and len(nodes) > DOCUMENT_NODES:
        message = f"The flow has {len(nodes)} nodes; at most {DOCUMENT_NODES} are allowed."
        return [Problem("too_many_nodes", "error", None, "nodes", message, "Split it into several flows.")]
    return _misfits(document, known or {})


def _check_size(document: Any, known: Sizes, found: dict[tuple[str, str], Size]) -> None:
    """Raises _Garbage for a document that is not plain JSON or too large."""
    if not isinstance(document, dict):
        raise _Garbage("This is not a flow: a flow document is a JSON object.")
    texts = _translated_texts(document)
    groups = {name: part for name, part in document.items() if name in _ENTRIES and isinstance(part, dict)}
    bare = {name: {} if name in groups else part for name, part in document.items()}
    total = _size(bare, 0, texts, Size())
    for group, entries in groups.items():
        for entry_id, entry in entries.items():
            if not isinstance(entry_id, str) or _NOT_IN_NAMES.search(entry_id):
                raise _Garbage(_BAD_NAME)
            size = known.get((group, entry_id)) or _size(entry, 2, texts, Size())
            found[group, entry_id] = size
            total = Size(total.values + size.values, total.characters + size.characters + len(entry_id))
            _limit(total)


_BAD_NAME = "The document has a name with a character that is not allowed."


def _limit(size: Size) -> None:
    if size.values > DOCUMENT_VALUES or size.characters > DOCUMENT_CHARACTERS:
        raise _Garbage("The document is too large.")


def _size(part: Any, at_depth: int, texts: set[int], size: Size) -> Size:
    """Looks at every value, without recursion; raises _Garbage."""
    values, characters = size.values, size.characters
    stack: list[tuple[Any, int]] = [(part, at_depth)]
    while stack:
        value, depth = stack.pop()
        values += 1
        if depth > DOCUMENT_DEPTH:
            raise _Garbage(f"The document is nested more than {DOCUMENT_DEPTH} levels deep.")
        if isinstance(value, dict):
            forbidden = _UNSTORABLE if id(value) in texts else _NOT_IN_NAMES
            for key, item in value.items():
                if not isinstance(key, str) or forbidden.search(key):
                    raise _Garbage(_BAD_NAME)
                characters += len(key)
                stack.append((item, depth + 1))
        elif isinstance(value, list):
            stack += [(item, depth + 1) for item in value]
        elif isinstance(value, str):
            characters += len(value)
            if len(value) > DOCUMENT_TEXT_CHARACTERS:
                raise _Garbage(f"The document has a text of more than {DOCUMENT_TEXT_CHARACTERS} characters.")
            if _UNSTORABLE.search(value):
                raise _Garbage("The document has a text with a character that cannot be stored.")
        elif not _is_storable(value):
            raise _Garbage("The document has a value that is not plain JSON, or a number that is too large.")
        if values + len(stack) > DOCUMENT_VALUES or characters > DOCUMENT_CHARACTERS:
            raise _Garbage("The document is too large.")
    return Size(values, characters)


def _translated_texts(document: Mapping[str, Any]) -> set[int]:
    """The objects whose names are texts that the customer reads, which may have several lines."""
    languages = document.get("languages")
    texts = languages.get("texts") if isinstance(languages, dict) else None
    return {id(known) for known in texts.values()} if isinstance(texts, dict) else set()


def _is_storable(value: Any) -> bool:
    if value is None or isinstance(value, bool):
        return True
    if isinstance(value, int):
        return abs(value) <= INTEGER
    return isinstance(value, float) and isfinite(value)


def _misfits(document: Mapping[str, Any], known: Sizes) -> list[Problem]:
    """Where the document does not fit its schema. Nodes and edges are looked at one by one, so that an edit pays for what it changed."""
    bare = {name: {} if name in ("nodes", "edges") and isinstance(value, dict) else value for name, value in document.items()}
    problems = [_problem(None, *fault) for fault in _faults(_DOCUMENT, bare)]
    for group in ("nodes", "edges"):
        entries = document.get(group)
        quick = _QUICKLY[group]
        for entry_id, entry in entries.items() if isinstance(entries, dict) else ():
            if (group, entry_id) in known or (quick is not None and _ID.fullmatch(entry_id) and quick(entry)):
                continue
            node_id = entry_id if group == "nodes" else None
            prefix = "" if group == "nodes" else f"edges.{entry_id}"
            if not _ID.fullmatch(entry_id):
                message = f"The id {entry_id[:80]!r} may hold only letters, digits, - and _, at most 64."
                problems.append(_problem(node_id, group, message))
            for field, message in _entry_faults(json.dumps(entry, sort_keys=True), group):
                problems.append(_problem(node_id, ".".join(part for part in (prefix, field) if part), message))
            if len(problems) > PROBLEMS:
                break
    return sorted(problems, key=lambda problem: (problem.node_id or "", problem.field or "", problem.message))[:PROBLEMS]


def _problem(node_id: str | None, field: str, message: str) -> Problem:
    return Problem("invalid_document", "error", node_id, field or None, message, "Mend it here, or import the flow again.")


@remembered(8192)
def _entry_faults(entry: str, group: str) -> tuple[tuple[str, str], ...]:
    return _faults(_ENTRIES[group], json.loads(entry))


def _faults(validator: Draft202012Validator, value: Any) -> tuple[tuple[str, str], ...]:
    """The field and the sentence of each fault."""
    found = []
    for error in islice(validator.iter_errors(value), PROBLEMS):
        field = ".".join(str(step) for step in error.absolute_path)
        found.append((field, sentence(error, field or "The flow")))
    return tuple(found)
