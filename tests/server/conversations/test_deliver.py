"""How fast and when messages go out: the channel's rate and its wish to be left alone hold for all processes."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from redis.asyncio import Redis
from sqlalchemy import update

from server.channels.about import Rate
from server.channels.contract import SendFailed
from server.channels.tables import channels
from server.conversations.deliver import AHEAD_S, GONE, SWITCHED_OFF, Delivery
from server.conversations.outbox import pause_channel
from server.conversations.tables import conversations, messages
from server.kit import clock
from server.kit.db import Database
from server.kit.http import OutboundClient
from server.kit.rates import SharedRates
from server.kit.secrets import Vault
from tests.server.conversations.outboxes import MovingClock, Provider, open_conversation, outbox_rows
from tests.server.events.logs import told_of
from tests.server.turns.bots import ECHO, Bot, publish


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Provider:
    found = Provider()
    monkeypatch.setattr("server.conversations.deliver.adapter_of", lambda kind: found)
    return found


@pytest.fixture
def moving(monkeypatch: pytest.MonkeyPatch) -> MovingClock:
    found = MovingClock()
    monkeypatch.setattr(clock, "now", found.now)
    return found


@pytest.fixture
async def process(db: Database, redis_url: str, tmp_path: Path) -> AsyncIterator[Callable[[], Delivery]]:
    """Makes the delivery of one more process."""
    async with AsyncExitStack() as stack:
        http = OutboundClient()
        stack.push_async_callback(http.close)

        def make() -> Delivery:
            redis = Redis.from_url(redis_url)
            stack.push_async_callback(redis.aclose)
            return Delivery(db, Vault.open(tmp_path / "key"), http, SharedRates(redis, AHEAD_S))

        yield make


async def bot_with(db: Database, **settings: object) -> Bot:
    return await publish(db, ECHO, kind="webhook", settings=settings)


class TestRate:
    async def test_two_processes_share_it(self, db: Database, provider: Provider, process: Callable[[], Delivery]) -> None:
        bot = await bot_with(db, messages_per_second=4)
        places = [await open_conversation(db, bot, f"m{n}") for n in range(7)]
        processes = [process(), process()]
        began = time.monotonic()
        await asyncio.gather(*(processes[n % 2].deliver(bot.tenant_id, place) for n, place in enumerate(places)))
        assert 0.7 <= time.monotonic() - began < 3
        assert sorted(provider.taken) == [f"m{n}" for n in range(7)]

    async def test_a_place_far_ahead_is_noted_and_used(
        self, db: Database, provider: Provider, process: Callable[[], Delivery], moving: MovingClock
    ) -> None:
        bot = await bot_with(db, messages_per_second=0.1)
        first, second = [await open_conversation(db, bot, text) for text in ("one", "two")]
        delivery = process()
        await delivery.deliver(bot.tenant_id, first)
        await delivery.deliver(bot.tenant_id, second)
        assert provider.taken == ["one"]
        waiting = (await outbox_rows(db, bot))[1]
        assert waiting.due_at < waiting.place_at <= clock.now() + timedelta(seconds=10)
        moving.move(10)
        await delivery.deliver(bot.tenant_id, second)  # the bucket itself knows nothing of the moved clock
        assert provider.taken == ["one", "two"]

    async def test_a_place_that_was_missed_long_ago_is_worth_nothing(
        self, db: Database, provider: Provider, process: Callable[[], Delivery], moving: MovingClock
    ) -> None:
        bot = await bot_with(db, messages_per_second=0.1)
        for text in ("one", "two"):
            place = await open_conversation(db, bot, text)
            await process().deliver(bot.tenant_id, place)
        moving.move(60)
        await process().deliver(bot.tenant_id, place)
        assert provider.taken == ["one"]

    async def test_what_cannot_be_sent_for_a_long_time_asks_again_later(
        self, db: Database, provider: Provider, process: Callable[[], Delivery]
    ) -> None:
        bot = await bot_with(db, messages_per_second=0.001)
        for text in ("one", "two"):
            await process().deliver(bot.tenant_id, await open_conversation(db, bot, text))
        last = (await outbox_rows(db, bot))[-1]
        assert (last.status, last.place_at) == ("pending", None)
        assert last.due_at > clock.now() + timedelta(seconds=AHEAD_S / 2 - 5)


async def test_the_bot_is_seen_writing_before_a_message_that_takes_time(
    db: Database, provider: Provider, process: Callable[[], Delivery], monkeypatch: pytest.MonkeyPatch
) -> None:
    bot = await bot_with(db)
    place = await open_conversation(db, bot, "one", "two")
    async with db.tenant(bot.tenant_id) as conn:
        body = {"type": "text", "text": "one", "typing_ms": 1_500}
        await conn.execute(update(messages).where(messages.c.conversation_id == place, messages.c.seq == 1).values(body=body))
    order: list[object] = []

    async def show_typing(self: Provider, *given: object) -> None:
        order.append("writes")

    async def sleep(seconds: float) -> None:
        order.append((seconds, list(provider.taken)))

    monkeypatch.setattr(Provider, "show_typing", show_typing, raising=False)
    monkeypatch.setattr("server.conversations.deliver.asyncio.sleep", sleep)
    await process().deliver(bot.tenant_id, place)
    assert (order, provider.taken) == (["writes", (1.5, [])], ["one", "two"])


class TestAProcessThatStoodStill:
    """With a message in its hands, which it has not sent yet."""

    @pytest.fixture
    def stops(self, provider: Provider, moving: MovingClock, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        """How long it stands still each time it shows that it writes."""
        still: list[float] = []

        async def show_typing(self: Provider, *given: object) -> None:
            moving.move(still.pop(0) if still else 0)

        monkeypatch.setattr(Provider, "show_typing", show_typing, raising=False)
        return still

    async def opened(self, db: Database, bot: Bot) -> UUID:
        place = await open_conversation(db, bot, "one", "two")
        async with db.tenant(bot.tenant_id) as conn:
            body = {"type": "text", "text": "one", "typing_ms": 1}
            await conn.execute(update(messages).where(messages.c.conversation_id == place, messages.c.seq == 1).values(body=body))
        return place

    async def test_sends_nothing_and_the_message_goes_in_its_turn(
        self, db: Database, provider: Provider, process: Callable[[], Delivery], moving: MovingClock, stops: list[float]
    ) -> None:
        bot = await bot_with(db)
        place = await self.opened(db, bot)
        stops.append(20)
        await process().deliver(bot.tenant_id, place)
        assert provider.taken == []
        moving.move(5)
        await process().deliver(bot.tenant_id, place)
        assert provider.taken == ["one", "two"]

    async def test_what_was_given_up_meanwhile_is_never_sent_after_what_follows_it(
        self, db: Database, provider: Provider, process: Callable[[], Delivery], moving: MovingClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bot = await bot_with(db)
        place = await self.opened(db, bot)

        async def show_typing(self: Provider, *given: object) -> None:
            moving.move(40)
            await process().deliver(bot.tenant_id, place)

        monkeypatch.setattr(Provider, "show_typing", show_typing, raising=False)
        await process().deliver(bot.tenant_id, place)
        moving.move(60)
        await process().deliver(bot.tenant_id, place)
        assert provider.taken == ["two"]
        assert [row.status for row in await outbox_rows(db, bot)] == ["maybe", "sent"]


@pytest.mark.parametrize(("kind", "advice"), [("messenger", "Wait until the customer writes again."), ("whatsapp", "Send an approved")])
async def test_outside_the_window_a_message_is_a_dead_letter_that_says_what_to_do(
    db: Database, provider: Provider, process: Callable[[], Delivery], kind: str, advice: str
) -> None:
    bot = await publish(db, ECHO, kind=kind)
    place = await open_conversation(db, bot, "one", "two")
    async with db.tenant(bot.tenant_id) as conn:
        body = {"type": "text", "text": "two", "template": {"name": "hello", "language": "en"}}
        await conn.execute(update(messages).where(messages.c.conversation_id == place, messages.c.seq == 2).values(body=body))
        heard = {"heard_at": clock.now() - timedelta(hours=24, seconds=1)}
        await conn.execute(update(conversations).where(conversations.c.id == place).values(heard))
    await process().deliver(bot.tenant_id, place)
    first, second = await outbox_rows(db, bot)
    assert first.status == "dead"
    assert advice in first.error
    assert (second.status, provider.taken) == (("dead", []) if kind == "messenger" else ("sent", ["two"]))


class TestRetryAfter:
    async def test_one_message_pauses_its_channel_for_all_processes(
        self, db: Database, provider: Provider, process: Callable[[], Delivery], moving: MovingClock
    ) -> None:
        bot, other = await bot_with(db), await bot_with(db)
        places = [await open_conversation(db, bot, f"m{n}") for n in range(3)]
        provider.failures = [SendFailed("retry", "Too many requests.", wait_s=120)]
        for place in places:
            await process().deliver(bot.tenant_id, place)
        await process().deliver(other.tenant_id, await open_conversation(db, other, "elsewhere"))
        assert (provider.tries, provider.taken) == (2, ["elsewhere"])
        rows = await outbox_rows(db, bot)
        assert all(row.due_at >= clock.now() + timedelta(seconds=115) for row in rows)
        assert [(row.status, row.attempts) for row in rows] == [("pending", 0)] * 3
        moving.move(126)
        for place in places:
            await process().deliver(bot.tenant_id, place)
        assert provider.taken == ["elsewhere", "m0", "m1", "m2"]

    async def test_a_message_that_comes_during_the_pause_waits_too(
        self, db: Database, provider: Provider, process: Callable[[], Delivery]
    ) -> None:
        bot = await bot_with(db)
        async with db.tenant(bot.tenant_id) as conn:
            await pause_channel(conn, bot.tenant_id, bot.channel_id, clock.now() + timedelta(minutes=5), "slow down")
            await pause_channel(conn, bot.tenant_id, bot.channel_id, clock.now() + timedelta(seconds=5), "a shorter one changes nothing")
        await process().deliver(bot.tenant_id, await open_conversation(db, bot, "late"))
        assert provider.tries == 0
        assert (await outbox_rows(db, bot))[0].due_at > clock.now() + timedelta(minutes=4)

    async def test_pauses_only_the_conversation_where_rates_are_those_of_conversations(
        self, db: Database, provider: Provider, process: Callable[[], Delivery], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("server.conversations.deliver.rates_of", lambda kind, settings: (Rate(50, 9, "conversation"),))
        bot = await bot_with(db)
        provider.failures = [SendFailed("retry", "Too many requests.", wait_s=120)]
        for text in ("one", "two"):
            await process().deliver(bot.tenant_id, await open_conversation(db, bot, text, "next"))
        assert provider.taken == ["two", "next"]

    async def test_a_message_that_was_put_off_for_a_day_is_tried_a_few_times_more(
        self, db: Database, provider: Provider, process: Callable[[], Delivery], moving: MovingClock
    ) -> None:
        bot = await bot_with(db)
        place = await open_conversation(db, bot, "old")
        moving.move(25 * 3600)
        for _ in range(8):
            provider.failures = [SendFailed("retry", "Too many requests.", wait_s=1)]
            await process().deliver(bot.tenant_id, place)
            moving.move(3600)
        assert [(row.status, row.attempts) for row in await outbox_rows(db, bot)] == [("dead", 8)]

    async def test_a_channel_that_needs_mending_loses_no_message(
        self, db: Database, provider: Provider, process: Callable[[], Delivery], moving: MovingClock
    ) -> None:
        bot = await bot_with(db)
        place = await open_conversation(db, bot, "one")
        provider.failures = [SendFailed("dead", "The token was taken back.", blocks=True)]
        await process().deliver(bot.tenant_id, place)
        assert [(row.status, row.error) for row in await outbox_rows(db, bot)] == [("pending", "The token was taken back.")]
        moving.move(16 * 60)
        await process().deliver(bot.tenant_id, place)
        assert provider.taken == ["one"]
        told = [(props["status"], props["reason"]) for _, props in await told_of(db, bot.tenant_id, "health")]
        assert told == [("failing", "The token was taken back."), ("working", "The channel takes messages again.")]


@pytest.mark.parametrize(("values", "reason"), [({"enabled": False}, SWITCHED_OFF), ({"removed_at": clock.now()}, GONE)])
async def test_nothing_is_sent_to_a_channel_that_is_closed(
    db: Database, provider: Provider, process: Callable[[], Delivery], values: dict[str, Any], reason: str
) -> None:
    bot = await bot_with(db)
    async with db.tenant(bot.tenant_id) as conn:
        await conn.execute(update(channels).values(**values))
    await process().deliver(bot.tenant_id, await open_conversation(db, bot, "one"))
    assert [(row.status, row.error) for row in await outbox_rows(db, bot)] == [("dead", reason)]
    assert provider.tries == 0
    assert await told_of(db, bot.tenant_id, "message") == [("failed", {"seq": 1, "reason": reason})]
