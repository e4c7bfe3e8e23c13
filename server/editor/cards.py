"""What the canvas shows of a draft: a card for each step, an edge for each connection, and how two pictures differ."""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from flow_runtime import Problem
from server.editor.trigger_words import flags_of
from server.flows.document import Document, start_of
from server.flows.library import KINDS, card_text, describe, ports_of_step

Card = dict[str, Any]
Edge = dict[str, Any]

ENTRY = "in"
"""The name of a card's input; no output may carry it on the canvas."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Every card and edge of a draft by id."""

    cards: Mapping[str, Card]
    edges: Mapping[str, Edge]


@dataclass(frozen=True, slots=True)
class Difference:
    """What leads from one picture to another."""

    new_cards: Sequence[Card]
    changed_cards: Sequence[Card]
    gone_cards: Sequence[str]
    new_edges: Sequence[Edge]
    changed_edges: Sequence[Edge]
    gone_edges: Sequence[str]
    only_moved: frozenset[str]


def picture_of(document: Document, problems: Iterable[Problem], flow_names: Mapping[str, str] | None = None) -> Picture:
    """The whole canvas, in reading order; `flow_names` are the names of flows that steps run, by id."""
    by_step: dict[str, list[Problem]] = {}
    for problem in problems:
        if problem.node_id is not None:
            by_step.setdefault(problem.node_id, []).append(problem)
    start, flags = start_of(document), flags_of(document)
    steps = sorted(document["nodes"].items(), key=lambda item: (item[1]["position"]["x"], item[1]["position"]["y"], item[0]))
    titles = {"node": {name: step["title"] for name, step in steps}, "flow": flow_names or {}}
    cards = {name: _card(name, _named(step, titles), name == start, flags.get(name, ()), by_step.get(name, ())) for name, step in steps}
    edges = {name: {"id": name, **edge} for name, edge in document["edges"].items()}
    return Picture(cards, edges)


def _named(step: Mapping[str, Any], titles: Mapping[str, Mapping[str, str]]) -> Mapping[str, Any]:
    """The step with titles in place of the ids that its settings hold, to be read."""
    settings = step["settings"]
    names = {
        name: titles[part["x-refers"]].get(settings.get(name), "")
        for name, part in KINDS.schema(step["type"]).get("properties", {}).items()
        if part.get("x-refers") in titles and settings.get(name)
    }
    return {**step, "settings": {**settings, **names}} if names else step


def _card(name: str, step: Mapping[str, Any], is_start: bool, flags: Sequence[tuple[str, str]], problems: Sequence[Problem]) -> Card:
    kind = describe(step["type"])
    card: Card = {
        "id": name,
        "type": step["type"],
        "type_title": kind.title,
        "category": kind.category,
        "title": step["title"] or kind.title,
        "text": card_text(step),
        "ports": [{"name": port.name, "title": port.title} for port in ports_of_step(step)],
        "start": is_start,
        "flags": list(flags),
        "errors": sum(problem.severity == "error" for problem in problems),
        "warnings": sum(problem.severity == "warning" for problem in problems),
        "problem_text": "; ".join(problem.message for problem in problems[:5]),
    }
    return {**card, "rev": f"{zlib.crc32(msgspec.json.encode(card)):x}", "x": step["position"]["x"], "y": step["position"]["y"]}


def difference(before: Picture, after: Picture) -> Difference:
    """What must change on a page that shows `before` to show `after`."""
    return Difference(
        [card for name, card in after.cards.items() if name not in before.cards],
        [card for name, card in after.cards.items() if name in before.cards and card != before.cards[name]],
        [name for name in before.cards if name not in after.cards],
        [edge for name, edge in after.edges.items() if name not in before.edges],
        [edge for name, edge in after.edges.items() if name in before.edges and edge != before.edges[name]],
        [name for name in before.edges if name not in after.edges],
        frozenset(name for name, card in after.cards.items() if name in before.cards and card["rev"] == before.cards[name]["rev"]),
    )
