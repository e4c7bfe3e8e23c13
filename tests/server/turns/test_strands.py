"""Several calls under way at once: all are waited for, or the first; what comes too late is put aside."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from server.conversations.tables import inbox
from server.kit.db import Database
from server.kit.settings import Settings
from server.turns.replay import replay
from server.turns.runner import Runner
from server.turns.tables import calls
from tests.fakes.http import Answering, FakeServer, Request
from tests.server.turns.bots import Bot, flow_of, publish
from tests.server.turns.talk import Answer, say, texts, until


class Prices(FakeServer):
    """Answers at `/<seconds>` after so long."""

    def __init__(self) -> None:
        super().__init__(self._answer)

    async def _answer(self, request: Request, to: Answering) -> None:
        seconds = request.path.rpartition("/")[2]
        await to.wait(float(seconds))
        await to.send(200, {"price": seconds})


@pytest.fixture
async def prices() -> AsyncIterator[Prices]:
    with Prices() as server:
        yield server


@pytest.fixture
async def settings(settings: Settings, prices: Prices) -> Settings:
    """Settings that let flows call the fake service."""
    return replace(settings, outbound_allow=frozenset({prices.host}))


def asking(url: str, join: str, one: float, two: float, **call: Any) -> dict[str, Any]:
    """A bot that asks two services at once."""
    document = flow_of(
        {
            "ask": ("ask_question", {"text": "What?", "save_as": "what"}),
            "both": ("run_parallel", {"branches": [{"title": "A", "name": "a"}, {"title": "B", "name": "b"}], "join": join}),
            "one": ("http_request", {"url": f"{url}/{one}", "save_as": "one", "timeout_s": 5, **call}),
            "two": ("http_request", {"url": f"{url}/{two}", "save_as": "two", "timeout_s": 5, **call}),
            "tell": ("send_message", {"text": "{{ one.price if one else '-' }} and {{ two.price if two else '-' }}"}),
        },
        [("ask", "next", "both"), ("both", "a", "one"), ("both", "b", "two"), ("both", "done", "tell"), ("tell", "next", "ask")],
        variables={name: {"type": "object", "scope": "flow"} for name in ("one", "two")} | {"what": {"type": "text", "scope": "flow"}},
    )
    document["schema_version"] = 2
    return document


async def replays(db: Database, bot: Bot, answer: Answer) -> None:
    async with db.tenant(bot.tenant_id) as conn:
        assert (await replay(conn, bot.tenant_id, UUID(answer["conversation_id"]))).differences == ()


async def test_both_services_are_asked_at_once_and_waited_for(
    client: httpx.AsyncClient, db: Database, runner: Runner, hands: None, prices: Prices
) -> None:
    bot = await publish(db, asking(prices.url, "all", 0.6, 0.3))
    answer = await say(client, bot, await say(client, bot, start=True), text="go")
    assert texts(answer)[0] == "0.6 and 0.3"
    async with db.tenant(bot.tenant_id) as conn:
        made = list(await conn.execute(select(calls.c.created_at, calls.c.finished_at, calls.c.node_id).order_by(calls.c.node_id)))
    assert [row.node_id for row in made] == ["one", "two"]
    assert made[0].created_at == made[1].created_at
    await replays(db, bot, answer)


async def test_the_first_answer_goes_on_and_the_late_one_is_put_aside(
    client: httpx.AsyncClient, db: Database, runner: Runner, hands: None, prices: Prices
) -> None:
    bot = await publish(db, asking(prices.url, "first", 1.5, 0.1))
    answer = await say(client, bot, await say(client, bot, start=True), text="go")
    assert texts(answer)[0] == "- and 0.1"

    async def late() -> bool:
        async with db.tenant(bot.tenant_id) as conn:
            return await conn.scalar(select(inbox.c.status).where(inbox.c.status == "ignored")) is not None

    await until(late)
    async with db.tenant(bot.tenant_id) as conn:
        kept = list(await conn.execute(select(inbox.c.status, inbox.c.error).where(inbox.c.kind == "call_result").order_by(inbox.c.id)))
        done = list(await conn.scalars(select(calls.c.status)))
    assert [row.status for row in kept] == ["processed", "ignored"]
    assert kept[1].error
    assert done == ["done", "done"]
    await replays(db, bot, answer)


async def test_a_branch_that_runs_out_of_time_leaves_the_other_alone(
    client: httpx.AsyncClient, db: Database, runner: Runner, hands: None, prices: Prices
) -> None:
    document = asking(prices.url, "all", 5, 0.1)
    document["nodes"]["one"]["timeout_s"] = 0.5
    document["edges"]["failed"] = {"source": "one", "port": "failed", "target": "sorry"}
    document["nodes"]["sorry"] = {**document["nodes"]["tell"], "settings": {"text": "Too slow ({{ error.kind }})."}}
    bot = await publish(db, document)
    answer = await say(client, bot, await say(client, bot, start=True), text="go")
    assert texts(answer)[:2] == ["Too slow (timeout).", "- and 0.1"]


async def test_a_step_of_the_flow_says_how_often_a_call_is_made(
    client: httpx.AsyncClient, db: Database, runner: Runner, hands: None, prices: Prices
) -> None:
    document = flow_of(
        {
            "ask": ("ask_question", {"text": "What?", "save_as": "what"}),
            "get": ("http_request", {"url": f"{prices.url}/3"}),
            "sorry": ("send_message", {"text": "Sorry: {{ error.kind }}."}),
        },
        [("ask", "next", "get"), ("get", "ok", "ask"), ("get", "failed", "sorry"), ("sorry", "next", "ask")],
    )
    document["schema_version"] = 2
    document["nodes"]["get"] |= {"timeout_s": 0.3, "on_error": {"do": "branch", "retry": {"times": 2, "pause_s": 0.1}}}
    bot = await publish(db, document)
    answer = await say(client, bot, await say(client, bot, start=True), text="go")
    assert texts(answer)[0] == "Sorry: timeout."
    assert len(prices.requests) == 3
    async with db.tenant(bot.tenant_id) as conn:
        made = (await conn.execute(select(calls))).one()
    assert (made.retry_times, float(made.retry_pause_s), float(made.timeout_s)) == (2, 0.1, 0.3)
