"""What a channel shows beside the answer: that the customer's message was read, and that an answer is being written."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import and_, select

from server.channels.contract import Adapter, Inbound, Secrets, SendFailed, adapter_of
from server.channels.sealed import open_secrets
from server.channels.tables import channels
from server.conversations.tables import contacts, conversations
from server.kit.db import Database
from server.kit.http import OutboundClient
from server.kit.secrets import Vault
from server.kit.tasks import end_tasks

AT_ONCE = 32
READ_MARKS = "read_marks"

log = logging.getLogger(__name__)


class Courtesies:
    """Shows them in the background. They are never tried twice, and left out while there is too much to do."""

    def __init__(self, db: Database, vault: Vault, http: OutboundClient) -> None:
        self._db = db
        self._vault = vault
        self._http = http
        self._tasks: set[asyncio.Task[None]] = set()

    async def stop(self) -> None:
        """Leave out what is not shown by now."""
        await end_tasks(*self._tasks)

    def read(self, kind: str, said: Sequence[Inbound], settings: Mapping[str, Any], secrets: Secrets) -> None:
        """Mark messages as read, where the kind of channel can and the channel wants it: the last of each customer."""
        adapter = adapter_of(kind)
        if adapter is None or not overrides(adapter, "mark_read") or settings.get(READ_MARKS) == "no":
            return
        for last in {one.contact_id: one for one in said}.values():
            self._go(partial(adapter.mark_read, self._http, last.contact_id, last.reply_place, settings, secrets))

    def typing(self, kind: str | None, tenant_id: UUID, conversation_id: UUID) -> None:
        """Show that the bot writes, where the kind of channel can."""
        adapter = adapter_of(kind or "")
        if adapter is not None and overrides(adapter, "show_typing"):
            self._go(partial(self._show_typing, adapter, tenant_id, conversation_id))

    async def _show_typing(self, adapter: Adapter, tenant_id: UUID, conversation_id: UUID) -> None:
        async with self._db.tenant(tenant_id) as conn:
            row = (
                await conn.execute(
                    select(
                        channels.c.id, channels.c.settings, channels.c.secrets_sealed, contacts.c.external_id, conversations.c.reply_place
                    )
                    .select_from(conversations)
                    .join(channels, and_(channels.c.tenant_id == conversations.c.tenant_id, channels.c.id == conversations.c.channel_id))
                    .join(contacts, and_(contacts.c.tenant_id == conversations.c.tenant_id, contacts.c.id == conversations.c.contact_id))
                    .where(conversations.c.tenant_id == tenant_id, conversations.c.id == conversation_id, channels.c.enabled)
                )
            ).first()
            if row is None:
                return
            secrets = await open_secrets(conn, self._vault, tenant_id, row.id, row.secrets_sealed)
        await adapter.show_typing(self._http, row.external_id, row.reply_place or {}, row.settings, secrets)

    def _go(self, show: Callable[[], Awaitable[None]]) -> None:
        if len(self._tasks) >= AT_ONCE:
            return
        task = asyncio.create_task(_try(show))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def overrides(adapter: Adapter, courtesy: str) -> bool:
    """Whether this kind of channel has the courtesy: `mark_read` or `show_typing`."""
    return getattr(type(adapter), courtesy, None) is not getattr(Adapter, courtesy)


async def _try(show: Callable[[], Awaitable[None]]) -> None:
    try:
        await show()
    except SendFailed as failed:
        log.info("a mark was not shown: %s", failed)
    except Exception:
        log.exception("a mark was not shown")
