"""Conversations whose messages wait to be sent, a channel that keeps what it is sent, and a clock that moves when told to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select

from server.channels.contract import Outbound, SendFailed
from server.conversations.tables import contacts, conversations, messages, outbox
from server.kit import clock
from server.kit.db import Database
from server.kit.ids import uuid7
from tests.server.turns.bots import Bot


@dataclass
class Provider:
    """The other side of all channels: what it took, in order; it fails with what it is told, else takes everything."""

    taken: list[str] = field(default_factory=list)
    failures: list[SendFailed] = field(default_factory=list)
    tries: int = 0
    before_answer: Callable[[], Any] | None = None

    async def send(self, http: Any, message: Outbound, settings: Any, secrets: Any) -> str:
        """Take a message; its id is what we call it."""
        self.tries += 1
        if self.failures:
            raise self.failures.pop(0)
        self.taken.append(message.body["text"])
        if self.before_answer is not None:
            await self.before_answer()
        return f"id of {message.body['text']}"


class MovingClock:
    """Stands in for `clock.now`."""

    def __init__(self) -> None:
        self.ahead = timedelta()
        self._now = clock.now

    def now(self) -> datetime:
        """The time, as far ahead as it was moved."""
        return self._now() + self.ahead

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.ahead += timedelta(seconds=seconds)


async def open_conversation(db: Database, bot: Bot, *texts: str) -> UUID:
    """A conversation with messages of the bot that wait to be sent."""
    contact_id, conversation_id = uuid7(), uuid7()
    place = {"tenant_id": bot.tenant_id, "channel_id": bot.channel_id}
    async with db.tenant(bot.tenant_id) as conn:
        await conn.execute(insert(contacts).values(**place, id=contact_id, external_id=str(contact_id)))
        flow = {"contact_id": contact_id, "flow_id": bot.flow_id, "flow_version": 1}
        await conn.execute(insert(conversations).values(**place, **flow, id=conversation_id))
        for seq, text in enumerate(texts, 1):
            at = {"tenant_id": bot.tenant_id, "conversation_id": conversation_id, "seq": seq}
            await conn.execute(insert(messages).values(**at, turn=1, direction="out", body={"type": "text", "text": text}, at=clock.now()))
            await conn.execute(insert(outbox).values(**at, channel_id=bot.channel_id, due_at=clock.now()))
    return conversation_id


async def outbox_rows(db: Database, bot: Bot) -> Sequence[Any]:
    """All rows of the workspace's outbox, in order."""
    async with db.tenant(bot.tenant_id) as conn:
        return (await conn.execute(select(outbox).order_by(outbox.c.conversation_id, outbox.c.seq))).all()
