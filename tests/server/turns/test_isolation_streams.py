"""Tokens, channels, conversations and live news of one tenant open and tell nothing in another."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from litestar import Litestar

from server.analytics.ingest import TOPIC
from server.conversations.stream import topic_of
from server.kit.live import Live
from tests.conftest import Workspace
from tests.server.turns.bots import ECHO, Bot, publish
from tests.server.turns.talk import ROUTE, say
from tests.ui.serving import served

NEWS = {"kind": "delta", "call_id": "c", "text": "for somebody else", "from": 0}


@dataclass(frozen=True)
class Side:
    """A tenant with a bot, a conversation with it, and two who may enter: the customer and the owner."""

    workspace: Workspace
    bot: Bot
    conversation_id: str
    customer: dict[str, str]

    @property
    def owner(self) -> dict[str, str]:
        return {"authorization": self.workspace.client.headers["authorization"]}

    @property
    def events(self) -> str:
        return f"/w/{self.bot.channel_id}/events?conversation={self.conversation_id}"


async def side_of(app: Litestar, workspace: Workspace, client: httpx.AsyncClient) -> Side:
    bot = await publish(app.state.db, ECHO, workspace.tenant_id)
    started = await say(client, bot, start=True)
    return Side(workspace, bot, started["conversation_id"], {"authorization": f"Bearer {started['token']}"})


@pytest.fixture
async def mine(app: Litestar, owner: Workspace, client: httpx.AsyncClient) -> Side:
    return await side_of(app, owner, client)


@pytest.fixture
async def theirs(app: Litestar, other_owner: Workspace, client: httpx.AsyncClient) -> Side:
    return await side_of(app, other_owner, client)


@pytest.fixture
async def server(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    """The application behind a real HTTP server: only there a stream streams."""
    async with served(app) as address, httpx.AsyncClient(base_url=address, timeout=10) as client:
        yield client


@asynccontextmanager
async def listening(server: httpx.AsyncClient, path: str, headers: dict[str, str]) -> AsyncIterator[AsyncIterator[tuple[str, str]]]:
    """The events of a stream: name and data."""
    async with server.stream("GET", path, headers=headers) as answer:
        assert answer.status_code == 200

        async def events() -> AsyncIterator[tuple[str, str]]:
            name = ""
            async for line in answer.aiter_lines():
                field, _, value = line.partition(": ")
                if field == "event":
                    name = value
                elif field == "data" or (line == "data:" and name):
                    yield name, value

        yield events()


async def first(events: AsyncIterator[tuple[str, str]], name: str) -> str:
    """The data of the next event of this name, whatever comes before it."""
    async with asyncio.timeout(8):
        async for found, data in events:
            if found == name:
                return data
    raise AssertionError(f"the stream ended without {name}")


async def test_streams_of_others_are_closed(client: httpx.AsyncClient, mine: Side, theirs: Side) -> None:
    crossed = f"/w/{mine.bot.channel_id}/events?conversation={theirs.conversation_id}"
    turned = f"/w/{theirs.bot.channel_id}/events?conversation={mine.conversation_id}"
    tries = [
        (theirs.events, mine.customer, 404),
        (theirs.events, mine.owner, 401),
        (theirs.events, {}, 401),
        (crossed, mine.customer, 404),
        (crossed, theirs.customer, 404),
        (turned, mine.customer, 404),
        (turned, theirs.customer, 404),
    ]
    assert [(await client.get(path, headers=headers)).status_code for path, headers, _ in tries] == [status for _, _, status in tries]


def attempts(mine: Side, theirs: Side) -> Iterator[tuple[dict[str, Any], dict[str, str], int]]:
    """What somebody of one side might post to the other: body, credentials, the status that refuses it."""
    channel, conversation = {"channel_id": str(theirs.bot.channel_id)}, {"conversation_id": theirs.conversation_id}
    yield {**channel, **conversation}, mine.customer, 404
    yield channel, mine.customer, 404
    yield {**channel, **conversation}, mine.owner, 404
    yield channel, mine.owner, 404
    yield {"bot": str(theirs.bot.flow_id)}, mine.owner, 404
    yield {**channel, **conversation}, {}, 401
    yield {"channel_id": str(mine.bot.channel_id), **conversation}, mine.customer, 404
    yield {"channel_id": str(mine.bot.channel_id), **conversation}, mine.owner, 404
    yield {"channel_id": str(mine.bot.channel_id), **conversation}, theirs.customer, 404


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
async def test_nobody_writes_into_a_conversation_of_others(client: httpx.AsyncClient, mine: Side, theirs: Side, kind: str) -> None:
    given, expected = [], []
    for body, headers, status in attempts(mine, theirs):
        message = {"client_message_id": str(uuid4()), "text": "let me in", **body}
        answer = await client.post(ROUTE, json=message, headers={**headers, "accept": kind})
        streamed = answer.headers["content-type"].startswith("text/event-stream")
        given.append(_refusal(answer.text) if streamed else answer.status_code)
        expected.append(status)
    assert given == expected
    transcript = await theirs.workspace.client.get(f"/api/v2/chat/conversations/{theirs.conversation_id}/messages")
    assert "let me in" not in transcript.text


def _refusal(stream: str) -> int:
    """The status in the error that an event stream ends with."""
    last = stream.strip().rpartition("data: ")[2]
    return int(json.loads(last).get("status", 200))


async def test_news_of_others_never_arrive_even_about_the_same_topic(
    app: Litestar, server: httpx.AsyncClient, mine: Side, theirs: Side
) -> None:
    live: Live = app.state.live
    async with listening(server, mine.events, mine.customer) as events:
        await first(events, "message")
        for conversation_id in (mine.conversation_id, theirs.conversation_id):
            await live.publish(theirs.workspace.tenant_id, topic_of(UUID(conversation_id)), NEWS)
        await live.publish(mine.workspace.tenant_id, topic_of(UUID(theirs.conversation_id)), NEWS)
        await live.publish(mine.workspace.tenant_id, topic_of(UUID(mine.conversation_id)), NEWS | {"text": "for me"})
        assert json.loads(await first(events, "delta"))["text"] == "for me"


async def test_an_open_dashboard_hears_of_its_own_windows_only(app: Litestar, server: httpx.AsyncClient, mine: Side, theirs: Side) -> None:
    live: Live = app.state.live
    async with listening(server, "/analytics/live", mine.owner) as events:
        assert (await anext(events))[0] == "ready"
        await live.publish(theirs.workspace.tenant_id, TOPIC, {})
        await live.publish(theirs.workspace.tenant_id, f"flow:{mine.bot.flow_id}", NEWS)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await anext(events)
    async with listening(server, "/analytics/live", mine.owner) as events:
        assert (await anext(events))[0] == "ready"
        await live.publish(mine.workspace.tenant_id, TOPIC, {})
        async with asyncio.timeout(8):
            assert (await anext(events))[0] == "windows"
