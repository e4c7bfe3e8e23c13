"""Sends what waits in the outbox: in order within a conversation, not faster than the channel takes it, each message once unless nobody
can know whether it arrived.
"""

import asyncio
import logging
import random
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.channels.about import about_of
from server.channels.contract import Adapter, Outbound, Secrets, SendFailed, adapter_of
from server.channels.rates import rates_of
from server.channels.sealed import open_secrets
from server.channels.tables import channels
from server.conversations.courtesies import overrides
from server.conversations.outbox import LEASE, SPREAD_S, Head, claim, give_up_unknown, head_of, in_conversation, pause_channel, put_off
from server.conversations.receipts import note_sent
from server.conversations.shown_media import MediaLinks, acceptable
from server.conversations.tables import contacts, conversations, messages, outbox
from server.conversations.tell import tell_blocked, tell_open, tell_unsent
from server.kit import clock
from server.kit.db import Database
from server.kit.http import OutboundClient
from server.kit.rates import Rate, SharedRates
from server.kit.secrets import Vault

TRIES = 8
LONGEST_BACKOFF = timedelta(minutes=30)
LONGEST_ASKED = timedelta(hours=6)
BLOCKED_FOR = timedelta(minutes=15)
TOO_OLD = timedelta(days=1)
LONGEST_TYPING_S = 10.0
AHEAD_S = 600.0
SLEEP_S = 2.0
GONE = "The channel was removed before the message could be sent."
SWITCHED_OFF = "The channel is switched off. Switch it on, then try again."

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Parcel:
    """A message whose sending is ours now: `lease_no` proves it. `closed` says why nothing may be sent to its channel."""

    tenant_id: UUID
    conversation_id: UUID
    channel_id: UUID
    seq: int
    attempts: int
    lease_no: int
    claimed_at: datetime
    kind: str
    settings: Mapping[str, Any]
    secrets: Secrets
    message: Outbound
    closed: str | None


class Delivery:
    """Sends the messages of the channels that must be sent them."""

    def __init__(self, db: Database, vault: Vault, http: OutboundClient, rates: SharedRates, public_url: str = "") -> None:
        self._db = db
        self._vault = vault
        self._http = http
        self._rates = rates
        self._links = MediaLinks(vault, public_url)
        self._busy: set[UUID] = set()

    async def deliver(self, tenant_id: UUID, conversation_id: UUID) -> None:
        """Send what is due of one conversation, oldest first, until one has to wait."""
        if conversation_id in self._busy:
            return
        self._busy.add(conversation_id)
        try:
            while (head := await self._head(tenant_id, conversation_id)) is not None:
                wait_s = await self._wait(tenant_id, conversation_id, head)
                if wait_s > SLEEP_S:
                    return
                if wait_s > 0:
                    await asyncio.sleep(wait_s)
                    continue  # the channel may have been paused by now
                parcel = await self._claim(tenant_id, conversation_id, head)
                if parcel is None or not await self._send(parcel):
                    return
        finally:
            self._busy.discard(conversation_id)

    async def _head(self, tenant_id: UUID, conversation_id: UUID) -> Head | None:
        async with self._db.tenant(tenant_id) as conn:
            await give_up_unknown(conn, tenant_id, conversation_id)
            return await head_of(conn, tenant_id, conversation_id)

    async def _wait(self, tenant_id: UUID, conversation_id: UUID, head: Head) -> float:
        """In how many seconds the message may be sent; what it has to wait for is noted in its row."""
        now = clock.now()
        if head.place_at is not None:
            return max(0.0, (head.place_at - now).total_seconds())
        if head.paused_until is not None:
            wait_s = (head.paused_until - now).total_seconds() + random.uniform(0, SPREAD_S)
            due_at, place_at = now + timedelta(seconds=wait_s), None
        elif (found := await self._place(tenant_id, conversation_id, head)) is None:
            wait_s = random.uniform(AHEAD_S / 2, AHEAD_S)
            due_at, place_at = now + timedelta(seconds=wait_s), None
        elif found == 0:
            return 0.0
        else:
            wait_s, place_at = found, now + timedelta(seconds=found)
            due_at = max(now, place_at - timedelta(seconds=SLEEP_S))
        async with self._db.tenant(tenant_id) as conn:
            await put_off(conn, tenant_id, conversation_id, head.seq, due_at, place_at)
        return wait_s

    async def _place(self, tenant_id: UUID, conversation_id: UUID, head: Head) -> float | None:
        """The seconds until the place that the channel's rates give to this message; None when none is free for a long time."""
        names = {"channel": f"send:{tenant_id}:{head.channel_id}", "conversation": f"send:{tenant_id}:{conversation_id}"}
        rates = rates_of(head.kind, head.settings)
        return await self._rates.place(*((names[one.per], Rate(one.per_second, one.burst)) for one in rates)) if rates else 0.0

    async def _claim(self, tenant_id: UUID, conversation_id: UUID, head: Head) -> _Parcel | None:
        now = clock.now()
        async with self._db.tenant(tenant_id) as conn:
            row = await claim(conn, tenant_id, conversation_id, head.seq)
            return None if row is None else await self._parcel(conn, tenant_id, conversation_id, row, now)

    async def _parcel(self, conn: AsyncConnection, tenant_id: UUID, conversation_id: UUID, row: Any, claimed_at: datetime) -> _Parcel:
        place = (
            await conn.execute(
                select(
                    channels.c.id,
                    channels.c.kind,
                    channels.c.settings,
                    channels.c.secrets_sealed,
                    channels.c.enabled,
                    channels.c.removed_at,
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
            key,
            str(conversation_id),
            place.external_id,
            row.seq,
            acceptable(place.body, about_of(place.kind), self._links),
            place.at,
            where,
            place.heard_at,
            row.parts_sent,
        )
        closed = GONE if place.removed_at is not None else None if place.enabled else SWITCHED_OFF
        what = place.kind, place.settings, secrets, message, closed
        return _Parcel(tenant_id, conversation_id, place.id, row.seq, row.attempts, row.lease_no, claimed_at, *what)

    async def _send(self, parcel: _Parcel) -> bool:
        """True when the next message may follow."""
        adapter = adapter_of(parcel.kind)
        try:
            if adapter is None:
                raise SendFailed("dead", f"This server cannot send to channels of the kind {parcel.kind}.")
            if parcel.closed is not None:
                raise SendFailed("dead", parcel.closed)
            _check_window(parcel)
            await self._write(adapter, parcel)
            if clock.now() > parcel.claimed_at + LEASE / 2:  # this process stood still: somebody else may be sending what follows
                raise SendFailed("retry", "The server stood still while it was about to send this.")
            provider_id = await adapter.send(self._http, parcel.message, parcel.settings, parcel.secrets)
        except SendFailed as failed:
            return await self._failed(parcel, failed)
        except Exception as error:
            log.exception("sending message %d of conversation %s failed", parcel.seq, parcel.conversation_id)
            return await self._failed(parcel, SendFailed("maybe", f"{type(error).__name__} while sending"))
        async with self._db.tenant(parcel.tenant_id) as conn:
            place = parcel.conversation_id, parcel.channel_id, parcel.seq, parcel.lease_no
            await note_sent(conn, parcel.tenant_id, *place, provider_id)
            await tell_open(conn, parcel.tenant_id, parcel.channel_id)
        return True

    async def _write(self, adapter: Adapter, parcel: _Parcel) -> None:
        """Take the time that the flow gives a bot for writing, before the first try."""
        seconds = parcel.message.body.get("typing_ms", 0) / 1000
        if not seconds or parcel.attempts > 1 or parcel.message.parts_sent or not overrides(adapter, "show_typing"):
            return
        message = parcel.message
        with suppress(SendFailed):
            await adapter.show_typing(self._http, message.contact_id, message.place, parcel.settings, parcel.secrets)
        await asyncio.sleep(min(seconds, LONGEST_TYPING_S))

    async def _failed(self, parcel: _Parcel, failed: SendFailed) -> bool:
        """Note what became of it; True when the next message may follow."""
        reason = str(failed)[:1_000]
        told = {"error": reason, "parts_sent": max(failed.parts_sent, parcel.message.parts_sent)}
        asked = BLOCKED_FOR if failed.blocks else None if failed.wait_s is None else min(timedelta(seconds=failed.wait_s), LONGEST_ASKED)
        if asked is not None and failed.outcome != "maybe" and clock.now() - parcel.message.at < TOO_OLD:
            await self._pause(parcel, asked, failed.blocks, told)
            return False
        again = failed.outcome == "retry" or (failed.outcome == "maybe" and bool(parcel.settings.get("resend_unknown")))
        if again and parcel.attempts < TRIES:
            await self._note(parcel, status="pending", due_at=clock.now() + _backoff(parcel.attempts), **told)
            return False
        await self._note(parcel, status="dead" if again else failed.outcome, **told)
        return True

    async def _pause(self, parcel: _Parcel, asked: timedelta, whole: bool, told: Mapping[str, Any]) -> None:
        """The other side asked us to wait: the `whole` channel does, or one conversation where all rates are those of conversations.

        It does not count as a failed try.
        """
        until = clock.now() + max(asked, timedelta(seconds=1))
        await self._note(parcel, status="pending", due_at=until, attempts=parcel.attempts - 1, **told)
        if whole or {one.per for one in rates_of(parcel.kind, parcel.settings)} != {"conversation"}:
            async with self._db.tenant(parcel.tenant_id) as conn:
                await pause_channel(conn, parcel.tenant_id, parcel.channel_id, until, str(told["error"]))
                if whole:
                    await tell_blocked(conn, parcel.tenant_id, parcel.channel_id, str(told["error"]))

    async def _note(self, parcel: _Parcel, **values: Any) -> None:
        """What was given up meanwhile is not tried again: what follows it may have been sent."""
        again = values["status"] == "pending"
        async with self._db.tenant(parcel.tenant_id) as conn:
            noted = await conn.execute(
                update(outbox)
                .where(
                    *in_conversation(parcel.tenant_id, parcel.conversation_id),
                    outbox.c.seq == parcel.seq,
                    outbox.c.lease_no == parcel.lease_no,
                    *([outbox.c.status == "sending"] if again else []),
                )
                .values(lease_until=None, **values)
            )
            if noted.rowcount and not again:
                await tell_unsent(conn, parcel.tenant_id, parcel.conversation_id, parcel.seq, values["status"], values["error"])


def _check_window(parcel: _Parcel) -> None:
    """Some channels let a bot write freely only for a while after the customer did: what counts is the moment of sending."""
    about, heard_at = about_of(parcel.kind), parcel.message.heard_at
    if about is None or about.window_s is None or (about.templates and parcel.message.body.get("template")):
        return
    if heard_at is None or clock.now() - heard_at > timedelta(seconds=about.window_s):
        said = f"{about.title} takes free messages only within {about.window_s // 3600} hours of the customer's last one."
        then = "Send an approved template instead." if about.templates else "Wait until the customer writes again."
        raise SendFailed("dead", f"{said} {then}")


def _backoff(attempts: int) -> timedelta:
    """2, 8, 32 seconds ... at most half an hour; up to a fifth longer, so that what failed together does not come together."""
    return min(timedelta(seconds=2 * 4 ** (attempts - 1)), LONGEST_BACKOFF) * random.uniform(1, 1.2)
