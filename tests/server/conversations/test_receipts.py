"""What providers say of our messages, in any order, twice, or too early."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any, Literal
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from server.channels.contract import Request, Status, Watermark
from server.channels.whatsapp.adapter import adapter as whatsapp
from server.conversations.outbox import claim
from server.conversations.receipts import deliveries_of, note_sent, record_statuses, record_watermarks
from server.conversations.tables import contacts, conversations, early_receipts, messages, outbox
from server.kit.db import Database
from server.kit.tables import events
from tests.conftest import Workspace
from tests.fakes.channels.whatsapp import NUMBER_ID, FakeWhatsApp
from tests.server.conversations.outboxes import MovingClock, open_conversation
from tests.server.events.logs import told_of
from tests.server.turns.bots import ECHO, Bot, publish

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
State = Literal["sent", "delivered", "read", "failed"]


@pytest.fixture
async def bot(db: Database) -> Bot:
    return await publish(db, ECHO, kind="webhook")


async def send(db: Database, bot: Bot, provider_id: str | None = "p1") -> UUID:
    """A conversation with one message that the provider took."""
    place = await open_conversation(db, bot, "hello")
    async with db.tenant(bot.tenant_id) as conn:
        row = await claim(conn, bot.tenant_id, place, 1)
        await note_sent(conn, bot.tenant_id, place, bot.channel_id, 1, row.lease_no, provider_id)
    return place


async def say(db: Database, bot: Bot, *states: State, provider_id: str = "p1", error: str | None = None) -> None:
    statuses = [Status(provider_id, state, NOON + timedelta(minutes=n), error) for n, state in enumerate(states)]
    async with db.tenant(bot.tenant_id) as conn:
        await record_statuses(conn, bot.tenant_id, bot.channel_id, statuses)


async def found(db: Database, bot: Bot, place: UUID) -> tuple[str, bool, bool]:
    async with db.tenant(bot.tenant_id) as conn:
        one = (await deliveries_of(conn, bot.tenant_id, place))[1]
    return one.status, one.delivered_at is not None, one.read_at is not None


async def test_a_message_gets_further_in_whatever_order_it_is_told(db: Database, bot: Bot) -> None:
    steps: tuple[State, ...] = ("sent", "delivered", "read")
    for number, order in enumerate(permutations(steps)):
        place = await send(db, bot, f"p{number}")
        await say(db, bot, *order, *order, provider_id=f"p{number}")
        assert await found(db, bot, place) == ("sent", True, True)
        assert await told_of(db, bot.tenant_id, "message") == [("delivered", {"seq": 1}), ("read", {"seq": 1})] * (number + 1)


async def test_whatsapps_receipts_only_move_up_in_whatever_order_they_come(db: Database, bot: Bot) -> None:
    fake, request = FakeWhatsApp(), Request("POST", {}, {}, b"", NOON)
    failure = {"errors": [{"code": 131026, "title": "Message undeliverable"}]}
    told = {state: fake.status("wamid.1", state).read() for state in ("sent", "delivered", "read", "played")}
    told["failed"] = fake.status("wamid.1", "failed", **failure).read()
    for number, (order, expected) in enumerate(
        [
            (("read", "delivered", "sent"), ("sent", True, True)),
            (("delivered", "failed", "sent", "played"), ("sent", True, True)),
            (("sent", "failed", "delivered", "read"), ("dead", False, False)),
        ]
    ):
        provider_id = f"wamid.{number}"
        place = await send(db, bot, provider_id)
        for state in order:
            body = told[state].replace(b"wamid.1", provider_id.encode())
            received = whatsapp.parse(replace(request, body=body), {"phone_number_id": NUMBER_ID})
            async with db.tenant(bot.tenant_id) as conn:
                await record_statuses(conn, bot.tenant_id, bot.channel_id, received.statuses)
        assert await found(db, bot, place) == expected, order


async def test_what_is_read_was_delivered(db: Database, bot: Bot) -> None:
    place = await send(db, bot)
    await say(db, bot, "read")
    assert await found(db, bot, place) == ("sent", True, True)
    async with db.tenant(bot.tenant_id) as conn:
        where = select(events.c.conversation_id, events.c.flow_id, events.c.flow_version, events.c.channel_id)
        assert set(await conn.execute(where)) == {(place, bot.flow_id, 1, bot.channel_id)}


async def test_a_failure_is_final_and_a_dead_letter_with_its_reason(db: Database, bot: Bot) -> None:
    place = await send(db, bot)
    await say(db, bot, "failed", "delivered", "read", error="The number is not on the network.")
    assert await found(db, bot, place) == ("dead", False, False)
    async with db.tenant(bot.tenant_id) as conn:
        assert (await deliveries_of(conn, bot.tenant_id, place))[1].error == "The number is not on the network."
    assert await told_of(db, bot.tenant_id, "message") == [("failed", {"seq": 1, "reason": "The number is not on the network."})]


async def test_a_watermark_is_about_everything_that_was_said_before_it(db: Database, bot: Bot) -> None:
    places = [await send(db, bot, "p1"), await send(db, bot, None)]
    unsent = await open_conversation(db, bot, "later")
    async with db.tenant(bot.tenant_id) as conn:
        said_at, *_ = await conn.scalars(select(messages.c.at).order_by(messages.c.at.desc()))
        names = dict((await conn.execute(select(conversations.c.id, contacts.c.external_id).join_from(conversations, contacts))).all())

    async def mark(state: Literal["delivered", "read"], until: datetime, *who: UUID) -> list[tuple[str, bool, bool]]:
        async with db.tenant(bot.tenant_id) as conn:
            marks = [Watermark(names[place], state, until) for place in who]
            await record_watermarks(conn, bot.tenant_id, bot.channel_id, marks)
        return [await found(db, bot, place) for place in (*places, unsent)]

    nothing = ("pending", False, False)
    async with db.tenant(bot.tenant_id) as conn:
        await record_watermarks(conn, bot.tenant_id, bot.channel_id, [Watermark(names[places[0]], "read", said_at, "another thread")])
    assert await mark("read", said_at - timedelta(minutes=1), *places, unsent) == [("sent", False, False)] * 2 + [nothing]
    assert await mark("read", said_at, places[0], unsent) == [("sent", True, True), ("sent", False, False), nothing]
    assert await mark("delivered", said_at + timedelta(minutes=1), *places) == [("sent", True, True), ("sent", True, False), nothing]


async def test_what_arrived_cannot_fail_any_more(db: Database, bot: Bot) -> None:
    place = await send(db, bot)
    await say(db, bot, "delivered", "failed")
    assert await found(db, bot, place) == ("sent", True, False)


@pytest.mark.parametrize(("state", "expected"), [("delivered", ("sent", True, False)), ("failed", ("dead", False, False))])
async def test_what_is_told_before_the_sending_ends_is_kept(db: Database, bot: Bot, state: State, expected: tuple[str, bool, bool]) -> None:
    await say(db, bot, state)
    place = await send(db, bot)
    assert await found(db, bot, place) == expected
    assert await early(db, bot) == 0


async def test_what_never_finds_its_message_is_forgotten(db: Database, bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    await say(db, bot, "delivered", provider_id="of an earlier part")
    clock = MovingClock()
    monkeypatch.setattr("server.kit.clock.now", clock.now)
    clock.move(25 * 3600)
    await say(db, bot, "read", provider_id="another")
    await say(db, bot, "read", provider_id="another")
    assert await early(db, bot) == 1


async def early(db: Database, bot: Bot) -> Any:
    async with db.tenant(bot.tenant_id) as conn:
        return await conn.scalar(select(func.count()).select_from(early_receipts))


async def test_says_nothing_of_the_messages_of_another_workspace(db: Database, bot: Bot) -> None:
    place = await send(db, bot)
    other = await publish(db, ECHO, kind="webhook")
    await say(db, other, "failed")
    assert await found(db, bot, place) == ("sent", False, False)


async def test_the_transcript_says_how_far_each_message_got(db: Database, owner: Workspace) -> None:
    bot = await publish(db, ECHO, tenant_id=owner.tenant_id, kind="webhook")
    place = await open_conversation(db, bot, "read", "uncertain", "refused", "waiting")
    async with db.tenant(bot.tenant_id) as conn:
        for seq, values in ((1, {"status": "sent", "read_at": NOON}), (2, {"status": "maybe"}), (3, {"status": "dead", "error": "<gone>"})):
            await conn.execute(update(outbox).where(outbox.c.seq == seq).values(**values))
    found = (await owner.client.get(f"/api/v2/chat/conversations/{place}/messages")).json()["data"]
    assert [message["delivery"]["status"] for message in found] == ["sent", "maybe", "dead", "pending"]
    page = (await owner.client.get(f"/conversations/{place}", headers={"accept": "text/html"})).text
    for words in ("Read <time", "May have arrived", "Not delivered</span> &lt;gone&gt;", "Waiting to be sent"):
        assert words in page
