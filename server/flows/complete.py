"""Fills in what a document from outside may leave out and the canvas needs: titles, places, type versions."""

from collections import deque
from typing import Any

from flow_runtime.upgrades import upgraded, upgraded_nodes
from server.flows.document import Document, new_document, start_of
from server.flows.library import describe, library

COLUMN = 320
ROW = 208


def completed(document: Document) -> Document:
    """The document with every optional part; steps without a place stand in columns by their distance from the start."""
    whole = {**new_document(document["name"], document.get("description", "")), **upgraded_nodes(upgraded(document), library())}
    places = _places(whole) if any(not _has_place(step) for step in whole["nodes"].values()) else {}
    nodes = {name: _step(step, places.get(name, (0, 0))) for name, step in whole["nodes"].items()}
    edges = {name: edge for name, edge in whole["edges"].items() if edge["source"] in nodes and edge["target"] in nodes}
    return {**whole, "nodes": nodes, "edges": edges}


def _has_place(step: dict[str, Any]) -> bool:
    position = step.get("position", {})
    return "x" in position and "y" in position


def _step(step: dict[str, Any], place: tuple[int, int]) -> dict[str, Any]:
    position = step["position"] if _has_place(step) else {"x": place[0], "y": place[1]}
    whole = {
        "type": step["type"],
        "type_version": step.get("type_version", 1),
        "title": step.get("title") or describe(step["type"]).title,
        "settings": step["settings"],
        "position": position,
        "note": step.get("note", ""),
        "on_error": step.get("on_error", {"do": "stop"}),
    }
    return whole | {"timeout_s": step["timeout_s"]} if "timeout_s" in step else whole


def _places(document: Document) -> dict[str, tuple[int, int]]:
    """A column for each distance from the start, rows in the order in which steps are met."""
    depth = _depths(document)
    rows: dict[int, int] = {}
    places = {}
    for name, column in depth.items():
        row = rows.get(column, 0)
        rows[column] = row + 1
        places[name] = (column * COLUMN, row * ROW)
    return places


def _depths(document: Document) -> dict[str, int]:
    after: dict[str, list[str]] = {}
    for edge in document["edges"].values():
        after.setdefault(edge["source"], []).append(edge["target"])
    depth: dict[str, int] = {}
    for first in (start_of(document), *document["nodes"]):
        if first is None or first in depth or first not in document["nodes"]:
            continue
        depth[first] = 0
        waiting = deque([first])
        while waiting:
            name = waiting.popleft()
            for target in after.get(name, ()):
                if target in document["nodes"] and target not in depth:
                    depth[target] = depth[name] + 1
                    waiting.append(target)
    return depth
