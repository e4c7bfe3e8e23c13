"""Events: what other systems tell a conversation is kept once and wakes what waits for it."""

import asyncio
from uuid import UUID, uuid4

import httpx
import pytest
from litestar import Litestar
from sqlalchemy import select, update

from flow_runtime import State
from server.conversations.callback import Callbacks
from server.conversations.events import forget_early_events
from server.conversations.tables import conversations, inbox, messages
from server.kit import clock
from server.kit.db import Database
from server.turns.runner import Runner
from tests.conftest import Workspace
from tests.server.turns.bots import Bot, flow_of, publish
from tests.server.turns.talk import Answer, say, until

PAYMENT = flow_of(
    {
        "link": ("send_message", {"text": "Pay, then tell {{ conversation.callback_url }}"}),
        "ask": ("ask_question", {"text": "Done?", "save_as": "done"}),
        "paid": ("wait_for_event", {"event": "paid", "save_as": "payment"}),
        "thanks": ("send_message", {"text": "Thanks for {{ payment.amount }}."}),
    },
    [("link", "next", "ask"), ("ask", "next", "paid"), ("paid", "received", "thanks"), ("paid", "timeout", "ask")],
    variables={"payment": {"type": "object", "scope": "flow"}, "done": {"type": "text", "scope": "flow"}},
)


async def begin(client: httpx.AsyncClient, db: Database) -> tuple[Bot, Answer, str]:
    """A conversation, and the address it gave for events."""
    bot = await publish(db, PAYMENT)
    answer = await say(client, bot, start=True)
    text: str = answer["messages"][0]["body"]["text"]
    return bot, answer, text.removeprefix("Pay, then tell ")


async def inputs(db: Database, bot: Bot) -> list[tuple[str, str]]:
    async with db.tenant(bot.tenant_id) as conn:
        rows = await conn.execute(select(inbox.c.kind, inbox.c.status).where(inbox.c.kind == "event_received").order_by(inbox.c.id))
        return [(row.kind, row.status) for row in rows]


async def last_words(client: httpx.AsyncClient, db: Database, bot: Bot) -> str:
    async with db.tenant(bot.tenant_id) as conn:
        body = await conn.scalar(select(messages.c.body).where(messages.c.direction == "out").order_by(messages.c.seq.desc()).limit(1))
    return str(body["text"])


async def test_an_early_event_that_nobody_waits_for_is_put_aside_after_a_day(
    client: httpx.AsyncClient, db: Database, runner: Runner
) -> None:
    bot, _, url = await begin(client, db)
    await client.post(f"{url}/parcel")

    async def early() -> bool:
        return await inputs(db, bot) == [("event_received", "early")]

    await until(early)
    assert await forget_early_events(db) == 0
    async with db.tenant(bot.tenant_id) as conn:
        await conn.execute(update(inbox).values(received_at=clock.now().replace(year=2020)))
    assert await forget_early_events(db) == 1
    assert await inputs(db, bot) == [("event_received", "ignored")]


async def test_the_same_key_is_the_same_event(client: httpx.AsyncClient, db: Database, runner: Runner) -> None:
    bot, _, url = await begin(client, db)
    key = {"idempotency-key": "evt_1"}
    sent = await asyncio.gather(*(client.post(f"{url}/paid", json={"amount": 1}, headers=key) for _ in range(5)))
    assert {answer.status_code for answer in sent} == {202}
    assert len({answer.json()["event_id"] for answer in sent}) == 1
    other = await client.post(f"{url}/paid", json={"amount": 2}, headers=key)
    assert (other.status_code, other.json()["title"]) == (422, "idempotency key used")
    assert len(await inputs(db, bot)) == 1


async def test_nobody_can_guess_or_change_an_address(app: Litestar, client: httpx.AsyncClient, db: Database) -> None:
    bot, _, url = await begin(client, db)
    token = url.rpartition("/")[2]
    for wrong in ("x", token[:-1], token[:-2] + "AA", "A" * len(token), token + "AAAA", "%00", "é"):
        refused = await client.post(f"/api/v2/chat/events/{wrong}/paid", json={})
        assert (refused.status_code, refused.json()["title"]) == (404, "unknown address"), wrong
    foreign: Callbacks = app.state.callbacks
    gone = foreign.url(bot.tenant_id, uuid4())
    assert (await client.post(f"{gone}/paid", json={})).status_code == 404
    assert await inputs(db, bot) == []


@pytest.mark.parametrize(
    ("name", "body", "kind", "status", "title"),
    [
        ("paid", b"[1]", "application/json", 422, "not an object"),
        ("paid", b"{", "application/json", 422, "not json"),
        ("paid", b"a=1", "application/x-www-form-urlencoded", 415, "not json"),
        ("paid", b'{"a": "\\u0000"}', "application/json", 422, "invalid"),
        ("x" * 101, b"{}", "application/json", 422, "bad event name"),
        ("paid", b'{"a":"' + b"x" * 70_000 + b'"}', "application/json", 413, "too large"),
        ("paid", b"[" * 60_000, "application/json", 422, "not json"),
    ],
)
async def test_what_cannot_be_used_is_refused_with_a_sentence(
    client: httpx.AsyncClient, db: Database, name: str, body: bytes, kind: str, status: int, title: str
) -> None:
    bot, _, url = await begin(client, db)
    refused = await client.post(f"{url}/{name}", content=body, headers={"content-type": kind})
    assert refused.status_code == status, refused.text
    if status != 413:
        assert refused.json()["title"] == title
    assert await inputs(db, bot) == []


async def test_a_conversation_that_has_ended_says_so(client: httpx.AsyncClient, db: Database) -> None:
    bot, answer, url = await begin(client, db)
    async with db.tenant(bot.tenant_id) as conn:
        state = State.from_json(await conn.scalar(select(conversations.c.state)))
        ended = State(state.conversation_id, turn=state.turn).to_json()
        await conn.execute(update(conversations).where(conversations.c.id == UUID(answer["conversation_id"])).values(state=ended))
    told = await client.post(f"{url}/paid", json={})
    assert (told.status_code, told.json()["detail"]) == (
        409,
        'This conversation has ended and does not listen to "paid" any more.',
    )


async def test_too_many_waiting_events_have_to_come_again(client: httpx.AsyncClient, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.conversations.events.MOST_WAITING", 2)
    _, _, url = await begin(client, db)
    codes = [(await client.post(f"{url}/paid", json={"n": n})).status_code for n in range(3)]
    assert codes == [202, 202, 429]


async def test_an_event_wakes_the_conversation_that_waits_for_it(client: httpx.AsyncClient, db: Database, runner: Runner) -> None:
    bot, answer, url = await begin(client, db)
    await say(client, bot, answer, text="yes")
    told = await client.post(f"{url}/paid", json={"amount": 12})
    assert (told.status_code, told.json()["status"]) == (202, "accepted")
    assert told.json()["conversation_id"] == answer["conversation_id"]

    async def thanked() -> bool:
        return await last_words(client, db, bot) == "Thanks for 12."

    await until(thanked)
    assert await inputs(db, bot) == [("event_received", "processed")]


async def test_an_event_that_comes_early_is_heard_when_the_flow_waits_for_it(
    client: httpx.AsyncClient, db: Database, runner: Runner
) -> None:
    bot, answer, url = await begin(client, db)
    await client.post(f"{url}/paid", json={"amount": 7})

    async def early() -> bool:
        return await inputs(db, bot) == [("event_received", "early")]

    await until(early)
    await say(client, bot, answer, text="yes")

    async def thanked() -> bool:
        return await last_words(client, db, bot) == "Thanks for 7."

    await until(thanked)


async def test_a_member_can_tell_a_conversation_of_an_event(owner: Workspace, db: Database, runner: Runner) -> None:
    bot = await publish(db, PAYMENT, owner.tenant_id)
    answer = await say(owner.client, bot, start=True)
    await say(owner.client, bot, answer, text="yes")
    route = f"/api/v2/chat/conversations/{answer['conversation_id']}/events"
    told = await owner.client.post(route, json={"name": "paid", "payload": {"amount": 3}})
    assert told.status_code == 202, told.text

    async def thanked() -> bool:
        return await last_words(owner.client, db, bot) == "Thanks for 3."

    await until(thanked)
    assert (await owner.client.post(route, json={"name": ""})).status_code in (400, 422)
    unknown = await owner.client.post(f"/api/v2/chat/conversations/{uuid4()}/events", json={"name": "paid"})
    assert unknown.status_code == 404


async def test_a_request_to_the_address_alone_is_the_event_callback(client: httpx.AsyncClient, db: Database) -> None:
    bot, _, url = await begin(client, db)
    assert (await client.post(url, json={"amount": 3})).status_code == 202
    async with db.tenant(bot.tenant_id) as conn:
        kept = await conn.scalar(select(inbox.c.input).where(inbox.c.kind == "event_received"))
    assert (kept["name"], kept["payload"]) == ("callback", {"amount": 3})
