"""A conversation's events over HTTP: everything once, in order, from where the listener stopped, and only with its token."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import jwt
import pytest
import uvicorn
from litestar import Litestar
from sqlalchemy import event
from sqlalchemy.pool import QueuePool

from server.conversations.stream import LOOKS_AT_ONCE, STREAMS_PER_CONVERSATION, event_stream, topic_of
from server.conversations.token import ConversationToken, sign_token, token_key
from server.kit import clock
from server.kit.db import Database
from server.kit.ids import uuid7
from tests.server.turns.widget_rows import make_channel, make_conversation, say

SHOP = "https://shop.example"
Event = tuple[str, int | None, dict[str, Any]]


@pytest.fixture
async def server(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    """The application behind a real HTTP server: only there a stream streams."""
    listener = socket.create_server(("127.0.0.1", 0))
    running = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, timeout_graceful_shutdown=1))
    task = asyncio.create_task(running.serve([listener]))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=10) as client:
        yield client
    running.should_exit = True
    await task


def signed(app: Litestar, token: ConversationToken) -> str:
    return sign_token(token_key(app.state.vault), token, clock.now())


@asynccontextmanager
async def listening(
    server: httpx.AsyncClient, app: Litestar, token: ConversationToken, after: int = 0
) -> AsyncIterator[AsyncIterator[Event]]:
    headers = {"Authorization": f"Bearer {signed(app, token)}", "Last-Event-ID": str(after)}
    async with server.stream("GET", f"/w/{token.channel_id}/events?conversation={token.conversation_id}", headers=headers) as answer:
        assert answer.status_code == 200
        yield events_of(answer)


async def events_of(answer: httpx.Response) -> AsyncIterator[Event]:
    event: dict[str, str] = {}
    async for line in answer.aiter_lines():
        name, _, value = line.partition(": ")
        if line:
            event[name] = value
        elif "event" in event:
            yield event["event"], int(event["id"]) if "id" in event else None, json.loads(event["data"])
            event = {}
        else:
            event = {}


async def take(events: AsyncIterator[Event], count: int) -> list[Event]:
    async with asyncio.timeout(8):
        return [await anext(events) for _ in range(count)]


def texts(events: list[Event]) -> list[tuple[int | None, str]]:
    return [(number, data["body"]["text"]) for name, number, data in events if name == "message"]


async def test_a_new_listener_gets_all_there_is_and_then_what_comes(server: httpx.AsyncClient, app: Litestar, db: Database) -> None:
    token = await make_conversation(db, *await make_channel(db))
    await say(db, token, 1, "Hello", "How can I help?")
    async with listening(server, app, token) as events:
        assert texts(await take(events, 2)) == [(1, "Hello"), (2, "How can I help?")]
        await say(db, token, 3, "Still there?")
        await app.state.live.publish(token.tenant_id, topic_of(token.conversation_id), {"kind": "messages"})
        async with asyncio.timeout(1):
            assert texts(await take(events, 1)) == [(3, "Still there?")]


async def test_a_listener_goes_on_where_it_stopped(server: httpx.AsyncClient, app: Litestar, db: Database) -> None:
    token = await make_conversation(db, *await make_channel(db))
    await say(db, token, 1, *(f"message {number}" for number in range(1, 8)))
    heard: list[tuple[int | None, str]] = []
    while len(heard) < 7:
        async with listening(server, app, token, after=len(heard)) as events:
            heard += texts(await take(events, 1))
    assert heard == [(number, f"message {number}") for number in range(1, 8)]


async def test_a_message_whose_news_got_lost_comes_all_the_same(server: httpx.AsyncClient, app: Litestar, db: Database) -> None:
    token = await make_conversation(db, *await make_channel(db))
    async with listening(server, app, token) as events:
        await asyncio.sleep(0.2)
        await say(db, token, 1, "Nobody rang")
        assert texts(await take(events, 1)) == [(1, "Nobody rang")]


async def test_what_is_never_stored_is_passed_on_in_order(server: httpx.AsyncClient, app: Litestar, db: Database) -> None:
    token = await make_conversation(db, *await make_channel(db))
    await say(db, token, 1, "Hello")
    news: list[dict[str, Any]] = [
        {"kind": "typing", "on": True},
        {"kind": "delta", "call_id": "c:1:n1:1", "text": "Your "},
        {"kind": "delta", "call_id": "c:1:n1:1", "text": "order"},
        {"kind": "turn", "turn": 2},
    ]
    async with listening(server, app, token) as events:
        await take(events, 1)
        for one in news:
            await app.state.live.publish(token.tenant_id, topic_of(token.conversation_id), one)
        heard = await take(events, 4)
    assert heard == [(one["kind"], None, {k: v for k, v in one.items() if k != "kind"}) for one in news]


async def test_of_a_long_history_only_the_end_is_sent(server: httpx.AsyncClient, app: Litestar, db: Database) -> None:
    token = await make_conversation(db, *await make_channel(db))
    await say(db, token, 1, *(f"message {number}" for number in range(1, 451)))
    async with listening(server, app, token) as events:
        heard = texts(await take(events, 200))
    assert (heard[0][0], heard[-1][0]) == (251, 450)


async def test_only_the_conversations_own_token_opens_it(server: httpx.AsyncClient, app: Litestar, db: Database) -> None:
    tenant_id, channel_id = await make_channel(db)
    mine, theirs = await make_conversation(db, tenant_id, channel_id), await make_conversation(db, tenant_id, channel_id)
    foreign = await make_conversation(db, *await make_channel(db))
    gone = replace(mine, conversation_id=uuid7())
    expected = [
        (mine, None, 401),
        (mine, "nonsense", 401),
        (mine, jwt.encode({"tid": str(tenant_id), "aud": "bot-api", "exp": 4102444800}, "k" * 32), 401),
        (mine, signed(app, theirs), 404),
        (mine, signed(app, foreign), 404),
        (mine, signed(app, replace(foreign, conversation_id=mine.conversation_id)), 404),
        (gone, signed(app, gone), 404),
    ]
    for asked, text, status in expected:
        headers = {"Authorization": f"Bearer {text}"} if text else {}
        answer = await server.get(f"/w/{channel_id}/events?conversation={asked.conversation_id}", headers=headers)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_page_that_is_not_on_the_list_hears_nothing(server: httpx.AsyncClient, app: Litestar, db: Database) -> None:
    token = await make_conversation(db, *await make_channel(db, allowed_origins=[SHOP]))
    address = f"/w/{token.channel_id}/events?conversation={token.conversation_id}"
    key = {"Authorization": f"Bearer {signed(app, token)}"}
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "http://shop.example"}, {"Origin": "null"}, {}):
        answer = await server.get(address, headers=key | headers)
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers
    for allowed in ({"Origin": SHOP}, {"Sec-Fetch-Site": "same-origin"}, {"Origin": str(server.base_url).rstrip("/")}):
        async with server.stream("GET", address, headers=key | allowed) as streaming:
            assert streaming.status_code == 200
            assert streaming.headers.get("access-control-allow-origin") == allowed.get("Origin")


async def test_a_listed_page_can_read_why_it_was_refused(server: httpx.AsyncClient, db: Database) -> None:
    token = await make_conversation(db, *await make_channel(db, allowed_origins=[SHOP]))
    answer = await server.get(f"/w/{token.channel_id}/events?conversation={token.conversation_id}", headers={"Origin": SHOP})
    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] == SHOP


async def test_nobody_takes_all_the_seats(server: httpx.AsyncClient, app: Litestar, db: Database) -> None:
    token = await make_conversation(db, *await make_channel(db))
    async with listening(server, app, token) as first:
        others = [listening(server, app, token) for _ in range(STREAMS_PER_CONVERSATION - 1)]
        for other in others:
            await other.__aenter__()
        headers = {"Authorization": f"Bearer {signed(app, token)}"}
        refused = await server.get(f"/w/{token.channel_id}/events?conversation={token.conversation_id}", headers=headers)
        assert refused.status_code == 429
        assert refused.headers["retry-after"]
        for other in others:
            await other.__aexit__(None, None, None)
        await say(db, token, 1, "Hello")
        assert texts(await take(first, 1)) == [(1, "Hello")]
    for _ in range(100):
        if (await _status(server, app, token)) == 200:
            break
        await asyncio.sleep(0.05)
    assert await _status(server, app, token) == 200


async def _status(server: httpx.AsyncClient, app: Litestar, token: ConversationToken) -> int:
    headers = {"Authorization": f"Bearer {signed(app, token)}"}
    async with server.stream("GET", f"/w/{token.channel_id}/events?conversation={token.conversation_id}", headers=headers) as answer:
        return answer.status_code


async def test_many_that_open_together_leave_connections_to_the_others(app: Litestar, db: Database) -> None:
    token = await make_conversation(db, *await make_channel(db))
    await say(db, token, 1, "Hello")
    pool = db.engine.pool
    assert isinstance(pool, QueuePool)
    most = 0

    def count(*_: object) -> None:
        nonlocal most
        most = max(most, pool.checkedout())

    event.listen(db.engine.sync_engine, "checkout", count)
    streams = [event_stream(db, app.state.live, token.tenant_id, token.conversation_id, 0) for _ in range(24)]
    async with asyncio.timeout(8):
        await asyncio.gather(*(anext(stream) for stream in streams))
        said = await asyncio.gather(*(anext(stream) for stream in streams))
    event.remove(db.engine.sync_engine, "checkout", count)
    await asyncio.gather(*(stream.aclose() for stream in streams))
    assert all(b"Hello" in one for one in said)
    assert most <= LOOKS_AT_ONCE
