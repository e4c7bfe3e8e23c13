"""Sends what waits in the outbox: in order within a conversation, each message once unless nobody can know whether it arrived."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.channels.about import about_of
from server.channels.contract import Outbound, Secrets, SendFailed, adapter_of
from server.channels.sealed import open_secrets
from server.channels.tables import channels
from server.conversations.tables import contacts, conversations, messages, outbox
from server.kit import clock
from server.kit.db import Database
from server.kit.http import OutboundClient
from server.kit.secrets import Vault

LEASE = timedelta(seconds=30)
TRIES = 8
LONGEST_PAUSE = timedelta(minutes=30)
UNKNOWN = "The sender stopped in the middle: the message may have arrived, so it is not sent again."

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Parcel:
    """A message whose sending is ours now: `lease_no` proves it."""

    tenant_id: UUID
    conversation_id: UUID
    seq: int
    attempts: int
    lease_no: int
    kind: str
    settings: Mapping[str, Any]
    secrets: Secrets
    message: Outbound


class Delivery:
    """Sends the messages of the channels that must be sent them."""

    def __init__(self, db: Database, vault: Vault, http: OutboundClient) -> None:
        self._db = db
        self._vault = vault
        self._http = http
        self._busy: set[UUID] = set()

    async def deliver(self, tenant_id: UUID, conversation_id: UUID) -> None:
        """Send what is due of one conversation, oldest first, until one has to wait."""
        if conversation_id in self._busy:
            return
        self._busy.add(conversation_id)
        try:
            while (parcel := await self._next(tenant_id, conversation_id)) is not None:
                if not await self._send(parcel):
                    return
        finally:
            self._busy.discard(conversation_id)

    async def _next(self, tenant_id: UUID, conversation_id: UUID) -> _Parcel | None:
        async with self._db.tenant(tenant_id) as conn:
            await self._give_up_unknown(conn, tenant_id, conversation_id)
            row = await _claim(conn, tenant_id, conversation_id)
            if row is None:
                return None
            return await self._parcel(conn, tenant_id, conversation_id, row)

    async def _give_up_unknown(self, conn: AsyncConnection, tenant_id: UUID, conversation_id: UUID) -> None:
        """A message whose sender died while sending may have arrived."""
        await conn.execute(
            update(outbox)
            .where(*_of(tenant_id, conversation_id), outbox.c.status == "sending", outbox.c.lease_until <= clock.now())
            .values(status="maybe", error=UNKNOWN, lease_until=None)
        )

    async def _parcel(self, conn: AsyncConnection, tenant_id: UUID, conversation_id: UUID, row: Any) -> _Parcel:
        place = (
            await conn.execute(
                select(
                    channels.c.id,
                    channels.c.kind,
                    channels.c.settings,
                    channels.c.secrets_sealed,
                    contacts.c.external_id,
                    messages.c.body,
                    messages.c.at,
                    conversations.c.reply_place,
                    conversations.c.heard_at,
                )
                .select_from(conversations)
                .join(channels, and_(channels.c.tenant_id == conversations.c.tenant_id, channels.c.id == conversations.c.channel_id))
                .join(contacts, and_(contacts.c.tenant_id == conversations.c.tenant_id, contacts.c.id == conversations.c.contact_id))
                .join(
                    messages,
                    and_(messages.c.tenant_id == conversations.c.tenant_id, messages.c.conversation_id == conversations.c.id),
                )
                .where(conversations.c.tenant_id == tenant_id, conversations.c.id == conversation_id, messages.c.seq == row.seq)
            )
        ).one()
        secrets = await open_secrets(conn, self._vault, tenant_id, place.id, place.secrets_sealed)
        key = f"{conversation_id}:{row.seq}"
        where = place.reply_place or {}
        message = Outbound(
            key, str(conversation_id), place.external_id, row.seq, place.body, place.at, where, place.heard_at, row.parts_sent
        )
        return _Parcel(tenant_id, conversation_id, row.seq, row.attempts, row.lease_no, place.kind, place.settings, secrets, message)

    async def _send(self, parcel: _Parcel) -> bool:
        """True when the next message may follow."""
        adapter = adapter_of(parcel.kind)
        try:
            if adapter is None:
                raise SendFailed("dead", f"This server cannot send to channels of the kind {parcel.kind}.")
            _check_window(parcel)
            provider_id = await adapter.send(self._http, parcel.message, parcel.settings, parcel.secrets)
        except SendFailed as failed:
            return await self._failed(parcel, failed)
        except Exception as error:
            log.exception("sending message %d of conversation %s failed", parcel.seq, parcel.conversation_id)
            return await self._failed(parcel, SendFailed("maybe", f"{type(error).__name__} while sending"))
        await self._note(parcel, status="sent", provider_id=provider_id, sent_at=clock.now(), error=None)
        return True

    async def _failed(self, parcel: _Parcel, failed: SendFailed) -> bool:
        reason = str(failed)[:1_000]
        again = failed.outcome == "retry" or (failed.outcome == "maybe" and bool(parcel.settings.get("resend_unknown")))
        told = {"error": reason, "parts_sent": max(failed.parts_sent, parcel.message.parts_sent)}
        if again and parcel.attempts < TRIES:
            await self._note(parcel, status="pending", due_at=clock.now() + _pause(parcel.attempts, failed.wait_s), **told)
            return False
        await self._note(parcel, status="dead" if again else failed.outcome, **told)
        return True

    async def _note(self, parcel: _Parcel, **values: Any) -> None:
        async with self._db.tenant(parcel.tenant_id) as conn:
            await conn.execute(
                update(outbox)
                .where(*_of(parcel.tenant_id, parcel.conversation_id), outbox.c.seq == parcel.seq, outbox.c.lease_no == parcel.lease_no)
                .values(lease_until=None, **values)
            )


async def _claim(conn: AsyncConnection, tenant_id: UUID, conversation_id: UUID) -> Any:
    """Take the oldest message that is not over, if it is due and nobody is sending one of this conversation."""
    now: datetime = clock.now()
    head = select(func.min(outbox.c.seq)).where(*_of(tenant_id, conversation_id), outbox.c.status == "pending").scalar_subquery()
    other = outbox.alias("other")
    sending = exists(
        select(other.c.seq).where(other.c.tenant_id == tenant_id, other.c.conversation_id == conversation_id, other.c.status == "sending")
    )
    claimed = (
        update(outbox)
        .where(*_of(tenant_id, conversation_id), outbox.c.seq == head, outbox.c.status == "pending", outbox.c.due_at <= now, ~sending)
        .values(status="sending", attempts=outbox.c.attempts + 1, lease_no=outbox.c.lease_no + 1, lease_until=now + LEASE)
        .returning(outbox.c.seq, outbox.c.attempts, outbox.c.lease_no, outbox.c.parts_sent)
    )
    return (await conn.execute(claimed)).first()


def _check_window(parcel: _Parcel) -> None:
    """Some channels let a bot write freely only for a while after the customer did: what counts is the moment of sending."""
    about, heard_at = about_of(parcel.kind), parcel.message.heard_at
    if about is None or about.window_s is None or parcel.message.body.get("template"):
        return
    if heard_at is None or clock.now() - heard_at > timedelta(seconds=about.window_s):
        hours = about.window_s // 3600
        raise SendFailed(
            "dead",
            f"{about.title} takes free messages only within {hours} hours of the customer's last one. Send an approved template instead.",
        )


def _pause(attempts: int, asked_s: float | None) -> timedelta:
    """2, 8, 32 seconds ... at most half an hour, and not less than the other side asked for."""
    pause = timedelta(seconds=2 * 4 ** (attempts - 1))
    return min(max(pause, timedelta(seconds=asked_s or 0)), LONGEST_PAUSE)


def _of(tenant_id: UUID, conversation_id: UUID) -> tuple[Any, Any]:
    return outbox.c.tenant_id == tenant_id, outbox.c.conversation_id == conversation_id


async def undelivered(conn: AsyncConnection, tenant_id: UUID, conversation_id: UUID) -> Mapping[int, tuple[str, str | None]]:
    """What became of the messages that were not simply sent, by number: (pending, sending, maybe or dead; why)."""
    rows = await conn.execute(
        select(outbox.c.seq, outbox.c.status, outbox.c.error).where(
            *_of(tenant_id, conversation_id), or_(outbox.c.status != "sent", outbox.c.error.is_not(None))
        )
    )
    return {row.seq: (row.status, row.error) for row in rows}
