"""What starts a flow, in the dialog about it: a card for each trigger, in words for people who do not program."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.datastructures import FormMultiDict
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from sqlalchemy.ext.asyncio import AsyncConnection

from server.editor.fields import UNITS, as_number, split_duration
from server.editor.flow_area import READ, WRITE, Refusal, area, change, changed, every, lines, one, part_of, steps_of
from server.editor.trigger_words import COMMANDS, KINDS_IN_WORDS, in_words
from server.flows import draft as drafts
from server.flows.document import start_of
from server.flows.draft import Draft
from server.flows.examples import count_examples
from server.flows.refusal import EditRefused
from server.flows.schedules import DAYS, EVERY, choices_of, cron_of
from server.flows.triggers import TYPES, DeleteTrigger, SetTrigger
from server.kit import pages
from server.kit.db import Database
from server.kit.errors import Problem
from server.kit.ids import uuid7
from server.kit.pages import Partial
from server.security.identity import Identity

MATCHES = (
    ("exact", "The message is one of these"),
    ("contains", "The message contains one of these"),
    ("pattern", "The message fits a pattern (RE2)"),
)
WHENS = (
    ("not_understood", "When the step that waits does not understand the message"),
    ("always", "At once, whatever the step that waits asked for"),
)
AUDIENCES = (("open", "Everybody with an open conversation"), ("all", "Everybody who ever wrote"))

AnyRequest = Request[Any, Any, Any]


@get("/flows/{flow_id:uuid}/triggers", opt=READ, include_in_schema=False)
async def triggers(
    request: AnyRequest,
    flow_id: FromPath[UUID],
    db: NamedDependency[Database],
    identity: NamedDependency[Identity],
    node: FromQuery[str] = "",
) -> Response[str]:
    """The tab with the triggers; `node` is the step that a new one would start."""
    async with db.tenant(identity.tenant_id) as conn:
        draft = await drafts.read_draft(conn, identity.tenant_id, flow_id)
        history = await drafts.read_history(conn, draft, identity.member_id)
        values = await tab_values(conn, draft)
    return area(request, identity, draft, "triggers", {**values, "history": history, "node": node})


async def tab_values(conn: AsyncConnection, draft: Draft) -> dict[str, Any]:
    """What the tab shows."""
    return {
        "triggers": [shown(trigger) for trigger in draft.document["triggers"]],
        "about": await _about(conn, draft),
        "kinds": KINDS_IN_WORDS,
    }


async def _about(conn: AsyncConnection, draft: Draft) -> dict[str, Any]:
    return {
        "steps": steps_of(draft.document),
        "start": start_of(draft.document) or "",
        "intents": sorted(await count_examples(conn, draft.tenant_id, draft.flow_id)),
        "variables": sorted(draft.document.get("variables", {})),
        "has": {trigger["type"] for trigger in draft.document["triggers"]},
        "commands": COMMANDS,
        "matches": MATCHES,
        "whens": WHENS,
        "audiences": AUDIENCES,
        "every": EVERY,
        "days": list(enumerate(DAYS)),
        "units": [name for name, _ in UNITS],
        "zone": draft.document.get("settings", {}).get("time_zone", "UTC"),
        "kinds": KINDS_IN_WORDS,
    }


def shown(trigger: Mapping[str, Any]) -> dict[str, Any]:
    """A trigger as its card shows it."""
    amount, unit = split_duration(trigger.get("after_s"))
    timed = choices_of(trigger.get("cron", "0 9 * * *"))
    return {"returns": True, **trigger, "amount": amount, "unit": unit, "timed": timed, "words_of_it": in_words(trigger)}


@get("/flows/{flow_id:uuid}/triggers/new", opt=READ, include_in_schema=False)
async def new(
    request: AnyRequest,
    flow_id: FromPath[UUID],
    db: NamedDependency[Database],
    identity: NamedDependency[Identity],
    kind: FromQuery[str],
    node: FromQuery[str] = "",
) -> Response[str]:
    """The form of a trigger that is not there yet."""
    if kind not in TYPES:
        raise Problem(404, "not_found", "There is no such trigger.")
    async with db.tenant(identity.tenant_id) as conn:
        draft = await drafts.read_draft(conn, identity.tenant_id, flow_id)
        about = await _about(conn, draft)
    started = node if node in draft.document["nodes"] else about["start"]
    trigger = shown_new(kind, started)
    return pages.render(request, "editor/flow/_new_trigger.html", flow_id=flow_id, trigger=trigger, about=about, errors={})


def shown_new(kind: str, node: str) -> dict[str, Any]:
    """A trigger of this type that nothing is said of yet."""
    fresh = {"id": "new", "type": kind, "node": node, "returns": True, "amount": 10, "unit": "minutes"}
    return {**fresh, "timed": choices_of("0 9 * * *")}


@post("/flows/{flow_id:uuid}/triggers", opt=WRITE, status_code=200, include_in_schema=False)
async def add(
    request: AnyRequest, flow_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> Response[str]:
    """A new trigger."""
    form = await request.form()
    name = "start" if one(form, "type") == "conversation_start" else f"t-{uuid7().hex[-12:]}"
    return await _put(request, db, identity, flow_id, name, form, is_new=True)


@post("/flows/{flow_id:uuid}/triggers/{trigger_id:str}", opt=WRITE, status_code=200, include_in_schema=False)
async def save(
    request: AnyRequest,
    flow_id: FromPath[UUID],
    trigger_id: FromPath[str],
    db: NamedDependency[Database],
    identity: NamedDependency[Identity],
) -> Response[str]:
    """Another form of a trigger that is there."""
    return await _put(request, db, identity, flow_id, trigger_id, await request.form(), is_new=False)


async def _put(
    request: AnyRequest, db: Database, identity: Identity, flow_id: UUID, name: str, form: FormMultiDict, *, is_new: bool
) -> Response[str]:
    given = {**read_form(form), "id": name}
    async with db.tenant(identity.tenant_id) as conn:
        draft = await drafts.lock_draft(conn, identity.tenant_id, flow_id)
        if not is_new and all(trigger["id"] != name for trigger in draft.document["triggers"]):
            raise Problem(404, "not_found", "This trigger is gone: somebody deleted it. Open the triggers again.")
        done = await _change(conn, identity, flow_id, given, form)
        about = await _about(conn, done.draft if not isinstance(done, Refusal) else draft)
        values = {} if isinstance(done, Refusal) or not is_new else await tab_values(conn, done.draft)
    macros = pages.macros(request, "editor/flow/_triggers_parts.html")
    if isinstance(done, Refusal):
        unsaved = {**shown_new(given["type"], given["node"]), **given, **_as_typed(form)}
        target = "#new-trigger-form" if is_new else f"#trigger-form-{name}"
        html = (macros.new_form if is_new else macros.form)(flow_id, unsaved, about, done.errors)
        return pages.partials(request, [Partial(target, html, "outerMorph")], status=422)
    if is_new:
        return changed(request, done, [part_of(request, done.draft, "triggers", {**values, "node": ""})])
    trigger = next(one for one in done.draft.document["triggers"] if one["id"] == name)
    return changed(request, done, [Partial(f"#trigger-words-{name}", in_words(trigger), "textContent")])


async def _change(conn: AsyncConnection, identity: Identity, flow_id: UUID, given: dict[str, Any], form: FormMultiDict) -> Any:
    if given["type"] == "schedule":
        try:
            given["cron"] = cron_of(_timed(form))
        except EditRefused as refusal:
            return Refusal(refusal.field, str(refusal))
    return await change(conn, identity, flow_id, SetTrigger(given))


def _timed(form: FormMultiDict) -> dict[str, Any]:
    return {
        "every": one(form, "every"),
        "at": one(form, "at"),
        "days": every(form, "days"),
        "day": one(form, "day"),
        "cron": one(form, "cron"),
    }


def _as_typed(form: FormMultiDict) -> dict[str, Any]:
    """What the controls hold that no stored trigger has."""
    timed = _timed(form)
    days = [int(day) for day in timed["days"] if day.isdecimal()]
    return {"timed": {**timed, "days": days}, "amount": one(form, "amount"), "unit": one(form, "unit")}


def read_form(form: FormMultiDict) -> dict[str, Any]:
    """The trigger that a form holds, not checked yet."""
    amount = as_number(one(form, "amount"), whole=False)
    times = as_number(one(form, "times"), whole=True)
    return {
        "type": one(form, "type"),
        "node": one(form, "node"),
        "returns": "returns" in form,
        "intents": every(form, "intents"),
        "when": one(form, "when"),
        "words": lines(form, "words"),
        "match": one(form, "match"),
        "command": one(form, "command"),
        "value": one(form, "value"),
        "name": one(form, "name"),
        "save_as": one(form, "save_as"),
        "cron": one(form, "cron"),
        "time_zone": one(form, "time_zone"),
        "audience": one(form, "audience"),
        "after_s": amount * dict(UNITS).get(one(form, "unit"), 1) if isinstance(amount, int | float) else amount,
        "times": times,
    }


@post("/flows/{flow_id:uuid}/triggers/{trigger_id:str}/deletion", opt=WRITE, status_code=200, include_in_schema=False)
async def delete(
    request: AnyRequest,
    flow_id: FromPath[UUID],
    trigger_id: FromPath[str],
    db: NamedDependency[Database],
    identity: NamedDependency[Identity],
) -> Response[str]:
    """Take a trigger away."""
    async with db.tenant(identity.tenant_id) as conn:
        done = await change(conn, identity, flow_id, DeleteTrigger(trigger_id))
        if isinstance(done, Refusal):
            raise Problem(422, "edit_refused", done.sentence)
        values = await tab_values(conn, done.draft)
    return changed(request, done, [part_of(request, done.draft, "triggers", {**values, "node": ""})])


handlers = [triggers, new, add, save, delete]
