"""A model's reply inside a flow: streamed, stored, paid for; and what happens without a model."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from litestar import Litestar
from sqlalchemy import select, update

from flow_runtime import CallError
from server.conversations.stream import topic_of, words_of
from server.kit import clock
from server.kit.calls import CallEnd, OpenCall
from server.kit.db import Database
from server.kit.settings import Settings
from server.kit.tables import events
from server.llm.providers import connect_provider
from server.llm.schemas import NewProvider
from server.llm.tables import model_providers, model_usage
from server.turns.carry_out import try_until_done
from server.turns.engine import Turns
from server.turns.runner import Runner
from tests.fakes.openai import KEY, FakeOpenAI
from tests.server.turns.bots import Bot, flow_of, publish
from tests.server.turns.talk import ROUTE, say, texts, until


def helper_flow(**settings: Any) -> dict[str, Any]:
    return flow_of(
        {
            "think": ("llm_reply", {"instructions": "Be kind.", **settings}),
            "sorry": ("send_message", {"text": "Sorry: {{ error.kind }}."}),
            "scripted": ("send_message", {"text": "I have no model, but I am here."}),
        },
        [
            ("think", "next", "think"),
            ("think", "failed", "sorry"),
            ("think", "no_model", "scripted"),
            ("sorry", "next", "think"),
            ("scripted", "next", "think"),
        ],
    )


@pytest.fixture
async def provider() -> AsyncIterator[FakeOpenAI]:
    with FakeOpenAI() as server:
        yield server


@pytest.fixture
async def settings(settings: Settings, provider: FakeOpenAI) -> Settings:
    """Settings that let the server call the fake provider."""
    return replace(settings, outbound_allow=frozenset({provider.url.removeprefix("http://")}))


async def connect(app: Litestar, db: Database, tenant_id: UUID, provider: FakeOpenAI, model: str) -> None:
    new = NewProvider(name="Fake", kind="compatible", model=model, base_url=provider.base_url, api_key=KEY)
    async with db.tenant(tenant_id) as conn:
        await connect_provider(conn, app.state.vault, app.state.http, tenant_id, new)


async def test_the_models_words_are_said_and_paid_for(app: Litestar, client: httpx.AsyncClient, db: Database, provider: FakeOpenAI) -> None:
    bot = await publish(db, helper_flow())
    await connect(app, db, bot.tenant_id, provider, "say:I can help with that.")
    answer = await say(client, bot, text="Help me")
    assert texts(answer) == ["I can help with that."]
    assert answer["status"] == "answered"
    async with db.tenant(bot.tenant_id) as conn:
        used = (await conn.execute(select(model_usage))).one()
        happened = list(await conn.scalars(select(events.c.props).where(events.c.type == "model.used")))
    assert (used.outcome, used.input_tokens, used.output_tokens) == ("ok", 12, 5)
    assert [(props["input_tokens"], props["output_tokens"]) for props in happened] == [(12, 5)]


async def test_the_conversation_so_far_goes_along(app: Litestar, client: httpx.AsyncClient, db: Database, provider: FakeOpenAI) -> None:
    bot = await publish(db, helper_flow())
    await connect(app, db, bot.tenant_id, provider, "echo")
    first = await say(client, bot, text="one")
    await say(client, bot, first, text="two")
    asked = [[message["content"] for message in body["messages"]] for body in provider.asked]
    assert asked == [["Be kind.", "one"], ["Be kind.", "one", "one", "two"]]


async def test_without_a_model_the_bot_goes_its_other_way(client: httpx.AsyncClient, db: Database) -> None:
    bot = await publish(db, helper_flow())
    assert texts(await say(client, bot, text="Help me")) == ["I have no model, but I am here."]


async def test_a_failing_model_leaves_by_the_failed_branch(
    app: Litestar, client: httpx.AsyncClient, db: Database, provider: FakeOpenAI
) -> None:
    bot = await publish(db, helper_flow(timeout_s=5))
    await connect(app, db, bot.tenant_id, provider, "fail:401")
    assert texts(await say(client, bot, text="Help me")) == ["Sorry: refused."]


async def test_the_text_streams_while_it_is_written(
    app: Litestar, client: httpx.AsyncClient, db: Database, provider: FakeOpenAI, turns: Turns
) -> None:
    bot = await publish(db, helper_flow())
    await connect(app, db, bot.tenant_id, provider, "echo")
    first = await say(client, bot, text="hello")
    conversation_id = UUID(first["conversation_id"])
    async with turns.resources.live.subscribe(bot.tenant_id, topic_of(conversation_id), words_of(conversation_id)) as news:
        await say(client, bot, first, text="tell me a long story")
        heard = [told async for told in _until_turn(news)]
    story = [told for told in heard if told["kind"] == "delta"]
    assert "".join(told["text"] for told in story) == "tell me a long story"
    assert [told["from"] for told in story] == _offsets([told["text"] for told in story])
    assert ["stream" in question for question in provider.asked] == [False, True]  # nobody followed the first one


async def _until_turn(news: Any) -> AsyncIterator[Any]:
    turns_seen = 0
    while turns_seen < 2 and (told := await news.wait(5)) is not None:
        turns_seen += told["kind"] == "turn"
        yield told


def _offsets(pieces: list[str]) -> list[int]:
    return [len("".join(pieces[:n])) for n in range(len(pieces))]


async def test_the_chat_route_streams_on_request(app: Litestar, client: httpx.AsyncClient, db: Database, provider: FakeOpenAI) -> None:
    bot = await publish(db, helper_flow())
    await connect(app, db, bot.tenant_id, provider, "echo")
    first = await say(client, bot, text="hello")
    body = {"channel_id": str(bot.channel_id), "conversation_id": first["conversation_id"], "client_message_id": "m2", "text": "once more"}
    headers = {"authorization": f"Bearer {first['token']}", "accept": "text/event-stream"}
    response = await client.post(ROUTE, json=body, headers=headers)
    assert response.headers["content-type"].startswith("text/event-stream")
    told = [block.split("\n") for block in response.text.strip().split("\n\n")]
    names = [next(line[7:] for line in block if line.startswith("event: ")) for block in told]
    assert names[0] == "typing"
    assert {"delta", "message"} <= set(names)
    assert names[-1] == "done"
    done = json.loads(next(line[6:] for line in told[-1] if line.startswith("data: ")))
    assert texts(done) == ["once more"]


async def test_a_reply_whose_process_was_stopped_is_asked_for_again(
    app: Litestar, client: httpx.AsyncClient, db: Database, provider: FakeOpenAI, turns: Turns
) -> None:
    bot = await publish(db, helper_flow(timeout_s=60))
    await connect(app, db, bot.tenant_id, provider, "slow:20")
    waiting = asyncio.create_task(say(client, bot, text="Help me"))
    await until(lambda: provider.asked)
    await turns.stop()
    async with db.tenant(bot.tenant_id) as conn:
        await conn.execute(update(model_providers).values(model="say:Here I am again."))
    shared = turns.resources
    other = Turns(db, shared.redis, shared.live, shared.settings, shared.vault, shared.http)
    await other.start()
    stop = asyncio.Event()
    running = asyncio.create_task(Runner(other).run(stop))
    assert texts(await waiting) == ["Here I am again."]
    stop.set()
    await running
    await other.stop()


async def extract_by_hand(app: Litestar, bot: Bot, payload: dict[str, Any]) -> CallEnd:
    call = OpenCall(bot.tenant_id, f"{uuid4()}:1:n:1", uuid4(), "llm.extract", payload, 5.0, clock.now() + timedelta(seconds=20))
    end = await try_until_done(app.state.turns.tools, call)
    if end.also is not None:
        async with app.state.db.tenant(bot.tenant_id) as conn:
            await end.also(conn)
    return end


async def test_values_are_extracted_and_paid_for(app: Litestar, db: Database, provider: FakeOpenAI) -> None:
    bot = await publish(db, helper_flow())
    await connect(app, db, bot.tenant_id, provider, "script")
    provider.says.extend(['{"city": 7}', '{"city": "Graz"}'])
    fields = [{"name": "city", "type": "text", "required": True}]
    end = await extract_by_hand(app, bot, {"text": "I live in Graz", "fields": fields})
    assert (end.ok, end.value) == (True, {"values": {"city": "Graz"}})
    async with db.tenant(bot.tenant_id) as conn:
        used = (await conn.execute(select(model_usage))).one()
    assert (used.outcome, used.input_tokens, used.output_tokens) == ("ok", 24, 10)


def reader_flow() -> dict[str, Any]:
    settings = {"text": "{{ message.text }}", "fields": [{"name": "city", "type": "text"}]}
    return flow_of(
        {
            "read": ("llm_extract", settings),
            "found": ("send_message", {"text": "So you live in {{ city }}."}),
            "asks": ("send_message", {"text": "Which city?"}),
            "sorry": ("send_message", {"text": "Sorry: {{ error.kind }}."}),
        },
        [
            ("read", "ok", "found"),
            ("read", "incomplete", "asks"),
            ("read", "no_model", "sorry"),
            ("read", "failed", "sorry"),
            ("found", "next", "read"),
            ("asks", "next", "read"),
            ("sorry", "next", "read"),
        ],
        variables={"city": {"type": "text", "scope": "flow"}},
    )


async def test_a_flow_reads_values_out_of_what_the_customer_writes(
    app: Litestar, client: httpx.AsyncClient, db: Database, provider: FakeOpenAI
) -> None:
    document = reader_flow()
    document["nodes"]["read"]["on_error"] = {"do": "branch"}
    bot = await publish(db, document)
    await connect(app, db, bot.tenant_id, provider, "script")
    provider.says.extend(['{"city": null}', '{"city": "Graz"}', "no idea", "none"])
    answer = await say(client, bot, text="Hello")
    assert texts(answer) == ["Which city?"]
    assert texts(await say(client, bot, answer, text="In Graz")) == ["So you live in Graz."]
    assert texts(await say(client, bot, answer, text="Hm")) == ["Sorry: garbage."]


async def test_extraction_without_a_model_says_where_to_connect_one(app: Litestar, db: Database) -> None:
    bot = await publish(db, helper_flow())
    end = await extract_by_hand(app, bot, {"text": "Hello", "fields": [{"name": "city"}]})
    assert end.error == CallError("no_model", "No model is connected. Connect one under Settings, Models.")
    refused = await extract_by_hand(app, bot, {"text": "Hello", "fields": []})
    assert refused.error is not None
    assert refused.error.kind == "refused"


async def test_what_a_useless_answer_cost_is_kept(app: Litestar, db: Database, provider: FakeOpenAI) -> None:
    bot = await publish(db, helper_flow())
    await connect(app, db, bot.tenant_id, provider, "say:no idea")
    end = await extract_by_hand(app, bot, {"text": "Hello", "fields": [{"name": "city"}]})
    assert end.error is not None
    assert end.error.kind == "garbage"
    async with db.tenant(bot.tenant_id) as conn:
        used = (await conn.execute(select(model_usage))).one()
    assert (used.outcome, used.input_tokens) == ("garbage", 24)
