"""The languages of a flow, in the dialog about it: which there are, every text with its translation, files to and from translators."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from sqlalchemy.ext.asyncio import AsyncConnection

from flow_runtime.locales import locale
from server.editor.flow_area import READ, WRITE, Refusal, area, change, changed, one, part_of, view_of
from server.flows import draft as drafts
from server.flows import translations_csv
from server.flows.document import Document
from server.flows.draft import Draft
from server.flows.languages import CustomerText, SetLanguages, SetTranslation, customer_texts, missing, texts_of_step
from server.flows.library import KINDS
from server.kit import pages
from server.kit.db import Database
from server.kit.errors import Problem, not_found
from server.kit.pages import Partial
from server.security.identity import Identity
from server.security.roles import allows

SHOWN_TEXTS = 100
UPLOAD_BYTES = 10_000_000
_TAGS = (
    "af am ar az be bg bn bs ca cs cy da de de-AT de-CH el en en-GB en-US es es-MX et eu fa fi fil fr fr-CA fr-CH ga gl gu he hi hr hu hy "
    "id is it ja ka kk km kn ko ky lo lt lv mk ml mn mr ms my nb ne nl nn pa pl ps pt pt-BR pt-PT ro ru si sk sl sq sr sv sw ta te th tr "
    "uk ur uz vi zh zh-Hant zu"
)
OFFERED = tuple(_TAGS.split())
"""Languages that a person can choose; a document may hold others."""

AnyRequest = Request[Any, Any, Any]


@get("/flows/{flow_id:uuid}/languages", opt=READ, include_in_schema=False)
async def languages(
    request: AnyRequest, flow_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> Response[str]:
    """The tab with the languages."""
    async with db.tenant(identity.tenant_id) as conn:
        draft = await drafts.read_draft(conn, identity.tenant_id, flow_id)
        history = await drafts.read_history(conn, draft, identity.member_id)
    return area(request, identity, draft, "languages", {**values_of(draft.document), "history": history})


def values_of(document: Document, language: str = "") -> dict[str, Any]:
    """What the tab shows; `language` is the one whose translations are listed."""
    chosen = document.get("languages", {"default": "en"})
    texts = customer_texts(document, KINDS)
    count = len({text.text for text in texts})
    others = [progress(document, tag, texts, count) for tag in chosen.get("others", ())]
    shown = language if language in chosen.get("others", ()) else next(iter(chosen.get("others", ())), "")
    return {
        "default": {"tag": chosen["default"], "name": name_of(chosen["default"])},
        "others": others,
        "count": count,
        "offered": [(tag, name_of(tag)) for tag in OFFERED],
        "shown": shown,
        "rows": rows_of(document, shown, texts) if shown else {},
        "filters": {"q": "", "missing": False},
    }


async def tab_values(conn: AsyncConnection, draft: Draft) -> dict[str, Any]:
    """What the tab shows after an undo."""
    return values_of(draft.document)


def name_of(tag: str) -> str:
    """The language's English name, with its own where that differs: "German (Deutsch)"."""
    found = locale(tag)
    english, own = found.get_display_name("en") or tag, found.get_display_name() or ""
    return english if own.casefold() == english.casefold() or not own else f"{english} – {own}"


def progress(document: Document, tag: str, texts: Sequence[CustomerText], count: int) -> dict[str, Any]:
    """How far the translation into a language is."""
    done = count - len(missing(document, tag, list(texts)))
    return {"tag": tag, "name": name_of(tag), "done": done}


def rows_of(document: Document, language: str, texts: Sequence[CustomerText], q: str = "", *, only_missing: bool = False) -> dict[str, Any]:
    """The texts with their translations, each text once, with the places where it stands."""
    done: Mapping[str, str] = document.get("languages", {}).get("texts", {}).get(language, {})
    places: dict[str, list[CustomerText]] = {}
    for text in texts:
        places.setdefault(text.text, []).append(text)
    wanted = q.casefold().split()
    found = [
        {"source": source, "translation": done.get(source, ""), "places": there}
        for source, there in places.items()
        if not (only_missing and source in done)
        and all(word in f"{source} {done.get(source, '')} {there[0].title}".casefold() for word in wanted)
    ]
    return {"items": found[:SHOWN_TEXTS], "more": max(0, len(found) - SHOWN_TEXTS)}


@get("/flows/{flow_id:uuid}/translations", opt=READ, include_in_schema=False)
async def translations(
    request: AnyRequest,
    flow_id: FromPath[UUID],
    db: NamedDependency[Database],
    identity: NamedDependency[Identity],
    language: FromQuery[str],
    q: FromQuery[str] = "",
    missing_only: FromQuery[str] = "",
) -> Response[str]:
    """The table of one language, searched and filtered."""
    async with db.tenant(identity.tenant_id) as conn:
        draft = await drafts.read_draft(conn, identity.tenant_id, flow_id)
    texts = customer_texts(draft.document, KINDS)
    rows = rows_of(draft.document, language, texts, q, only_missing=bool(missing_only))
    return _table(request, identity, flow_id, language, rows)


@get("/flows/{flow_id:uuid}/nodes/{node:str}/translations", opt=READ, include_in_schema=False)
async def translations_of_step(
    request: AnyRequest,
    flow_id: FromPath[UUID],
    node: FromPath[str],
    db: NamedDependency[Database],
    identity: NamedDependency[Identity],
    language: FromQuery[str],
) -> Response[str]:
    """The texts of one step in one language, for its properties."""
    async with db.tenant(identity.tenant_id) as conn:
        draft = await drafts.read_draft(conn, identity.tenant_id, flow_id)
    if node not in draft.document["nodes"]:
        raise not_found("step")
    texts = texts_of_step(node, draft.document["nodes"][node], KINDS)
    return _table(request, identity, flow_id, language, rows_of(draft.document, language, texts), of_step=True)


def _table(
    request: AnyRequest, identity: Identity, flow_id: UUID, language: str, rows: Mapping[str, Any], *, of_step: bool = False
) -> Response[str]:
    return pages.render(
        request,
        "editor/flow/_translations.html",
        flow_id=flow_id,
        language=language,
        rows=rows,
        view=view_of(request),
        writable=allows(identity.role, "flows:write"),
        of_step=of_step,
    )


@post("/flows/{flow_id:uuid}/languages", opt=WRITE, status_code=200, include_in_schema=False)
async def save(
    request: AnyRequest, flow_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> Response[str]:
    """Choose the default language; add one, or take one away."""
    form = await request.form()
    async with db.tenant(identity.tenant_id) as conn:
        draft = await drafts.lock_draft(conn, identity.tenant_id, flow_id)
        before = draft.document.get("languages", {"default": "en"})
        others = [tag for tag in before.get("others", ()) if tag != one(form, "remove")]
        wish = SetLanguages(one(form, "default") or before["default"], [*others, *filter(None, [one(form, "add")])])
        done = await change(conn, identity, flow_id, wish)
    if isinstance(done, Refusal):
        raise Problem(422, "edit_refused", done.sentence)
    return changed(request, done, [part_of(request, done.draft, "languages", values_of(done.draft.document, one(form, "add")))])


@post("/flows/{flow_id:uuid}/translations", opt=WRITE, status_code=200, include_in_schema=False)
async def translate(
    request: AnyRequest, flow_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> Response[str]:
    """Store one translation."""
    form = await request.form()
    language, source = one(form, "language"), one(form, "source")
    async with db.tenant(identity.tenant_id) as conn:
        done = await change(conn, identity, flow_id, SetTranslation(language, {source: one(form, "translation")}))
    if isinstance(done, Refusal):
        raise Problem(422, "edit_refused", done.sentence)
    texts = customer_texts(done.draft.document, KINDS)
    count = len({text.text for text in texts})
    if source not in {text.text for text in texts}:
        raise Problem(422, "edit_refused", "This text was changed meanwhile. Open the languages again.")
    if node := one(form, "node"):
        left = len(missing(done.draft.document, language, [text for text in texts if text.node == node]))
        return changed(request, done, [Partial(f"#step-missing-{language}", str(left or ""), "textContent")], of_step=True)
    macros = pages.macros(request, "editor/flow/_languages_parts.html")
    about = progress(done.draft.document, language, texts, count)
    return changed(request, done, [Partial(f"#language-progress-{language}", macros.progress(about, count), "innerHTML")])


@get("/flows/{flow_id:uuid}/texts.csv", opt=READ, include_in_schema=False)
async def export(flow_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]) -> Response[bytes]:
    """Every text with its translations as a file for translators."""
    async with db.tenant(identity.tenant_id) as conn:
        draft = await drafts.read_draft(conn, identity.tenant_id, flow_id)
    data = translations_csv.export(draft.document, customer_texts(draft.document, KINDS))
    headers = {"Content-Disposition": 'attachment; filename="texts.csv"', "X-Content-Type-Options": "nosniff"}
    return Response(data, media_type="text/csv; charset=utf-8", headers=headers)


@post("/flows/{flow_id:uuid}/texts", opt=WRITE, status_code=200, include_in_schema=False, request_max_body_size=UPLOAD_BYTES)
async def import_file(
    request: AnyRequest, flow_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> Response[str]:
    """Take the translations out of a file; each language is a step of undo."""
    upload = (await request.form()).get("file")
    if not isinstance(upload, UploadFile):
        raise Problem(422, "no_file", "Choose the file that came back from the translators.")
    data = await upload.read()
    async with db.tenant(identity.tenant_id) as conn:
        draft = await drafts.lock_draft(conn, identity.tenant_id, flow_id)
        try:
            found = translations_csv.read(data, draft.document, customer_texts(draft.document, KINDS))
        except translations_csv.UnreadableFile as error:
            raise Problem(422, "unreadable_file", str(error)) from None
        wishes = [SetTranslation(language, texts) for language, texts in found.texts.items() if texts]
        if not wishes:
            raise Problem(422, "nothing_new", f"Nothing new in this file. {found.summary()}")
        done = await change(conn, identity, flow_id, *wishes)
    if isinstance(done, Refusal):
        raise Problem(422, "edit_refused", done.sentence)
    response = changed(request, done, [part_of(request, done.draft, "languages", values_of(done.draft.document))])
    response.headers.update(pages.trigger(flow_changed={}, toast={"text": found.summary(), "variant": "success"}))
    return response


handlers = [languages, translations, translations_of_step, save, translate, export, import_file]
