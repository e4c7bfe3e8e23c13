"""The flow as a list: every step with what it connects to. The way for screen readers, keyboards and phones."""

from collections import deque
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from server.editor.canvas_pages import page_values
from server.editor.cards import Card, Picture
from server.editor.operate import Batch, Edited, perform
from server.flows import draft as drafts
from server.flows.document import Document, start_of
from server.flows.operations import Add, Connect, Delete, Operation, Start
from server.kit import pages
from server.kit.db import Database
from server.kit.errors import Problem
from server.kit.ids import uuid7
from server.kit.pages import Partial
from server.security.identity import Identity
from server.security.roles import allows

READ = {"permission": "flows:read"}
WRITE = {"permission": "flows:write"}
STEP_BELOW = 200

AnyRequest = Request[Any, Any, Any]


@get("/flows/{flow_id:uuid}/outline", opt=READ, include_in_schema=False)
async def outline(
    request: AnyRequest, flow_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> Response[str]:
    """The page with the list."""
    async with db.tenant(identity.tenant_id) as conn:
        edited, values = await page_values(conn, identity, flow_id)
    steps = listed(edited.draft.document, edited.picture)
    return pages.render(
        request,
        "editor/outline.html",
        **values,
        steps=steps,
        writable=allows(identity.role, "flows:write"),
    )


@post("/flows/{flow_id:uuid}/outline", opt=WRITE, status_code=200, include_in_schema=False)
async def change_outline(
    request: AnyRequest, flow_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> Response[str]:
    """Add, connect, start, delete: what the list's controls send."""
    form = await request.form()
    wish = {name: str(form.get(name, "")) for name in ("do", "type", "node", "port", "target")}
    async with db.tenant(identity.tenant_id) as conn:
        draft = await drafts.lock_draft(conn, identity.tenant_id, flow_id)
        batch = Batch(draft.rev, f"outline-{uuid7().hex}", [operation_of(draft.document, wish)])
        edited = await perform(conn, identity.tenant_id, flow_id, identity.member_id, batch)
    return outline_answer(request, edited)


def operation_of(document: Document, wish: dict[str, str]) -> Operation:
    """The operation that a control of the list stands for."""
    match wish["do"]:
        case "add":
            x, y = _free_place(document)
            return Add(f"n-{uuid7().hex[-12:]}", wish["type"], x, y)
        case "connect" if wish["target"]:
            return Connect(f"e-{uuid7().hex[-12:]}", wish["node"], wish["port"], wish["target"])
        case "connect":
            return Delete(edges=_edges_of(document, wish["node"], wish["port"]))
        case "start":
            return Start(wish["node"])
        case "delete":
            return Delete(nodes=[wish["node"]])
    raise Problem(422, "bad_change", "This change is not known. Reload the page.")


def _free_place(document: Document) -> tuple[float, float]:
    """Below everything else, at the left."""
    places = [step["position"] for step in document["nodes"].values()]
    if not places:
        return 0, 0
    return min(place["x"] for place in places), max(place["y"] for place in places) + STEP_BELOW


def _edges_of(document: Document, node: str, port: str) -> list[str]:
    return [name for name, edge in document["edges"].items() if (edge["source"], edge["port"]) == (node, port)]


def listed(document: Document, picture: Picture) -> list[dict[str, Any]]:
    """The cards in the order a conversation meets them, each output with what it leads to."""
    exits = {(edge["source"], edge["port"]): edge["target"] for edge in document["edges"].values()}
    return [
        {**picture.cards[name], "number": number, "exits": [_exit(name, port, exits) for port in picture.cards[name]["ports"]]}
        for number, name in enumerate(_met(document, picture.cards), 1)
    ]


def _exit(name: str, port: dict[str, str], exits: dict[tuple[str, str], str]) -> dict[str, str]:
    return {**port, "target": exits.get((name, port["name"]), "")}


def _met(document: Document, cards: Any) -> Iterable[str]:
    """The start, what follows it, and what nothing leads to."""
    after: dict[str, list[str]] = {}
    for edge in document["edges"].values():
        after.setdefault(edge["source"], []).append(edge["target"])
    seen: dict[str, Card] = {}
    for first in (start_of(document), *cards):
        waiting = deque([first])
        while waiting:
            name = waiting.popleft()
            if name in cards and name not in seen:
                seen[name] = cards[name]
                waiting.extend(after.get(name, ()))
    return seen


def outline_answer(request: AnyRequest, edited: Edited, extra: Iterable[Partial] = ()) -> Response[str]:
    """The partials that bring the list up to date."""
    steps = listed(edited.draft.document, edited.picture)
    macros = pages.macros(request, "editor/_outline.html")
    around = pages.macros(request, "editor/_around.html")
    parts = [
        Partial("#outline", macros.steps(edited.draft.flow_id, steps, True), "innerMorph"),
        Partial("#state", around.state(edited.draft.published_version, True, None), "outerHTML"),
    ]
    said = [Partial("#live", edited.say, "textContent")] if edited.say else []
    return pages.partials(request, [*parts, *extra, *said])


handlers = [outline, change_outline]
