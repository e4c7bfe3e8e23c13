"""A flow's outside calls: made by a worker, their answers used as inputs."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from server.kit.db import Database
from server.kit.settings import Settings
from server.turns.runner import Runner
from tests.fakes.http import Answering, FakeServer, Request
from tests.server.turns.bots import flow_of, publish
from tests.server.turns.talk import say, texts


class OrderApi(FakeServer):
    """Knows one order; fails as often as it is told."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.failures: list[int] = []
        self.seconds = 0.0

    async def _answer(self, request: Request, to: Answering) -> None:
        if self.seconds:
            await to.wait(self.seconds)
        if self.failures:
            await to.send(self.failures.pop(0), {"error": "told to fail"})
        else:
            await to.send(200, {"id": request.path.rpartition("/")[2], "state": "on its way"})


@pytest.fixture
async def api() -> AsyncIterator[OrderApi]:
    with OrderApi() as server:
        yield server


@pytest.fixture
async def settings(settings: Settings, api: OrderApi) -> Settings:
    """Settings that let flows call the fake service."""
    return replace(settings, outbound_allow=frozenset({api.url.removeprefix("http://")}))


def order_flow(url: str, **settings: Any) -> dict[str, Any]:
    call = {"url": url + "/orders/{{ order }}", "save_as": "found", "pick": [{"variable": "state", "path": "state"}], **settings}
    return flow_of(
        {
            "ask": ("ask_question", {"text": "Which order?", "save_as": "order"}),
            "look": ("http_request", call),
            "tell": ("send_message", {"text": "Order {{ found.id }} is {{ state }}."}),
            "sorry": ("send_message", {"text": "Sorry: {{ error.kind }}."}),
        },
        [("ask", "next", "look"), ("look", "ok", "tell"), ("look", "failed", "sorry"), ("tell", "next", "ask"), ("sorry", "next", "ask")],
    )


async def test_the_answer_of_a_service_goes_into_the_flow(
    client: httpx.AsyncClient, db: Database, runner: Runner, hands: None, api: OrderApi
) -> None:
    bot = await publish(db, order_flow(api.url))
    first = await say(client, bot, start=True)
    answer = await say(client, bot, first, text="A17")
    assert texts(answer) == ["Order A17 is on its way.", "Which order?"]
    assert answer["status"] == "answered"
    assert len(api.requests) == 1


async def test_a_service_that_fails_for_a_moment_is_asked_again(
    client: httpx.AsyncClient, db: Database, runner: Runner, hands: None, api: OrderApi
) -> None:
    api.failures = [503, 503]
    bot = await publish(db, order_flow(api.url))
    answer = await say(client, bot, await say(client, bot, start=True), text="A17")
    assert texts(answer)[0] == "Order A17 is on its way."
    assert len(api.requests) == 3


async def test_a_refusal_leaves_by_the_failed_branch(
    client: httpx.AsyncClient, db: Database, runner: Runner, hands: None, api: OrderApi
) -> None:
    api.failures = [404]
    bot = await publish(db, order_flow(api.url))
    answer = await say(client, bot, await say(client, bot, start=True), text="A17")
    assert texts(answer)[0] == "Sorry: http_status."
    assert len(api.requests) == 1


async def test_a_private_address_is_never_called(client: httpx.AsyncClient, db: Database, runner: Runner, hands: None) -> None:
    bot = await publish(db, order_flow("http://127.0.0.1:1"))
    answer = await say(client, bot, await say(client, bot, start=True), text="A17")
    assert texts(answer)[0] == "Sorry: refused."


async def test_a_call_that_nobody_makes_runs_out_of_time(client: httpx.AsyncClient, db: Database, runner: Runner, api: OrderApi) -> None:
    bot = await publish(db, order_flow(api.url, timeout_s=1))
    answer = await say(client, bot, await say(client, bot, start=True), text="A17")
    assert texts(answer)[0] == "Sorry: timeout."
    assert api.requests == []


async def test_what_the_customer_writes_meanwhile_waits_its_turn(
    client: httpx.AsyncClient, db: Database, runner: Runner, hands: None, api: OrderApi
) -> None:
    api.seconds = 0.5
    bot = await publish(db, order_flow(api.url))
    first = await say(client, bot, start=True)
    one = asyncio.create_task(say(client, bot, first, text="A1"))
    await asyncio.sleep(0.2)
    two = asyncio.create_task(say(client, bot, first, text="A2"))
    assert texts(await one) == ["Order A1 is on its way.", "Which order?"]
    assert texts(await two) == ["Order A2 is on its way.", "Which order?"]
