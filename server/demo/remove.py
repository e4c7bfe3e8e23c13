"""Taking the sample conversations away; the workspace's own stay."""

from uuid import UUID

from sqlalchemy import Select, delete, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.analytics.tables import conversation_intents, intent_windows, rollups, windows
from server.conversations.tables import contacts, conversations
from server.demo.history import PREFIX
from server.demo.seed import HISTORY_JOB
from server.kit.tables import events, jobs


async def count_history(connection: AsyncConnection, tenant_id: UUID) -> int:
    """How many sample conversations the workspace has."""
    return len((await connection.execute(_sample_conversations(tenant_id))).all())


async def remove_history(connection: AsyncConnection, tenant_id: UUID) -> int:
    """Delete the sample conversations with their events; the figures are added up again from what stays. Returns how many they were."""
    await connection.execute(delete(jobs).where(jobs.c.tenant_id == tenant_id, jobs.c.name == HISTORY_JOB))
    ids = [row.id for row in (await connection.execute(_sample_conversations(tenant_id))).all()]
    if not ids:
        return 0
    await connection.execute(delete(events).where(events.c.tenant_id == tenant_id, events.c.conversation_id.in_(ids)))
    await connection.execute(delete(conversations).where(conversations.c.tenant_id == tenant_id, conversations.c.id.in_(ids)))
    await connection.execute(delete(contacts).where(contacts.c.tenant_id == tenant_id, contacts.c.external_id.startswith(PREFIX)))
    for table in (windows, intent_windows, conversation_intents):
        await connection.execute(delete(table).where(table.c.tenant_id == tenant_id))
    await connection.execute(update(rollups).where(rollups.c.tenant_id == tenant_id).values(last_tx=text("'0'::xid8"), last_event_id=0))
    return len(ids)


def _sample_conversations(tenant_id: UUID) -> Select[tuple[UUID]]:
    joined = conversations.join(
        contacts, (contacts.c.tenant_id == conversations.c.tenant_id) & (contacts.c.id == conversations.c.contact_id)
    )
    return (
        select(conversations.c.id)
        .select_from(joined)
        .where(conversations.c.tenant_id == tenant_id, contacts.c.external_id.startswith(PREFIX))
    )
