"""The form of a step: shown, saved, refused at the field."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.datastructures import FormMultiDict
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from sqlalchemy.ext.asyncio import AsyncConnection

from flow_runtime import Problem as FlowProblem
from flow_runtime.locales import locale
from flow_runtime.settings import variables_set
from server.editor.answers import answer
from server.editor.fields import OPERATORS, UNITS, Field, as_number, check, fields_of, read, split_duration
from server.editor.help import help_html
from server.editor.operate import Edited, edited
from server.editor.outline_pages import outline_answer
from server.editor.references import references_of, referring, with_references, without_empty_inputs
from server.editor.step_message import speaks
from server.flows import draft as drafts
from server.flows.document import Document, start_of
from server.flows.draft import Draft
from server.flows.edit import save_step
from server.flows.error_policy import SetErrorPolicy, policy_of
from server.flows.examples import count_examples
from server.flows.languages import missing, texts_of_step
from server.flows.library import KINDS, describe, library
from server.flows.problems import problems_of_draft
from server.flows.refusal import EditRefused
from server.kit import pages
from server.kit.db import Database
from server.kit.errors import not_found
from server.kit.ids import uuid7
from server.kit.pages import Partial
from server.security.identity import Identity
from server.security.roles import allows

READ = {"permission": "flows:read"}
WRITE = {"permission": "flows:write"}
BUILT_IN = ("message.text", "contact.name", "contact.language", "conversation.id")
MAX_TITLE = 200
MAX_NOTE = 4_000

AnyRequest = Request[Any, Any, Any]


@dataclass(frozen=True, slots=True)
class About:
    """What the controls of a form need beside the field."""

    variables: Sequence[str]
    intents: Mapping[str, int]
    intents_url: str
    operators: Sequence[tuple[str, str]] = OPERATORS
    units: Sequence[tuple[str, int]] = UNITS

    @staticmethod
    def split_duration(seconds: Any) -> tuple[Any, str]:
        """Seconds as an amount and a unit."""
        return split_duration(seconds)

    @staticmethod
    def grouped(fields: Sequence[Field]) -> list[tuple[str, list[Field]]]:
        """Fields that stand together under one heading."""
        return [(name, list(members)) for name, members in groupby(fields, key=lambda field: field.group)]


@get("/flows/{flow_id:uuid}/nodes/{node:str}/form", opt=READ, include_in_schema=False)
async def show_form(
    request: AnyRequest,
    flow_id: FromPath[UUID],
    node: FromPath[str],
    db: NamedDependency[Database],
    identity: NamedDependency[Identity],
    view: FromQuery[str] = "",
) -> Response[str]:
    """The form of a step, for the panel."""
    async with db.tenant(identity.tenant_id) as conn:
        draft = await drafts.read_draft(conn, identity.tenant_id, flow_id)
        step = _step(draft, node)
        values = await _form_values(conn, draft, node, step, await problems_of_draft(conn, draft))
    return pages.render(request, "editor/_form.html", **values, view=view, writable=allows(identity.role, "flows:write"))


def _step(draft: Draft, node: str) -> dict[str, Any]:
    step: dict[str, Any] | None = draft.document["nodes"].get(node)
    if step is None:
        raise not_found("step")
    return step


async def _form_values(
    conn: AsyncConnection,
    draft: Draft,
    node: str,
    step: Mapping[str, Any],
    problems: Sequence[FlowProblem],
    errors: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    known = library().get(step["type"])
    about = About(
        variables_of(draft.document), await count_examples(conn, draft.tenant_id, draft.flow_id), f"/flows/{draft.flow_id}/intents"
    )
    fields = fields_of(known.schema, step["settings"], errors, field_problems(problems, node)) if known else []
    if known:
        fields = with_references(fields, known.schema, await references_of(conn, draft, node, known.schema, step["settings"]))
    return {
        "flow_id": draft.flow_id,
        "node": node,
        "step": step,
        "kind": describe(step["type"]),
        "help": help_html(known.help) if known else "",
        "speaks": known is not None and speaks(known.schema),
        "fields": fields,
        "about": about,
        "errors": errors or {},
        "is_start": start_of(draft.document) == node,
        "policy": policy_values(step, known.waits if known else frozenset(), errors or {}),
        "languages": step_languages(draft.document, node, step),
    }


POLICY_FIELDS = ("step_retry_times", "step_retry_pause", "step_timeout")


def policy_values(step: Mapping[str, Any], waits: Collection[str], errors: Mapping[str, str]) -> dict[str, Any]:
    """What the section about failures shows: `calls` says whether the step asks somebody who may not answer."""
    on_error = step.get("on_error", {"do": "stop"})
    retry, limit = on_error.get("retry", {}), step.get("timeout_s")
    return {
        "calls": "call" in waits,
        "times": shown_number(retry.get("times")),
        "pause": shown_number(retry.get("pause_s")),
        "timeout": shown_number(limit),
        "set": on_error["do"] != "stop" or bool(retry) or limit is not None,
        "errors": any(name in errors for name in POLICY_FIELDS),
    }


def shown_number(value: Any) -> str:
    """A number as a field holds it; nothing for 0."""
    return f"{value:g}" if isinstance(value, int | float) and value else str(value or "")


def step_languages(document: Document, node: str, step: Mapping[str, Any]) -> dict[str, Any]:
    """The languages that the texts of a step have, as tabs; nothing when there is one language or no text."""
    languages = document.get("languages", {})
    texts = texts_of_step(node, step, KINDS)
    if not texts or not languages.get("others"):
        return {}
    others = [
        {
            "id": f"step-in-{tag}",
            "tag": tag,
            "text": locale(tag).get_display_name("en"),
            "badge": len(missing(document, tag, texts)) or "",
            "badge_id": f"step-missing-{tag}",
        }
        for tag in languages["others"]
    ]
    return {"default": locale(languages["default"]).get_display_name("en"), "others": others}


def variables_of(document: Document) -> list[str]:
    """The names a text may read: declared ones, those that steps set, built-in ones."""
    names = dict.fromkeys(document.get("variables", {}))
    for step in document["nodes"].values():
        kind = library().get(step["type"])
        if kind is not None:
            names |= {name: None for _, name in variables_set(kind.schema, step["settings"])}
    return [*names, *BUILT_IN]


def field_problems(problems: Sequence[FlowProblem], node: str) -> dict[str, str]:
    """The first problem of each field of a step."""
    found: dict[str, str] = {}
    for problem in problems:
        if problem.node_id == node and problem.field:
            found.setdefault(problem.field.split(".")[0], problem.message)
    return found


@post("/flows/{flow_id:uuid}/nodes/{node:str}", opt=WRITE, status_code=200, include_in_schema=False)
async def save_form(
    request: AnyRequest,
    flow_id: FromPath[UUID],
    node: FromPath[str],
    db: NamedDependency[Database],
    identity: NamedDependency[Identity],
    view: FromQuery[str] = "",
) -> Response[str]:
    """Save the form of a step; 422 gives the form again with the messages at its fields."""
    form = await request.form()
    async with db.tenant(identity.tenant_id) as conn:
        draft = await drafts.lock_draft(conn, identity.tenant_id, flow_id)
        step = _step(draft, node)
        changes, errors = read_form(step, form)
        if errors:
            values = await _form_values(conn, draft, node, {**step, **changes}, (), errors)
            return pages.render(request, "editor/_form.html", status=422, **values, view=view, writable=True)
        command = save_step(draft.document, node, changes, KINDS)
        history = await drafts.read_history(conn, draft, identity.member_id)
        saved = await drafts.do(conn, draft, identity.member_id, history, [command], f"form-{uuid7().hex}")
        result = await edited(conn, draft, saved, identity.member_id)
        parts = [*_notes(request, result, node), *await _inputs_of_chosen_flow(request, conn, result.draft, node, step)]
    if view == "outline":
        return outline_answer(request, result, parts)
    return answer(request, result, parts)


async def _inputs_of_chosen_flow(
    request: AnyRequest, conn: AsyncConnection, draft: Draft, node: str, before: Mapping[str, Any]
) -> list[Partial]:
    """Another flow was chosen: the rows for what it takes."""
    after = draft.document["nodes"][node]
    known = library().get(after["type"])
    by = referring(known.schema, "flow") if known else ""
    if known is None or not by or before["settings"].get(by) == after["settings"].get(by):
        return []
    values = await _form_values(conn, draft, node, after, ())
    shown = next((one for one in values["fields"] if one.name == "inputs"), None)
    if shown is None:
        return []
    macros = pages.macros(request, "_fields.html")
    return [Partial("[data-field=inputs]", macros.field(shown, values["about"]), "outerHTML")]


def read_form(step: Mapping[str, Any], form: FormMultiDict) -> tuple[dict[str, Any], dict[str, str]]:
    """(what the form changes of a step, a sentence for each field that cannot be saved)."""
    known = library().get(step["type"])
    changes: dict[str, Any] = {
        "title": " ".join(_one(form, "step_title").split()),
        "note": _one(form, "step_note").replace("\r\n", "\n").strip(),
    }
    errors = {}
    try:
        changes |= read_policy(step, form)
    except EditRefused as refusal:
        errors[refusal.field] = str(refusal)
        changes |= as_typed(form)
    if not 0 < len(changes["title"]) <= MAX_TITLE:
        errors["step_title"] = "Give this step a name." if not changes["title"] else f"Use at most {MAX_TITLE} characters."
    if len(changes["note"]) > MAX_NOTE:
        errors["step_note"] = f"Use at most {MAX_NOTE:,} characters."
    if known is not None:
        changes["settings"] = without_empty_inputs(known.schema, read(known.schema, form, step["settings"]))
        errors |= check(known.schema, changes["settings"])
    return changes, errors


def _one(form: FormMultiDict, name: str) -> str:
    values = form.getall(name, [])
    return str(values[-1]).replace("\x00", "") if values else ""


def read_policy(step: Mapping[str, Any], form: FormMultiDict) -> dict[str, Any]:
    """What the form says about failures: `on_error` and `timeout_s`; EditRefused names the field that is wrong."""
    chosen = _one(form, "step_on_error")
    value = _one(form, "step_error_value") if chosen == "default" else None
    do: Literal["stop", "default", "branch"] = "default" if chosen == "default" else "branch" if chosen == "branch" else "stop"
    if "step_retry_times" not in form:
        policy = policy_of(SetErrorPolicy("", do, value))["on_error"]
        before = step.get("on_error", {}).get("retry")
        return {"on_error": policy | ({"retry": before} if before else {})}
    times = as_number(_one(form, "step_retry_times"), whole=True) or 0
    pause = as_number(_one(form, "step_retry_pause"), whole=False) or 0.0
    limit = as_number(_one(form, "step_timeout"), whole=False)
    for name, number in zip(POLICY_FIELDS, (times, pause, limit), strict=True):
        if isinstance(number, str) or (name == "step_retry_times" and not isinstance(number, int)):
            raise EditRefused("Write a number.", name)
    return policy_of(SetErrorPolicy("", do, value, times, pause, limit))


def as_typed(form: FormMultiDict) -> dict[str, Any]:
    """What the section about failures holds, shown again when it is refused."""
    retry = {"times": _one(form, "step_retry_times"), "pause_s": _one(form, "step_retry_pause")}
    on_error = {"do": _one(form, "step_on_error"), "value": _one(form, "step_error_value"), "retry": retry}
    return {"on_error": on_error, "timeout_s": _one(form, "step_timeout")}


def _notes(request: AnyRequest, result: Edited, node: str) -> list[Partial]:
    """What the checks now say of each field of the form."""
    known = library().get(result.draft.document["nodes"][node]["type"])
    if known is None:
        return []
    found = field_problems(result.problems, node)
    macros = pages.macros(request, "_fields.html")
    names = known.schema.get("properties", {})
    return [Partial(f"#f-{name}-problem", macros.problem(name, found.get(name, "")), "outerMorph") for name in names]


handlers = [show_form, save_form]
