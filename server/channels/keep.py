"""Adds, changes and removes channels."""

from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Insert, Row, Update, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.channels.about import About, about_of, kinds
from server.channels.contract import PREVIOUS, Secrets
from server.channels.forms import kept_settings, problems_of, problems_of_origins, rotated
from server.channels.schemas import ChannelChange, NewChannel
from server.channels.sealed import open_secrets, seal_secrets
from server.channels.tables import channels
from server.events.record import record
from server.kit import clock
from server.kit.errors import Problem, not_found
from server.kit.http import OutboundClient
from server.kit.ids import uuid7
from server.kit.secrets import Vault

MOST_CHANNELS = 200


async def add_channel(conn: AsyncConnection, vault: Vault, http: OutboundClient, tenant_id: UUID, new: NewChannel) -> UUID:
    """Store a channel with its secrets sealed; Problem 422."""
    about = about_of(new.kind)
    if about is None:
        sentence = f"Choose one of {', '.join(kind.kind for kind in kinds())}."
        raise Problem(422, "unknown_kind", sentence, fields={"kind": sentence})
    _refuse(about, new, problems_of(about, new.settings, new.secrets, (), http))
    count = await conn.scalar(select(func.count()).where(channels.c.tenant_id == tenant_id, channels.c.removed_at.is_(None)))
    if (count or 0) >= MOST_CHANNELS:
        raise Problem(422, "too_many_channels", f"A workspace has up to {MOST_CHANNELS} channels. Remove one you do not use.")
    channel_id, secrets = uuid7(), rotated(about, {}, new.secrets)
    values = {
        "tenant_id": tenant_id,
        "id": channel_id,
        "kind": new.kind,
        "name": new.name.strip(),
        "flow_id": new.flow_id,
        "settings": kept_settings(about, new.settings, {}),
        "secrets_sealed": await seal_secrets(conn, vault, tenant_id, channel_id, secrets) if secrets else None,
        "allowed_origins": [origin.strip() for origin in new.allowed_origins],
    }
    await _write(conn, insert(channels).values(values))
    return channel_id


async def change_channel(
    conn: AsyncConnection, vault: Vault, http: OutboundClient, tenant_id: UUID, channel_id: UUID, change: ChannelChange
) -> None:
    """Store what is given of the change; Problem 404 or 422."""
    row = await find(conn, tenant_id, channel_id)
    about = about_of(row.kind)
    if about is None:
        raise Problem(422, "unknown_kind", f"This server has no channels of the kind {row.kind} any more.")
    before = await open_secrets(conn, vault, tenant_id, channel_id, row.secrets_sealed)
    # Only what is entered is looked at: a channel that was begun may lack something else still.
    entered = {name: text for name, text in row.settings.items() if isinstance(text, str)} if change.settings is None else change.settings
    known = {field.name for field in about.settings}
    settings = {name: text for name, text in entered.items() if change.settings is not None or name in known}
    _refuse(about, change, problems_of(about, settings, change.secrets, before, http))
    values: dict[str, Any] = {}
    if change.name is not None:
        values["name"] = change.name.strip()
    if change.flow_id is not msgspec.UNSET:
        values["flow_id"] = change.flow_id
    if change.settings is not None:
        values["settings"] = kept_settings(about, change.settings, row.settings)
    if change.allowed_origins is not None:
        values["allowed_origins"] = [origin.strip() for origin in change.allowed_origins]
    if change.enabled is not None:
        values["enabled"] = change.enabled
    after = rotated(about, before, change.secrets)
    if change.forget_previous:
        after = {name: secret for name, secret in after.items() if not name.endswith(PREVIOUS)}
    if after != before:
        values["secrets_sealed"] = await seal_secrets(conn, vault, tenant_id, channel_id, after)
        if names := sorted(name for name in before.keys() & after.keys() if before[name] != after[name] and not name.endswith(PREVIOUS)):
            rotation = {"part": "channel", "part_id": str(channel_id), "names": names}
            await record(conn, tenant_id, "security.secret_rotated", rotation, channel_id=channel_id)
    if values:
        await _write(conn, update(channels).where(*_is(tenant_id, channel_id)).values(values))


async def learn(conn: AsyncConnection, tenant_id: UUID, channel_id: UUID, settings: dict[str, str]) -> None:
    """Keep settings that the provider told us."""
    row = await find(conn, tenant_id, channel_id)
    await conn.execute(update(channels).where(*_is(tenant_id, channel_id)).values(settings=row.settings | settings))


async def remove_channel(conn: AsyncConnection, tenant_id: UUID, channel_id: UUID) -> None:
    """Take a channel away: it takes and sends nothing more, its secrets are gone. Its conversations stay."""
    await find(conn, tenant_id, channel_id)
    gone = {"removed_at": clock.now(), "enabled": False, "secrets_sealed": None}
    await conn.execute(update(channels).where(*_is(tenant_id, channel_id)).values(gone))


async def list_channels(conn: AsyncConnection, tenant_id: UUID) -> list[Row[Any]]:
    """The channels of the workspace, by name."""
    wanted = select(channels).where(channels.c.tenant_id == tenant_id, channels.c.removed_at.is_(None))
    return list(await conn.execute(wanted.order_by(channels.c.name, channels.c.id)))


async def find(conn: AsyncConnection, tenant_id: UUID, channel_id: UUID) -> Row[Any]:
    """A channel; Problem 404."""
    row: Row[Any] | None = (
        await conn.execute(select(channels).where(*_is(tenant_id, channel_id), channels.c.removed_at.is_(None)))
    ).one_or_none()
    if row is None:
        raise not_found("channel")
    return row


async def secrets_of(conn: AsyncConnection, vault: Vault, row: Row[Any]) -> Secrets:
    """A channel's secrets, opened."""
    return await open_secrets(conn, vault, row.tenant_id, row.id, row.secrets_sealed)


def _refuse(about: About, given: NewChannel | ChannelChange, problems: dict[str, str]) -> None:
    if given.name is not None and (not given.name.strip() or not given.name.isprintable()):
        problems["name"] = "Give it a name that your team recognises."
    if given.allowed_origins and (problem := problems_of_origins(given.allowed_origins)):
        problems["allowed_origins"] = problem
    if given.allowed_origins and about.kind != "web":
        problems["allowed_origins"] = "Only the web chat is shown on pages."
    if problems:
        raise Problem(422, "invalid_channel", "The channel was not saved. Correct the marked fields.", fields=problems)


async def _write(conn: AsyncConnection, statement: Insert | Update) -> None:
    try:
        await conn.execute(statement)
    except IntegrityError as error:
        sentence = "There is no such flow. Choose one of yours."
        raise Problem(422, "unknown_flow", sentence, fields={"flow_id": sentence}) from error


def _is(tenant_id: UUID, channel_id: UUID) -> tuple[Any, Any]:
    return channels.c.tenant_id == tenant_id, channels.c.id == channel_id
