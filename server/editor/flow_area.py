"""The dialog about the flow as a whole: its tabs, and what each change of it sends back to the page beneath."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any
from uuid import UUID

from litestar import Request, Response
from litestar.datastructures import FormMultiDict
from sqlalchemy.ext.asyncio import AsyncConnection

from server.editor.answers import answer
from server.editor.operate import Batch, Edited, Refused, perform
from server.editor.outline_pages import outline_answer
from server.flows import draft as drafts
from server.flows.document import Document
from server.flows.draft import Draft
from server.flows.operations import Operation
from server.kit import pages
from server.kit.ids import uuid7
from server.kit.pages import Hx, Partial
from server.security.identity import Identity
from server.security.roles import allows

READ = {"permission": "flows:read"}
WRITE = {"permission": "flows:write"}
TABS = (
    {"id": "flow-general", "text": "General", "part": "general"},
    {"id": "flow-variables", "text": "Variables", "part": "variables"},
    {"id": "flow-triggers", "text": "Triggers", "part": "triggers"},
    {"id": "flow-languages", "text": "Languages", "part": "languages"},
    {"id": "flow-interface", "text": "Inputs and outputs", "part": "interface"},
)

AnyRequest = Request[Any, Any, Any]


@cache
def time_zones() -> list[str]:
    """The names of the IANA time zone database."""
    return files("tzdata").joinpath("zones").read_text().split()


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is wrong with a form, at which of its fields."""

    field: str
    sentence: str

    @property
    def errors(self) -> dict[str, str]:
        """As the templates want it."""
        return {self.field: self.sentence}


def view_of(request: AnyRequest) -> str:
    """The page on which the dialog is open: canvas, list or intents."""
    path = (Hx(request).current_path or "").partition("?")[0]
    return "list" if path.endswith("/outline") else "intents" if path.endswith("/intents") else "canvas"


def area(request: AnyRequest, identity: Identity, draft: Draft, part: str, values: Mapping[str, Any]) -> Response[str]:
    """A tab of the dialog: alone when it is shown by its tab, else with everything around it."""
    common: dict[str, Any] = {
        "flow_id": draft.flow_id,
        "document": draft.document,
        "writable": allows(identity.role, "flows:write"),
        "view": view_of(request),
        "part": part,
        "errors": {},
    }
    alone = Hx(request).target == f"flow-{part}"
    template = f"editor/flow/_{part}.html" if alone else "editor/flow/_area.html"
    return pages.render(request, template, tabs=TABS, zones=time_zones(), **(common | dict(values)))


def part_of(request: AnyRequest, draft: Draft, part: str, values: Mapping[str, Any]) -> Partial:
    """The tab drawn anew, in place of what it shows."""
    common: dict[str, Any] = {
        "flow_id": draft.flow_id,
        "document": draft.document,
        "writable": True,
        "view": view_of(request),
        "part": part,
        "errors": {},
    }
    return Partial(f"#flow-{part}", pages.fragment(request, f"editor/flow/_{part}.html", **(common | dict(values))), "innerHTML")


async def change(conn: AsyncConnection, identity: Identity, flow_id: UUID, *operations: Operation) -> Edited | Refusal:
    """Do the operations as one request of this person, each a step of undo; a Refusal when one of them cannot be done."""
    draft = await drafts.lock_draft(conn, identity.tenant_id, flow_id)
    batch = Batch(draft.rev, f"flow-{uuid7().hex}", list(operations))
    try:
        return await perform(conn, identity.tenant_id, flow_id, identity.member_id, batch)
    except Refused as problem:
        return Refusal(problem.field, problem.detail)


def changed(request: AnyRequest, edited: Edited, parts: Iterable[Partial] = (), *, of_step: bool = False) -> Response[str]:
    """What brings the page up to date, beneath the dialog and in it; `of_step`: the change was made among the properties of a step."""
    macros = pages.macros(request, "editor/flow/_parts.html")
    own = [*parts]
    if not of_step:
        own.append(Partial("#flow-history", macros.history(edited.draft.flow_id, edited.history), "innerMorph"))
    view = view_of(request)
    if view == "canvas":
        response = answer(request, edited, own)
    elif view == "list":
        response = outline_answer(request, edited, own)
    else:
        around = pages.macros(request, "editor/_around.html")
        state = Partial("#state", around.state(edited.draft.published_version, True, None), "outerHTML")
        response = pages.partials(request, [state, *own])
    if not of_step:
        response.headers.update(pages.trigger(flow_changed={}))
    return response


def one(form: FormMultiDict, name: str) -> str:
    """The value of a field, without what no text may hold."""
    values = form.getall(name, [])
    return str(values[-1]).replace("\x00", "").replace("\r\n", "\n") if values else ""


def every(form: FormMultiDict, name: str) -> list[str]:
    """All values of a field."""
    return [str(value).replace("\x00", "") for value in form.getall(name, [])]


def lines(form: FormMultiDict, name: str) -> list[str]:
    """The lines of a field that say something."""
    return [line.strip() for line in one(form, name).split("\n") if line.strip()]


def steps_of(document: Document) -> list[tuple[str, str]]:
    """(id, title) of every step, in reading order."""
    places = sorted(document["nodes"].items(), key=lambda item: (item[1]["position"]["x"], item[1]["position"]["y"], item[0]))
    return [(name, step["title"]) for name, step in places]
