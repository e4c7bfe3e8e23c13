"""JSON: channels and their live check."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from server.channels.about import about_of, kinds
from server.channels.contract import adapter_of
from server.channels.examine import examine
from server.channels.keep import add_channel, change_channel, find, list_channels, remove_channel, secrets_of
from server.channels.schemas import ChannelChange, ChannelList, ChannelView, CheckResult, KindList, NewChannel, Preview, SaidIn
from server.kit.db import Database
from server.kit.errors import Problem
from server.kit.http import OutboundClient
from server.kit.secrets import Vault
from server.kit.settings import Settings
from server.security.identity import Identity


@get("/api/v1/channels", opt={"permission": "channels:read"}, tags=["channels"])
async def list_all(
    identity: NamedDependency[Identity], db: NamedDependency[Database], vault: NamedDependency[Vault], settings: NamedDependency[Settings]
) -> ChannelList:
    """The channels of the workspace, without their secrets."""
    async with db.tenant(identity.tenant_id) as conn:
        rows = await list_channels(conn, identity.tenant_id)
        return ChannelList([await view_of(conn, vault, row, settings.public_url) for row in rows])


@get("/api/v1/channel-kinds", opt={"permission": "channels:read"}, tags=["channels"])
async def list_kinds() -> KindList:
    """Every kind of channel this server has: what it can show, and what it asks for."""
    return KindList(list(kinds()))


@post("/api/v1/channels", opt={"permission": "channels:write"}, tags=["channels"])
async def create_channel(
    data: JSONBody[NewChannel],
    identity: NamedDependency[Identity],
    db: NamedDependency[Database],
    vault: NamedDependency[Vault],
    http: NamedDependency[OutboundClient],
    settings: NamedDependency[Settings],
) -> ChannelView:
    """Add a channel. Its `hook_url` is the address to give to the provider."""
    async with db.tenant(identity.tenant_id) as conn:
        channel_id = await add_channel(conn, vault, http, identity.tenant_id, data)
        return await view_of(conn, vault, await find(conn, identity.tenant_id, channel_id), settings.public_url)


@post("/api/v1/channel-previews", opt={"permission": "channels:read"}, tags=["channels"], status_code=200)
async def create_preview(data: JSONBody[SaidIn]) -> Preview:
    """What a kind of channel would send for a message of the bot. Nothing is sent."""
    adapter = adapter_of(data.kind)
    if adapter is None:
        sentence = "Choose a kind of channel that is sent its messages. The web chat shows them as they are."
        raise Problem(422, "unknown_kind", sentence, fields={"kind": sentence})
    body = {name: value for name, value in msgspec.to_builtins(data).items() if value and name != "kind"}
    try:
        return Preview([dict(part) for part in adapter.render(body, {})])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        sentence = f"This is not a message of a bot: {type(error).__name__} {error}."
        raise Problem(422, "invalid", sentence) from None


@get("/api/v1/channels/{channel_id:uuid}", opt={"permission": "channels:read"}, tags=["channels"])
async def show_channel(
    channel_id: FromPath[UUID],
    identity: NamedDependency[Identity],
    db: NamedDependency[Database],
    vault: NamedDependency[Vault],
    settings: NamedDependency[Settings],
) -> ChannelView:
    """One channel."""
    async with db.tenant(identity.tenant_id) as conn:
        return await view_of(conn, vault, await find(conn, identity.tenant_id, channel_id), settings.public_url)


@patch("/api/v1/channels/{channel_id:uuid}", opt={"permission": "channels:write"}, tags=["channels"])
async def update_channel(
    channel_id: FromPath[UUID],
    data: JSONBody[ChannelChange],
    identity: NamedDependency[Identity],
    db: NamedDependency[Database],
    vault: NamedDependency[Vault],
    http: NamedDependency[OutboundClient],
    settings: NamedDependency[Settings],
) -> ChannelView:
    """Change a channel, switch it on or off, replace a secret."""
    async with db.tenant(identity.tenant_id) as conn:
        await change_channel(conn, vault, http, identity.tenant_id, channel_id, data)
        return await view_of(conn, vault, await find(conn, identity.tenant_id, channel_id), settings.public_url)


@delete("/api/v1/channels/{channel_id:uuid}", opt={"permission": "channels:write"}, tags=["channels"])
async def delete_channel(channel_id: FromPath[UUID], identity: NamedDependency[Identity], db: NamedDependency[Database]) -> None:
    """Take a channel away, and its secrets. Its conversations stay."""
    async with db.tenant(identity.tenant_id) as conn:
        await remove_channel(conn, identity.tenant_id, channel_id)


@post("/api/v1/channels/{channel_id:uuid}/check", opt={"permission": "channels:write"}, tags=["channels"], status_code=200)
async def check_channel(
    channel_id: FromPath[UUID],
    identity: NamedDependency[Identity],
    db: NamedDependency[Database],
    vault: NamedDependency[Vault],
    http: NamedDependency[OutboundClient],
    settings: NamedDependency[Settings],
) -> CheckResult:
    """Ask the provider whether everything is in place, and tell it our address where that can be told."""
    return await examine(db, vault, http, settings, identity.tenant_id, channel_id)


async def view_of(conn: AsyncConnection, vault: Vault, row: Row[Any], public_url: str) -> ChannelView:
    """The view of a channel."""
    return ChannelView.of(row, about_of(row.kind), await secrets_of(conn, vault, row), public_url)


handlers: list[Any] = [list_all, list_kinds, create_preview, create_channel, show_channel, update_channel, delete_channel, check_channel]
