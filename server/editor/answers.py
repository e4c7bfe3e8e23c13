"""Answers to gestures: one response that updates the cards, the problems, the history and the revision of an open page."""

from collections.abc import Iterable, Sequence
from typing import Any

from litestar import Request, Response

from flow_runtime import Problem
from server.editor.cards import Difference, Picture
from server.editor.operate import Edited
from server.flows.document import Document
from server.kit import pages
from server.kit.pages import Partial

AnyRequest = Request[Any, Any, Any]

SHOWN_PROBLEMS = 100
CONFLICT = "Somebody else changed the same steps. The canvas now shows their work; do your change again where it still fits."


def answer(request: AnyRequest, edited: Edited, extra: Iterable[Partial] = ()) -> Response[str]:
    """The partials that bring the page up to date."""
    found = edited.difference
    drawing = _whole(request, edited.picture) if found is None else _changed(request, found)
    parts = [*drawing, *_around(request, edited), *extra]
    if edited.conflict:
        return pages.partials(request, parts, status=409, headers=pages.toast(CONFLICT, "warning"))
    return pages.partials(request, parts)


def _whole(request: AnyRequest, picture: Picture) -> list[Partial]:
    macros = pages.macros(request, "editor/_node.html")
    cards = "".join(str(macros.node(card)) for card in picture.cards.values())
    edges = "".join(str(macros.edge(edge)) for edge in picture.edges.values())
    return [Partial("#nodes", cards, "innerMorph"), Partial("#edges", edges, "innerMorph")]


def _changed(request: AnyRequest, found: Difference) -> list[Partial]:
    macros = pages.macros(request, "editor/_node.html")
    return [
        *(Partial(f"#{name}", swap="delete") for name in (*found.gone_edges, *found.gone_cards)),
        *(Partial("#nodes", macros.node(card), "beforeend") for card in found.new_cards),
        *(Partial(f"#{card['id']}", macros.node(card), "outerMorph") for card in found.changed_cards),
        *(Partial("#edges", macros.edge(edge), "beforeend") for edge in found.new_edges),
        *(Partial(f"#{edge['id']}", macros.edge(edge), "outerMorph") for edge in found.changed_edges),
    ]


def _around(request: AnyRequest, edited: Edited) -> list[Partial]:
    macros = pages.macros(request, "editor/_around.html")
    listed = problem_list(edited.problems, edited.draft.document)
    parts = [
        Partial("#history", macros.history(edited.history), "innerMorph"),
        Partial("#problems", macros.problems(listed, len(edited.problems)), "innerHTML"),
        Partial("#problem-count", macros.problem_count(count_of(edited.problems)), "outerHTML"),
        Partial("#state", macros.state(edited.draft.published_version, True, None), "outerHTML"),
        Partial("#rev", macros.revision(edited.draft.rev), "outerHTML"),
    ]
    return [*parts, Partial("#live", edited.say, "textContent")] if edited.say else parts


def problem_list(problems: Sequence[Problem], document: Document) -> list[dict[str, Any]]:
    """The problems as the panel lists them: errors first, each with the name of its step."""
    ranked = sorted(problems, key=lambda problem: problem.severity != "error")[:SHOWN_PROBLEMS]
    return [
        {
            "severity": problem.severity,
            "node": problem.node_id,
            "field": (problem.field or "").split(".")[0],
            "title": document["nodes"][problem.node_id]["title"] if problem.node_id in document["nodes"] else "The flow",
            "message": problem.message,
            "fix": problem.fix,
        }
        for problem in ranked
    ]


def count_of(problems: Sequence[Problem]) -> dict[str, int]:
    """How many problems there are, and how many of them are errors."""
    return {"all": len(problems), "errors": sum(problem.severity == "error" for problem in problems)}
