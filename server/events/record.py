"""Writing an event in the commit that made it happen."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from server.events.catalogue import check
from server.kit.tables import events


async def record(
    conn: AsyncConnection,
    tenant_id: UUID,
    type: str,
    props: Mapping[str, Any],
    *,
    at: datetime | None = None,
    conversation_id: UUID | None = None,
    flow_id: UUID | None = None,
    flow_version: int | None = None,
    channel_id: UUID | None = None,
) -> None:
    """Add one event to the caller's transaction; without `at` it happened when that began.

    Raises BadEvent when it does not fit its type.
    """
    known = check(type, props)
    await conn.execute(
        insert(events).values(
            tenant_id=tenant_id,
            type=type,
            version=known.version,
            props=dict(props),
            conversation_id=conversation_id,
            flow_id=flow_id,
            flow_version=flow_version,
            channel_id=channel_id,
            **({} if at is None else {"at": at}),
        )
    )
