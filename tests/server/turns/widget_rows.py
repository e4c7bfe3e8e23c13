"""Rows behind the widget, for tests that look at its doors alone."""

from typing import Any
from uuid import UUID

from sqlalchemy import insert

from server.channels.tables import channels
from server.conversations.tables import contacts, conversations, messages
from server.conversations.token import ConversationToken
from server.flows.tables import flows
from server.kit.db import Database
from server.kit.ids import uuid7
from server.tenants.tables import tenants


async def make_channel(
    db: Database, *, allowed_origins: list[str] | None = None, enabled: bool = True, **settings: Any
) -> tuple[UUID, UUID]:
    """A web channel in a workspace of its own: tenant id, channel id."""
    tenant_id, flow_id, channel_id = uuid7(), uuid7(), uuid7()
    async with db.tenant(tenant_id) as connection:
        await connection.execute(insert(tenants).values(tenant_id=tenant_id, name="Acme"))
        await connection.execute(insert(flows).values(tenant_id=tenant_id, id=flow_id, name="Order help", draft={}))
        row = {"tenant_id": tenant_id, "id": channel_id, "kind": "web", "name": "Acme help", "flow_id": flow_id, "settings": settings}
        await connection.execute(insert(channels).values(**row, allowed_origins=allowed_origins or [], enabled=enabled))
    return tenant_id, channel_id


async def make_conversation(db: Database, tenant_id: UUID, channel_id: UUID) -> ConversationToken:
    """An empty conversation of the channel, and what its token says."""
    token = ConversationToken(tenant_id, channel_id, uuid7(), uuid7())
    async with db.tenant(tenant_id) as connection:
        await connection.execute(
            insert(contacts).values(tenant_id=tenant_id, id=token.contact_id, channel_id=channel_id, external_id=str(token.contact_id))
        )
        row = {"tenant_id": tenant_id, "id": token.conversation_id, "channel_id": channel_id, "contact_id": token.contact_id}
        await connection.execute(insert(conversations).values(**row, flow_id=uuid7(), flow_version=1))
    return token


async def say(db: Database, token: ConversationToken, first: int, *texts: str) -> None:
    """Messages of the bot, numbered from `first`."""
    rows = [
        {"tenant_id": token.tenant_id, "conversation_id": token.conversation_id, "seq": seq, "turn": 1, "direction": "out"}
        | {"body": {"type": "text", "text": text}}
        for seq, text in enumerate(texts, first)
    ]
    async with db.tenant(token.tenant_id) as connection:
        await connection.execute(insert(messages), rows)
