"""docs/nodes.md: every node in words, written from its folder. The examples are the cases that the tests run."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from node_library.contract import CATEGORIES, FolderNode
from node_library.library import NodeLibrary
from node_library.widgets import SHAPES

CATEGORY_TITLES: Mapping[str, str] = {
    "messages": "Messages",
    "logic": "Logic",
    "understanding": "Understanding",
    "ai": "AI",
    "integrations": "Integrations",
    "people": "People",
}
_INTRODUCTION = """# Nodes

Written by `python scripts/node_reference.py` from the folders in [node_library](../node_library); do not edit it by hand. Every example is
a case that the tests run. To write a node of your own, see [CONTRIBUTING.md](../CONTRIBUTING.md).

In every text, `{{ name }}` puts in a value. What a node calls is done by the server; when the server cannot, the node leaves by *failed*
with a sentence in `error.message` that says what is missing.
"""
_KINDS: Mapping[str, str] = {
    "text": "text",
    "rich": "text",
    "multiline": "long text",
    "code": "code",
    "variable": "name of a variable",
    "number": "number",
    "switch": "yes or no",
    "duration": "seconds",
    "list": "list of texts",
    "key_value": "names with values",
    "pick": "parts of the answer: `path`, `variable`",
}
_WAITS: Mapping[str, str] = {"message": "the customer", "call": "the answer", "timer": "the time", "event": "the event"}


def reference(library: NodeLibrary) -> str:
    """The whole page, in Markdown."""
    nodes = [library[entry.type] for entry in library.palette()]
    lines = [_INTRODUCTION]
    for category in CATEGORIES:
        of_it = [node for node in nodes if node.category == category]
        lines.append(f"**{CATEGORY_TITLES[category]}**: " + " · ".join(f"[{node.title}](#{_anchor(node)})" for node in of_it) + "\n")
    for category in CATEGORIES:
        lines.append(f"## {CATEGORY_TITLES[category]}\n")
        lines += [_section(node) for node in nodes if node.category == category]
    return "\n".join(lines)


def _anchor(node: FolderNode) -> str:
    return re.sub(r"[^\w -]", "", node.title.casefold()).replace(" ", "-")


def _section(node: FolderNode) -> str:
    called = sorted({kind for case in node.cases for kind, _ in case["expect"].get("calls", ())})
    calls = f"Calls {', '.join(f'`{kind}`' for kind in called)}." if called else ""
    parts = [
        f"### {node.title}",
        " ".join(filter(None, (f"`{node.type}` version {node.version}. {node.summary}", calls))),
        _settings(node),
        _ports(node),
        "Examples:",
        "\n".join(f"- {line}" for line in map(_example, node.cases)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _settings(node: FolderNode) -> str:
    required = node.schema.get("required", ())
    rows = [
        (
            f"`{name}`" + (" (needed)" if name in required and "default" not in part else ""),
            part["title"],
            _kind(part),
            _default(part),
            _notes(node, part),
        )
        for name, part in node.schema["properties"].items()
    ]
    return _table(("Setting", "In the form", "Value", "Default", ""), rows) if rows else "It has no settings."


def _notes(node: FolderNode, part: Mapping[str, Any]) -> str:
    shown = part.get("x-show-if")
    when = f"With {node.schema['properties'][shown['field']]['title']}: {_label(node, shown)}." if shown else ""
    return " ".join(filter(None, (part.get("x-help", ""), when)))


def _label(node: FolderNode, shown: Mapping[str, Any]) -> str:
    """The value a setting needs, as the form shows it."""
    value = shown["is"]
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(node.schema["properties"][shown["field"]].get("x-labels", {}).get(str(value), value))


def _kind(part: Mapping[str, Any]) -> str:
    widget = part["x-widget"]
    if widget == "select":
        return " or ".join(_code(option) for option in part["enum"])
    if widget == "rows":
        return "rows: " + ", ".join(f"`{name}`" for name in part["items"]["properties"])
    if widget == "number":
        return f"number{_between(part)}"
    return _KINDS.get(widget, widget.replace("_", " ") if widget in SHAPES else "text")


def _between(part: Mapping[str, Any]) -> str:
    low, high = part.get("minimum"), part.get("maximum")
    if low is None and high is None:
        return ""
    return f", {low} to {high}" if low is not None and high is not None else f", at least {low}" if high is None else f", at most {high}"


def _default(part: Mapping[str, Any]) -> str:
    return "" if part.get("default") in (None, "", [], {}) else _code(part["default"])


def _ports(node: FolderNode) -> str:
    if not node.about["ports"]:
        jumps = any(part.get("x-refers") == "node" for part in node.schema["properties"].values())
        return "No way out: the flow goes on at the step it names." if jumps else "The flow ends here."
    return "Ways out: " + "; ".join(_port(node, about) for about in node.about["ports"]) + "."


def _port(node: FolderNode, about: Mapping[str, Any]) -> str:
    if "each" in about:
        way = f"one for each of *{node.schema['properties'][about['each']]['title']}*"
    else:
        way = f"*{about['title']}* (`{about['name']}`)"
    when = about.get("when")
    return way if when is None else f"{way} with {node.schema['properties'][when['field']]['title']}: {_label(node, when)}"


def _example(case: Mapping[str, Any]) -> str:
    given = [f"with {_code(case['settings'])}" if case["settings"] else "with nothing filled in", *_given(case)]
    return f"**{case['name'][:1].upper()}{case['name'][1:]}**: {', '.join(given)} it {'; '.join(_expected(case['expect']))}."


def _given(case: Mapping[str, Any]) -> Iterator[str]:
    known = {**case.get("variables", {}), **case.get("scope", {})}
    if known:
        yield f"knowing {_code(known)}"
    for name in ("language", "time_zone", "memory"):
        if name in case:
            yield f"{name.replace('_', ' ')} {_code(case[name])}"
    if case.get("returning"):
        yield "after the customer was led elsewhere"
    if "open_message" in case:
        yield f"after {_quoted(case['open_message'])}"
    if "message" in case:
        yield f"when the customer writes {_quoted(case['message'])}"
    if "call_result" in case:
        yield f"when the answer is {_code(case['call_result'].get('value', case['call_result'].get('error')))}"
    if "input" in case:
        yield f"when {_code(case['input'])} comes"


_EXPECTED: Mapping[str, Callable[[Any], str]] = {
    "says": lambda texts: "says " + " and ".join(map(_quoted, texts)),
    "choices": lambda choices: "offers " + ", ".join(_quoted(choice["label"]) for choice in choices),
    "calls": lambda calls: " and ".join(f"calls `{kind}` with {_code(payload)}" for kind, payload in calls),
    "tracks": lambda tracks: " and ".join(f"counts `{name}` {_code(props)}" for name, props in tracks),
    "timers": lambda timers: "sets a timer of " + " and ".join(f"{seconds:g} s" for seconds in timers),
    "set": lambda values: "sets " + ", ".join(f"`{name}` to {_code(value)}" for name, value in values.items()),
    "memory": lambda memory: f"keeps {_code(memory)} in mind",
    "go": lambda port: f"leaves by `{port}`",
    "wait_for": lambda kind: f"waits for {_WAITS[kind]}",
    "end": lambda reason: f"ends the flow as `{reason}`",
    "event": lambda name: f"listens for the event `{name}`",
    "interruptible": lambda _: "listens to the customer meanwhile",
    "error": lambda kind: f"sets `error.kind` to `{kind}`",
    "fails": lambda kind: f"fails with `{kind}`",
    "problems": lambda problems: "is not ready to be published: " + ", ".join(f"`{problem}`" for problem in problems),
    "hand_offs": lambda offs: "hands over" + "".join(f" to `{queue}`" for _, queue in offs if queue),
    "not_understood": lambda _: "says that it did not understand",
    "timeout_s": lambda seconds: f"waits {seconds:g} s at most",
    "subflow": lambda call: f"runs `{call['ref']}`" + (f" with {_code(call['inputs'])}" if "inputs" in call else ""),
    "loop": lambda loop: f"goes once through its path for each of {_code(loop['items'])}",
    "fork": lambda fork: f"goes down {' and '.join(_code(port) for port in fork['ports'])} until {fork['join']} of them ended",
    "jump": lambda step: f"goes on at `{step}`",
}


def _expected(expect: Mapping[str, Any]) -> Iterator[str]:
    for name, value in expect.items():
        write = _EXPECTED.get(name)
        yield f"{name.replace('_', ' ')}: {_code(value)}" if write is None else write(value)


def _quoted(text: str) -> str:
    return f"*{' '.join(_escaped(text).split())}*" if text.strip() else "nothing"


def _code(value: Any) -> str:
    """A value as code that may stand in a table and in a list."""
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    text = text if len(text) <= 400 else f"{text[:399]}…"
    ticks = "``" if "`" in text else "`"
    space = " " if "`" in text else ""
    return f"{ticks}{space}{text}{space}{ticks}"


def _escaped(text: str) -> str:
    return re.sub(r"([*_`|<\[\]\\])", r"\\\1", text)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
