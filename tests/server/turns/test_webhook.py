"""The webhook channel from the other side's point of view: signed messages in, the bot's messages out, each once and in order."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import httpx
import msgspec
import pytest
from litestar import Litestar
from sqlalchemy import func, select, update

from server.channels.sealed import seal_secrets
from server.channels.tables import channels
from server.channels.webhook.adapter import signature
from server.conversations.tables import conversations, inbox, outbox
from server.kit.db import Database
from server.kit.settings import Settings
from server.turns.runner import Runner
from tests.fakes.http import Answering, FakeServer, Request
from tests.server.turns.bots import ECHO, Bot, flow_of, publish
from tests.server.turns.talk import until

SECRET = "whsec_" + base64.b64encode(b"a secret of twenty-four bytes").decode()


class Customer(FakeServer):
    """The other side: takes the bot's messages; answers with the statuses it is told, else 200."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.statuses: list[int] = []

    async def _answer(self, request: Request, to: Answering) -> None:
        await to.send(self.statuses.pop(0) if self.statuses else 200, {})

    @property
    def read(self) -> list[str]:
        """The texts it got."""
        return [request.json["message"]["text"] for request in self.requests]


@dataclass
class Line:
    """A customer behind a webhook channel."""

    client: httpx.AsyncClient
    bot: Bot
    customer: Customer

    async def send(self, body: Any, *, message_id: str = "evt_1", secret: str = SECRET, late_s: int = 0) -> httpx.Response:
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        timestamp = str(int(time.time()) + late_s)
        headers = {
            "webhook-id": message_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": signature(secret, message_id, timestamp, content),
            "content-type": "application/json",
        }
        return await self.client.post(f"/hooks/webhook/{self.bot.channel_id}", content=content, headers=headers)


@pytest.fixture
async def customer() -> AsyncIterator[Customer]:
    with Customer() as server:
        yield server


@pytest.fixture
async def settings(settings: Settings, customer: Customer) -> Settings:
    """Settings that let the server call the customer."""
    return replace(settings, outbound_allow=frozenset({customer.url.removeprefix("http://")}))


async def open_line(app: Litestar, client: httpx.AsyncClient, db: Database, customer: Customer, flow: dict[str, Any]) -> Line:
    """A published flow behind a webhook channel of its own."""
    bot = await publish(db, flow, kind="webhook", settings={"url": f"{customer.url}/messages"})
    async with db.tenant(bot.tenant_id) as conn:
        sealed = await seal_secrets(conn, app.state.vault, bot.tenant_id, bot.channel_id, {"signing_secret": SECRET})
        await conn.execute(update(channels).where(channels.c.id == bot.channel_id).values(secrets_sealed=sealed))
    return Line(client, bot, customer)


@pytest.fixture
async def line(app: Litestar, client: httpx.AsyncClient, db: Database, customer: Customer) -> Line:
    return await open_line(app, client, db, customer, ECHO)


def hello(text: str = "hello", contact: str = "ada") -> dict[str, Any]:
    return {"contact": {"id": contact, "name": "Ada"}, "text": text}


async def test_a_signed_message_is_answered_by_signed_messages_in_order(line: Line, runner: Runner) -> None:
    assert (await line.send(hello())).status_code == 200
    await until(lambda: len(line.customer.read) == 2)
    assert (await line.send(hello("Grace"), message_id="evt_2")).status_code == 200
    await until(lambda: len(line.customer.read) == 4)
    assert line.customer.read == ["Hi Ada!", "What is your name?", "Nice to meet you, Grace (1).", "What is your name?"]
    for request in line.customer.requests:
        headers = request.headers
        assert headers["webhook-signature"] == signature(SECRET, headers["webhook-id"], headers["webhook-timestamp"], request.body)
    assert len({request.headers["webhook-id"] for request in line.customer.requests}) == 4


async def test_a_place_comes_in_and_what_a_message_carries_goes_out(
    app: Litestar, client: httpx.AsyncClient, db: Database, customer: Customer, runner: Runner
) -> None:
    shoe = {"title": "Shoe", "buttons": [{"label": "Take it", "value": "shoe"}]}
    seen = {"text": "{{ message.text }}: {{ message.location.latitude }}", "show": "cards", "cards": [shoe]}
    line = await open_line(app, client, db, customer, flow_of({"say": ("send_message", seen)}, []))
    place = {"latitude": 52.5, "longitude": 13.4, "label": "Berlin"}
    assert (await line.send({"contact": {"id": "ada"}, "location": place})).status_code == 200
    await until(lambda: len(customer.read) == 1)
    assert customer.requests[0].json["message"] == {"type": "text", "text": "Berlin: 52.5", "cards": [shoe]}


async def test_fifty_deliveries_of_one_message_make_one_turn(line: Line, runner: Runner, db: Database) -> None:
    answers = await asyncio.gather(*(line.send(hello()) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    await until(lambda: len(line.customer.read) == 2)
    await asyncio.sleep(1.5)
    assert line.customer.read == ["Hi Ada!", "What is your name?"]
    async with db.tenant(line.bot.tenant_id) as conn:
        assert await conn.scalar(select(func.count()).select_from(inbox)) == 1
        assert await conn.scalar(select(func.count()).select_from(conversations)) == 1


async def test_messages_that_arrive_together_are_answered_one_after_the_other(line: Line, runner: Runner) -> None:
    await line.send(hello())
    names = [f"name{n}" for n in range(5)]
    for number, name in enumerate(names):
        await line.send(hello(name), message_id=f"evt_{number + 2}")
    await until(lambda: len(line.customer.read) == 12)
    assert [text for text in line.customer.read if text.startswith("Nice")] == [
        f"Nice to meet you, {name} ({count + 1})." for count, name in enumerate(names)
    ]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"secret": "whsec_" + base64.b64encode(b"another secret altogether").decode()}, 401),
        ({"late_s": -301}, 401),
        ({"late_s": 600}, 401),
        ({"message_id": ""}, 401),
    ],
)
async def test_what_is_not_proven_is_refused_and_not_stored(line: Line, db: Database, change: dict[str, Any], status: int) -> None:
    assert (await line.send(hello(), **change)).status_code == status
    async with db.tenant(line.bot.tenant_id) as conn:
        assert await conn.scalar(select(func.count()).select_from(inbox)) == 0


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"webhook-id": "e", "webhook-timestamp": "abc", "webhook-signature": "v1,x"},
        {"webhook-id": "e", "webhook-timestamp": "1.5", "webhook-signature": "v1,x"},
        {"webhook-id": "e", "webhook-timestamp": "99999999999999999999", "webhook-signature": "v1,x"},
        {"webhook-id": "e", "webhook-timestamp": str(int(time.time())), "webhook-signature": "v1,\u00e9".encode("latin-1")},
        {"webhook-id": "e", "webhook-timestamp": str(int(time.time())), "webhook-signature": ""},
    ],
)
async def test_hostile_headers_are_401_and_never_500(line: Line, headers: dict[str, Any]) -> None:
    response = await line.client.post(f"/hooks/webhook/{line.bot.channel_id}", content=b"\xff\xfe", headers=headers)
    assert response.status_code == 401


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"contact":{"id":"a"}}', b'{"contact":{"id":"a"},"text":"a\\u0000b"}', b"[" * 5_000])
async def test_proven_but_useless_is_taken_and_dropped(line: Line, db: Database, body: bytes) -> None:
    assert (await line.send(body)).status_code == 200
    async with db.tenant(line.bot.tenant_id) as conn:
        assert await conn.scalar(select(func.count()).select_from(inbox)) == 0


async def test_a_channel_without_a_secret_takes_nothing(client: httpx.AsyncClient, db: Database, customer: Customer) -> None:
    bot = await publish(db, ECHO, kind="webhook", settings={"url": customer.url})
    assert (await Line(client, bot, customer).send(hello())).status_code == 503


async def test_unknown_channels_and_kinds_are_404(line: Line) -> None:
    assert (await line.client.post(f"/hooks/telegram/{line.bot.channel_id}", content=b"{}")).status_code == 404
    assert (await line.client.post(f"/hooks/webhook/{line.bot.flow_id}", content=b"{}")).status_code == 404
    assert (await line.client.get(f"/hooks/webhook/{line.bot.channel_id}")).status_code == 405


async def test_a_refused_delivery_is_tried_again_before_the_next_one(line: Line, runner: Runner, db: Database) -> None:
    line.customer.statuses = [503]
    await line.send(hello())
    await until(lambda: len(line.customer.requests) == 3)
    assert line.customer.read == ["Hi Ada!", "Hi Ada!", "What is your name?"]
    assert len({request.headers["webhook-id"] for request in line.customer.requests}) == 2


async def test_a_delivery_that_is_not_taken_is_dead_and_the_next_one_goes_out(line: Line, runner: Runner, db: Database) -> None:
    line.customer.statuses = [410]
    await line.send(hello())
    await until(lambda: len(line.customer.requests) == 2)
    await asyncio.sleep(0.3)
    async with db.tenant(line.bot.tenant_id) as conn:
        assert list(await conn.scalars(select(outbox.c.status).order_by(outbox.c.seq))) == ["dead", "sent"]


async def test_a_sender_that_died_in_the_middle_leaves_a_maybe(line: Line, db: Database, app: Litestar) -> None:
    await line.send(hello())
    async with db.tenant(line.bot.tenant_id) as conn:
        conversation_id = await conn.scalar(select(conversations.c.id))
    assert conversation_id is not None
    await app.state.turns.drain(line.bot.tenant_id, conversation_id)
    async with db.tenant(line.bot.tenant_id) as conn:
        await conn.execute(update(outbox).where(outbox.c.seq == 2).values(status="sending", lease_until=func.now()))
    await Runner(app.state.turns).delivery.deliver(line.bot.tenant_id, conversation_id)
    assert line.customer.read == ["What is your name?"]
    async with db.tenant(line.bot.tenant_id) as conn:
        assert list(await conn.scalars(select(outbox.c.status).order_by(outbox.c.seq))) == ["maybe", "sent"]
