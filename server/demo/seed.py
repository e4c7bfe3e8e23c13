"""The sample workspaces of a fresh installation: a shop whose bot runs at once, and a second company that sees nothing of it."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.channels.open_channel import open_web_channel
from server.flows.bundles import import_flow
from server.flows.publish import publish
from server.kit.db import Database
from server.kit.ids import uuid7
from server.kit.jobs import enqueue
from server.kit.settings import Settings
from server.tenants import queries
from server.tenants.create_workspace import create_workspace, rename_workspace
from server.tenants.tables import tenants

HERE = Path(__file__).parent
SHOP, TRAVEL = "Bloom & Bean", "Globe Travel"
HISTORY_JOB = "demo.make_history"
CONVERSATIONS = 160
_WRITTEN_FOR = "http://localhost:8800"


async def seed(db: Database, settings: Settings, tenant_id: UUID, member_id: UUID, conversations: int = CONVERSATIONS) -> None:
    """Fill the owner's workspace with the sample shop and make the second workspace; the second time it does nothing.

    The jobs it leaves (training the intents, two weeks of conversations) are rung by the sweeper.
    """
    async with db.tenant(tenant_id) as connection:
        if await _is_seeded(connection, tenant_id):
            return
        owner = await queries.member(connection, tenant_id, member_id)
        if owner is None:
            return
        await rename_workspace(connection, tenant_id, SHOP)
        flow_id = await _open(connection, tenant_id, member_id, "shop_support.json", settings)
        await enqueue(connection, tenant_id, HISTORY_JOB, {"flow_id": str(flow_id), "conversations": conversations})
        await _note(connection, tenant_id)
    travel = uuid7()
    async with db.tenant(travel) as connection:
        travel_owner = await create_workspace(
            connection,
            travel,
            name=TRAVEL,
            account_id=owner.account_id,
            owner_name=owner.name,
            owner_email=owner.email,
            password_hash=owner.password_hash,
        )
        await _open(connection, travel, travel_owner, "trip_finder.json", settings)
        await _note(connection, travel)


def sample_bundle(name: str, public_url: str) -> dict[str, Any]:
    """A sample flow with its intents; it calls the sample shop's order system at `public_url`."""
    bundle: dict[str, Any] = json.loads((HERE / name).read_text().replace(_WRITTEN_FOR, public_url))
    return bundle


async def _open(connection: AsyncConnection, tenant_id: UUID, member_id: UUID, name: str, settings: Settings) -> UUID:
    draft = await import_flow(connection, tenant_id, sample_bundle(name, settings.public_url))
    await publish(connection, tenant_id, draft.flow_id, member_id, "The sample")
    await open_web_channel(connection, tenant_id, draft.flow_id, draft.document["name"])
    return draft.flow_id


async def _is_seeded(connection: AsyncConnection, tenant_id: UUID) -> bool:
    settings = (await connection.execute(select(tenants.c.settings).where(tenants.c.tenant_id == tenant_id).with_for_update())).scalar_one()
    return bool(settings.get("sample"))


async def _note(connection: AsyncConnection, tenant_id: UUID) -> None:
    await connection.execute(
        tenants.update().where(tenants.c.tenant_id == tenant_id).values(settings=tenants.c.settings.concat({"sample": True}))
    )
