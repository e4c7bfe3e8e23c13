"""The flow the benchmarks run: every message passes five nodes and ends where it began."""

from collections.abc import Mapping, Sequence
from typing import Any

START = "ask"


def five_nodes() -> dict[str, Any]:
    """ask_question (answered) -> set_variables -> branch -> send_message -> ask_question (asks again)."""
    steps: dict[str, tuple[str, dict[str, Any]]] = {
        "ask": ("ask_question", {"text": "What can I do for you?", "save_as": "wish"}),
        "count": ("set_variables", {"assignments": [{"variable": "count", "value": "{{ (count or 0) + 1 }}"}]}),
        "check": (
            "branch",
            {
                "branches": [
                    {
                        "name": "bye",
                        "title": "Goodbye",
                        "when": {"match": "any", "rows": [{"variable": "wish", "operator": "is", "value": "bye"}]},
                    }
                ]
            },
        ),
        "answer": ("send_message", {"text": "You said: {{ wish }}. This is message {{ count }} of the conversation."}),
        "bye": ("end", {"text": "Goodbye!", "outcome": "completed"}),
    }
    edges = [
        ("ask", "next", "count"),
        ("count", "next", "check"),
        ("check", "bye", "bye"),
        ("check", "otherwise", "answer"),
        ("answer", "next", "ask"),
    ]
    count = {"type": "number", "scope": "flow", "default": 0, "personal": False}
    return document(steps, edges, {"count": count})


def document(
    steps: Mapping[str, tuple[str, Mapping[str, Any]]], edges: Sequence[tuple[str, str, str]], variables: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """A flow document; the first step is the start. Edges are (source, port, target)."""
    return {
        "schema_version": 1,
        "name": "Bench",
        "description": "",
        "languages": {"default": "en", "others": []},
        "variables": dict(variables or {}),
        "triggers": [{"id": "start", "type": "conversation_start", "node": next(iter(steps))}],
        "nodes": {
            name: {
                "type": kind,
                "type_version": 1,
                "title": name.title(),
                "settings": dict(settings),
                "position": {"x": 0, "y": 0},
                "note": "",
                "on_error": {"do": "branch" if kind in ("http_request", "llm_reply") else "stop"},
            }
            for name, (kind, settings) in steps.items()
        },
        "edges": {f"e{number}": {"source": s, "port": p, "target": t} for number, (s, p, t) in enumerate(edges)},
        "settings": {},
    }
