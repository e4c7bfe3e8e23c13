"""The page on which a channel's stages of processing are chosen."""

from collections.abc import Mapping
from itertools import groupby
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.datastructures import FormMultiDict
from litestar.di import NamedDependency
from litestar.params import FromPath
from sqlalchemy import Row

from server.channels.keep import find
from server.conversations.processing.about import StageAbout, stages
from server.conversations.processing.plan import Chosen, choices_of, plan_of
from server.conversations.processing.routes import keep_processing
from server.kit import pages
from server.kit.db import Database
from server.kit.errors import Problem
from server.kit.settings import Settings
from server.security.identity import Identity
from server.security.roles import allows

AnyRequest = Request[Any, Any, Any]
ADDRESS = "/channels/{channel_id:uuid}/processing"
READ = {"permission": "channels:read"}
WRITE = {"permission": "channels:write"}
GROUPS = {
    "text": ("What customers write", "Before the flow reads it."),
    "place": ("Places", "What customers send with their telephone's map."),
    "visitor": ("Visitors", "Of the web chat."),
    "file": ("Files", "Before they are kept."),
}


@get(ADDRESS, opt=READ, include_in_schema=False)
async def show_processing(
    channel_id: FromPath[UUID],
    request: AnyRequest,
    identity: NamedDependency[Identity],
    db: NamedDependency[Database],
    settings: NamedDependency[Settings],
) -> Response[str]:
    """Every stage, whether it is on, its settings."""
    return await _page(request, identity, db, settings, channel_id)


@post(ADDRESS, opt=WRITE, include_in_schema=False)
async def submit_processing(
    channel_id: FromPath[UUID],
    request: AnyRequest,
    identity: NamedDependency[Identity],
    db: NamedDependency[Database],
    settings: NamedDependency[Settings],
) -> Response[Any]:
    """Save what was chosen."""
    entered = chosen_in(await request.form())
    try:
        async with db.tenant(identity.tenant_id) as conn:
            await keep_processing(conn, identity.tenant_id, channel_id, entered)
    except Problem as problem:
        if problem.status != 422:
            raise
        return await _page(request, identity, db, settings, channel_id, entered, problem)
    return pages.go_to(request, f"/channels/{channel_id}")


def chosen_in(form: FormMultiDict) -> dict[str, Chosen]:
    """What the page's form says of every stage."""
    return {about.name: _chosen(form, about) for about in stages()}


def _chosen(form: FormMultiDict, about: StageAbout) -> Chosen:
    entered = {option.name: form.get(f"{about.name}.{option.name}") for option in about.settings}
    texts = {name: text.replace("\r\n", "\n").strip() for name, text in entered.items() if isinstance(text, str)}
    return Chosen(form.get(f"{about.name}.on") == "true", "refuse" if form.get(f"{about.name}.on_error") == "refuse" else "skip", texts)


async def _page(
    request: AnyRequest,
    identity: Identity,
    db: Database,
    settings: Settings,
    channel_id: UUID,
    entered: Mapping[str, Chosen] | None = None,
    problem: Problem | None = None,
) -> Response[str]:
    async with db.tenant(identity.tenant_id) as conn:
        row = await find(conn, identity.tenant_id, channel_id)
    return pages.render(
        request,
        "channels/processing.html",
        status=problem.status if problem else 200,
        channel=row,
        groups=[(*GROUPS[reads], list(found)) for reads, found in groupby(_shown(row.kind), key=lambda about: about.reads[0])],
        chosen=entered or choices_of(row.settings),
        has_clamd=settings.clamd is not None,
        problem=problem,
        may_write=allows(identity.role, "channels:write"),
    )


def stages_on(channel: Row[Any], settings: Settings) -> list[str]:
    """The titles of the stages that what comes in by a channel goes through, in order."""
    plan = plan_of(channel.settings, "text", "place", "file", *(("visitor",) if channel.kind == "web" else ()))
    return [step.about.title for step in plan if not step.about.needs or settings.clamd is not None]


def _shown(kind: str) -> list[StageAbout]:
    """Only the web chat has visitors."""
    order = list(GROUPS)
    found = [about for about in stages() if kind == "web" or about.reads != ("visitor",)]
    return sorted(found, key=lambda about: (order.index(about.reads[0]), about.order))


handlers: list[Any] = [show_processing, submit_processing]
