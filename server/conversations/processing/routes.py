"""JSON: the stages there are, and those that a channel has on."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.channels.keep import find
from server.channels.tables import channels
from server.conversations.processing.about import StageAbout, stages
from server.conversations.processing.plan import SETTING, Chosen, choices_of, kept_choices
from server.kit.db import Database
from server.security.identity import Identity

ROUTE = "/api/v1/channels/{channel_id:uuid}/processing"
TAGS = ["channels"]


class StageList(msgspec.Struct):
    """Every stage of processing, in the order in which they run."""

    data: list[StageAbout]
    next: str | None = None


class Processing(msgspec.Struct):
    """What a channel chose for each stage; a stage that is left out is as its own defaults say."""

    stages: dict[str, Chosen]


@get("/api/v1/processing-stages", opt={"permission": "channels:read"}, tags=TAGS)
async def list_stages() -> StageList:
    """Every stage that what customers say can go through: what it does, where it runs, how long it may take, its settings."""
    return StageList(list(stages()))


@get(ROUTE, opt={"permission": "channels:read"}, tags=TAGS)
async def show_processing(channel_id: FromPath[UUID], identity: NamedDependency[Identity], db: NamedDependency[Database]) -> Processing:
    """What holds for every stage in a channel, with the defaults filled in."""
    async with db.tenant(identity.tenant_id) as conn:
        return Processing(choices_of((await find(conn, identity.tenant_id, channel_id)).settings))


@put(ROUTE, opt={"permission": "channels:write"}, tags=TAGS)
async def change_processing(
    data: JSONBody[Processing], channel_id: FromPath[UUID], identity: NamedDependency[Identity], db: NamedDependency[Database]
) -> Processing:
    """Choose the stages of a channel anew. It counts for what comes in from the next seconds on."""
    async with db.tenant(identity.tenant_id) as conn:
        await keep_processing(conn, identity.tenant_id, channel_id, data.stages)
        return Processing(choices_of((await find(conn, identity.tenant_id, channel_id)).settings))


async def keep_processing(conn: AsyncConnection, tenant_id: UUID, channel_id: UUID, chosen: dict[str, Chosen]) -> None:
    """Store what a channel chose; Problem 404 or 422."""
    await find(conn, tenant_id, channel_id)
    kept = {SETTING: kept_choices(chosen)}
    mine = channels.c.tenant_id == tenant_id, channels.c.id == channel_id
    await conn.execute(update(channels).where(*mine).values(settings=channels.c.settings.concat(kept)))


handlers: list[Any] = [list_stages, show_processing, change_processing]
