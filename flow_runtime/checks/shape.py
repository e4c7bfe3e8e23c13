"""Is it a flow document at all: plain JSON of a sensible size that fits flow.schema.json."""

import json
import re
from collections.abc import Mapping
from itertools import islice
from math import isfinite
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from flow_runtime.caching import remembered
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
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_NOT_IN_NAMES = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


def check_shape(document: Any) -> list[Problem]:
    """Problems that keep every other check from looking at the document."""
    garbage = _garbage(document)
    if garbage is not None:
        return [Problem("unreadable_document", "error", None, None, garbage, "Import a file that Chatloom exported.")]
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
    return _misfits(document)


def _garbage(document: Any) -> str | None:
    """Why the document is not plain JSON of a sensible size, or None. Looks at everything without recursion."""
    if not isinstance(document, dict):
        return "This is not a flow: a flow document is a JSON object."
    values = characters = 0
    texts = _translated_texts(document)
    stack: list[tuple[Any, int]] = [(document, 0)]
    while stack:
        value, depth = stack.pop()
        values += 1
        if depth > DOCUMENT_DEPTH:
            return f"The document is nested more than {DOCUMENT_DEPTH} levels deep."
        if isinstance(value, dict):
            for key, item in value.items():
                forbidden = _UNSTORABLE if id(value) in texts else _NOT_IN_NAMES
                if not isinstance(key, str) or forbidden.search(key):
                    return "The document has a name with a character that is not allowed."
                characters += len(key)
                stack.append((item, depth + 1))
        elif isinstance(value, list):
            stack += [(item, depth + 1) for item in value]
        elif isinstance(value, str):
            characters += len(value)
            if len(value) > DOCUMENT_TEXT_CHARACTERS:
                return f"The document has a text of more than {DOCUMENT_TEXT_CHARACTERS} characters."
            if _UNSTORABLE.search(value):
                return "The document has a text with a character that cannot be stored."
        elif not _is_storable(value):
            return "The document has a value that is not plain JSON, or a number that is too large."
        if values + len(stack) > DOCUMENT_VALUES or characters > DOCUMENT_CHARACTERS:
            return "The document is too large."
    return None


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


def _misfits(document: Mapping[str, Any]) -> list[Problem]:
    """Where the document does not fit its schema. Nodes and edges are looked at one by one, so that an edit pays for what it changed."""
    bare = {name: {} if name in ("nodes", "edges") and isinstance(value, dict) else value for name, value in document.items()}
    problems = [_problem(None, *fault) for fault in _faults(_DOCUMENT, bare)]
    for group in ("nodes", "edges"):
        entries = document.get(group)
        for entry_id, entry in entries.items() if isinstance(entries, dict) else ():
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
