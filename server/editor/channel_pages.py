"""Pages: the channels, the wizard that adds one, and the page of each with its live check."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import FormMultiDict
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath
from sqlalchemy.ext.asyncio import AsyncConnection

from server.channels.about import About, about_of, help_of, kinds
from server.channels.examine import examine
from server.channels.keep import add_channel, change_channel, find, list_channels, remove_channel, secrets_of
from server.channels.routes import view_of
from server.channels.schemas import ChannelChange, ChannelView, CheckResult, NewChannel, hook_url_of
from server.editor import processing_pages
from server.editor.help import help_html
from server.flows.queries import list_flows
from server.kit import pages
from server.kit.db import Database
from server.kit.errors import Problem, not_found
from server.kit.http import OutboundClient
from server.kit.ids import uuid7
from server.kit.secrets import Vault
from server.kit.settings import Settings
from server.security.identity import Identity
from server.security.roles import allows

AnyRequest = Request[Any, Any, Any]
READ = {"permission": "channels:read"}
WRITE = {"permission": "channels:write"}
MOST_FLOWS = 200
HOOK_URL = "{hook_url}"


class ButtonForm(msgspec.Struct, forbid_unknown_fields=True):
    """A button."""

    csrf: str = msgspec.field(name="_csrf", default="")


ButtonData = Annotated[ButtonForm, Body(media_type=RequestEncodingType.URL_ENCODED)]


@get("/channels", opt=READ, include_in_schema=False)
async def show_channels(
    request: AnyRequest,
    identity: NamedDependency[Identity],
    db: NamedDependency[Database],
    vault: NamedDependency[Vault],
    settings: NamedDependency[Settings],
) -> Response[str]:
    """Every channel, and every kind that can be added."""
    async with db.tenant(identity.tenant_id) as conn:
        rows = await list_channels(conn, identity.tenant_id)
        views = [await view_of(conn, vault, row, settings.public_url) for row in rows]
        flows = await _flows(conn, identity)
    return pages.render(
        request,
        "channels/list.html",
        channels=views,
        kinds=kinds(),
        titles={about.kind: about.title for about in kinds()},
        flows=flows,
        may_write=allows(identity.role, "channels:write"),
    )


@get("/channels/new/{kind:str}", opt=WRITE, include_in_schema=False)
async def show_wizard(
    kind: FromPath[str],
    request: AnyRequest,
    identity: NamedDependency[Identity],
    db: NamedDependency[Database],
    settings: NamedDependency[Settings],
) -> Response[str]:
    """The form for a channel of this kind, with the guide beside it."""
    return await _wizard(request, identity, db, _about(kind))


@post("/channels/new/{kind:str}", opt=WRITE, include_in_schema=False)
async def submit_channel(
    kind: FromPath[str],
    request: AnyRequest,
    identity: NamedDependency[Identity],
    db: NamedDependency[Database],
    vault: NamedDependency[Vault],
    http: NamedDependency[OutboundClient],
) -> Response[Any]:
    """Add the channel, and go to its page."""
    about, form = _about(kind), await request.form()
    new = NewChannel(kind, _name(form), _flow(form), _group(form, "setting."), _group(form, "secret."), _lines(form))
    try:
        async with db.tenant(identity.tenant_id) as conn:
            channel_id = await add_channel(conn, vault, http, identity.tenant_id, new)
    except Problem as problem:
        return await _wizard(request, identity, db, about, form, problem)
    return pages.go_to(request, f"/channels/{channel_id}")


@get("/channels/{channel_id:uuid}", opt=READ, include_in_schema=False)
async def show_channel(
    channel_id: FromPath[UUID],
    request: AnyRequest,
    identity: NamedDependency[Identity],
    db: NamedDependency[Database],
    vault: NamedDependency[Vault],
    settings: NamedDependency[Settings],
) -> Response[str]:
    """One channel: its address, its settings, its live check."""
    return await _page(request, identity, db, vault, settings, channel_id)


@post("/channels/{channel_id:uuid}", opt=WRITE, include_in_schema=False)
async def submit_change(
    channel_id: FromPath[UUID],
    request: AnyRequest,
    identity: NamedDependency[Identity],
    db: NamedDependency[Database],
    vault: NamedDependency[Vault],
    http: NamedDependency[OutboundClient],
    settings: NamedDependency[Settings],
) -> Response[Any]:
    """Save what was entered. A secret that was left empty stays."""
    form = await request.form()
    change = ChannelChange(
        name=_name(form),
        flow_id=_flow(form),
        settings=_group(form, "setting."),
        secrets=_group(form, "secret."),
        allowed_origins=_lines(form),
    )
    return await _changed(request, identity, db, vault, http, settings, channel_id, change, form)


@post("/channels/{channel_id:uuid}/switch", opt=WRITE, include_in_schema=False)
async def submit_switch(
    data: ButtonData,
    channel_id: FromPath[UUID],
    request: AnyRequest,
    identity: NamedDependency[Identity],
    db: NamedDependency[Database],
    vault: NamedDependency[Vault],
    http: NamedDependency[OutboundClient],
    settings: NamedDependency[Settings],
) -> Response[Any]:
    """Switch the channel off when it is on, on when it is off."""
    async with db.tenant(identity.tenant_id) as conn:
        enabled = (await find(conn, identity.tenant_id, channel_id)).enabled
    return await _changed(request, identity, db, vault, http, settings, channel_id, ChannelChange(enabled=not enabled))


@post("/channels/{channel_id:uuid}/previous-secrets/removal", opt=WRITE, include_in_schema=False)
async def submit_forget(
    data: ButtonData,
    channel_id: FromPath[UUID],
    request: AnyRequest,
    identity: NamedDependency[Identity],
    db: NamedDependency[Database],
    vault: NamedDependency[Vault],
    http: NamedDependency[OutboundClient],
    settings: NamedDependency[Settings],
) -> Response[Any]:
    """End a rotation: only the new secrets count from now on."""
    return await _changed(request, identity, db, vault, http, settings, channel_id, ChannelChange(forget_previous=True))


@post("/channels/{channel_id:uuid}/check", opt=WRITE, include_in_schema=False, status_code=200)
async def submit_check(
    data: ButtonData,
    channel_id: FromPath[UUID],
    request: AnyRequest,
    identity: NamedDependency[Identity],
    db: NamedDependency[Database],
    vault: NamedDependency[Vault],
    http: NamedDependency[OutboundClient],
    settings: NamedDependency[Settings],
) -> Response[Any]:
    """Run the live check and show what it found."""
    result = await examine(db, vault, http, settings, identity.tenant_id, channel_id)
    if pages.Hx(request):
        return pages.render(request, "channels/_findings.html", result=result)
    return await _page(request, identity, db, vault, settings, channel_id, result=result)


@post("/channels/{channel_id:uuid}/removal", opt=WRITE, include_in_schema=False)
async def submit_removal(
    data: ButtonData, channel_id: FromPath[UUID], request: AnyRequest, identity: NamedDependency[Identity], db: NamedDependency[Database]
) -> Response[Any]:
    """Take the channel away."""
    async with db.tenant(identity.tenant_id) as conn:
        await remove_channel(conn, identity.tenant_id, channel_id)
    return pages.go_to(request, "/channels")


async def _changed(
    request: AnyRequest,
    identity: Identity,
    db: Database,
    vault: Vault,
    http: OutboundClient,
    settings: Settings,
    channel_id: UUID,
    change: ChannelChange,
    form: FormMultiDict | None = None,
) -> Response[Any]:
    try:
        async with db.tenant(identity.tenant_id) as conn:
            await change_channel(conn, vault, http, identity.tenant_id, channel_id, change)
    except Problem as problem:
        if problem.status != 422:
            raise
        return await _page(request, identity, db, vault, settings, channel_id, form=form, problem=problem)
    return pages.go_to(request, f"/channels/{channel_id}")


async def _wizard(
    request: AnyRequest, identity: Identity, db: Database, about: About, form: FormMultiDict | None = None, problem: Problem | None = None
) -> Response[str]:
    async with db.tenant(identity.tenant_id) as conn:
        flows = await _flows(conn, identity)
    typed = {
        "name": about.title if form is None else _name(form),
        "flow_id": str((_flow(form) if form is not None else next(iter(flows), None)) or ""),
        "settings": {field.name: field.default for field in about.settings} if form is None else _group(form, "setting."),
        "origins": "" if form is None else "\n".join(_lines(form)),
    }
    guide = help_html(help_of(about.kind).replace(HOOK_URL, "(the address that the next page shows)"))
    return pages.render(
        request,
        "channels/new.html",
        status=problem.status if problem else 200,
        about=about,
        typed=typed,
        flows=flows,
        guide=guide,
        problem=problem,
    )


async def _page(
    request: AnyRequest,
    identity: Identity,
    db: Database,
    vault: Vault,
    settings: Settings,
    channel_id: UUID,
    *,
    form: FormMultiDict | None = None,
    problem: Problem | None = None,
    result: CheckResult | None = None,
) -> Response[str]:
    may_write = allows(identity.role, "channels:write")
    async with db.tenant(identity.tenant_id) as conn:
        row = await find(conn, identity.tenant_id, channel_id)
        secrets = await secrets_of(conn, vault, row)
        view = await view_of(conn, vault, row, settings.public_url)
        flows = await _flows(conn, identity)
    about = about_of(row.kind) or About(row.kind, row.kind)
    told = {field.name: secrets[field.name] for field in about.secrets if field.told and field.name in secrets} if may_write else {}
    return pages.render(
        request,
        "channels/channel.html",
        status=problem.status if problem else 200,
        channel=view,
        about=about,
        typed=_typed(view, form),
        told=told,
        flows=flows,
        guide=help_html(help_of(row.kind).replace(HOOK_URL, hook_url_of(settings.public_url, row.kind, row.id))),
        public_url=settings.public_url,
        stages_on=processing_pages.stages_on(row, settings),
        problem=problem,
        result=result,
        may_write=may_write,
    )


def _typed(view: ChannelView, form: FormMultiDict | None) -> dict[str, Any]:
    if form is None:
        return {
            "name": view.name,
            "flow_id": str(view.flow_id or ""),
            "settings": view.settings,
            "origins": "\n".join(view.allowed_origins),
        }
    return {
        "name": _name(form),
        "flow_id": str(_flow(form) or ""),
        "settings": _group(form, "setting."),
        "origins": "\n".join(_lines(form)),
    }


async def _flows(conn: AsyncConnection, identity: Identity) -> dict[str, str]:
    found, _ = await list_flows(conn, identity.tenant_id, limit=MOST_FLOWS)
    return {str(flow.id): flow.name for flow in found}


def _about(kind: str) -> About:
    about = about_of(kind)
    if about is None:
        raise not_found("kind of channel")
    return about


def _name(form: FormMultiDict) -> str:
    return str(form.get("name", ""))[:200]


def _flow(form: FormMultiDict) -> UUID | None:
    """The chosen flow. What is no id is none of ours: the change is refused then."""
    text = str(form.get("flow_id", ""))
    try:
        return UUID(text) if text else None
    except ValueError:
        return uuid7()


def _group(form: FormMultiDict, prefix: str) -> dict[str, str]:
    return {name.removeprefix(prefix): str(text) for name, text in form.multi_items() if name.startswith(prefix)}


def _lines(form: FormMultiDict) -> list[str]:
    return [line.strip() for line in str(form.get("origins", "")).splitlines() if line.strip()]


handlers: list[Any] = [
    show_channels,
    show_wizard,
    submit_channel,
    show_channel,
    submit_change,
    submit_switch,
    submit_forget,
    submit_check,
    submit_removal,
]
