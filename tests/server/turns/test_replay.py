"""Every conversation can be run again from its inputs, byte for byte."""

from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select, update

from server.conversations.tables import inbox
from server.flows.intents.train import train
from server.flows.tables import flow_versions, intent_models
from server.kit.db import Database
from server.kit.errors import Problem
from server.turns.replay import replay
from server.turns.tables import turns
from tests.server.turns.bots import ECHO, Bot, flow_of, publish
from tests.server.turns.talk import say, texts

EXAMPLES = {
    "track": ["where is my order", "track my parcel", "when does my package come", "order status please", "has my order shipped"],
    "refund": ["i want my money back", "refund please", "how do i return this", "send it back for a refund", "return my order for money"],
}
INTENTS = flow_of(
    {
        "understand": ("classify_intent", {"intents": ["track", "refund"]}),
        "track": ("send_message", {"text": "Let me look where it is."}),
        "refund": ("send_message", {"text": "You get your money back."}),
        "other": ("send_message", {"text": "I did not get that ({{ error.kind }})."}),
    },
    [
        ("understand", "track", "track"),
        ("understand", "refund", "refund"),
        ("understand", "otherwise", "other"),
        ("track", "next", "understand"),
        ("refund", "next", "understand"),
        ("other", "next", "understand"),
    ],
)


async def publish_with_intents(db: Database) -> Bot:
    bot = await publish(db, INTENTS)
    pairs = [(text, intent) for intent, texts in EXAMPLES.items() for text in texts]
    model = train(pairs, lambda share, text: None)
    async with db.tenant(bot.tenant_id) as conn:
        await conn.execute(
            intent_models.insert().values(
                tenant_id=bot.tenant_id, flow_id=bot.flow_id, model_hash="m1", status="trained", examples=pairs, model=model.to_bytes()
            )
        )
        await conn.execute(update(flow_versions).values(model_hash="m1"))
    return bot


async def test_a_conversation_replays_to_the_same_bytes(client: httpx.AsyncClient, db: Database) -> None:
    bot = await publish(db, ECHO)
    answer = await say(client, bot, start=True, contact={"id": "v1", "name": "Ada", "attributes": {"plan": "gold"}})
    for text in ("Grace", "Hedy", "bye", "again", "Lise"):
        answer = await say(client, bot, answer, text=text)
    async with db.tenant(bot.tenant_id) as conn:
        done = await replay(conn, bot.tenant_id, UUID(answer["conversation_id"]))
    assert (done.turns, done.inputs, done.differences) == (6, 6, ())


async def test_a_changed_turn_is_found(client: httpx.AsyncClient, db: Database) -> None:
    bot = await publish(db, ECHO)
    answer = await say(client, bot, await say(client, bot, start=True), text="Grace")
    async with db.tenant(bot.tenant_id) as conn:
        await conn.execute(update(turns).where(turns.c.turn == 2).values(state_digest="0"))
        done = await replay(conn, bot.tenant_id, UUID(answer["conversation_id"]))
    assert [(difference.turn, difference.what) for difference in done.differences] == [(2, "state")]


async def test_a_classified_message_is_one_turn_with_its_answer_as_an_input(client: httpx.AsyncClient, db: Database) -> None:
    bot = await publish_with_intents(db)
    answer = await say(client, bot, text="where is my parcel")
    assert texts(answer) == ["Let me look where it is."]
    answer = await say(client, bot, answer, text="I would like a refund")
    assert texts(answer) == ["You get your money back."]
    async with db.tenant(bot.tenant_id) as conn:
        kinds = [(row.turn, row.input["kind"]) for row in await conn.execute(select(inbox).order_by(inbox.c.turn, inbox.c.turn_order))]
        done = await replay(conn, bot.tenant_id, UUID(answer["conversation_id"]))
    assert kinds == [(1, "message"), (1, "call_result"), (2, "message"), (2, "call_result")]
    assert done.differences == ()


async def test_without_a_trained_model_the_flow_goes_its_other_way(client: httpx.AsyncClient, db: Database) -> None:
    bot = await publish(db, INTENTS)
    assert texts(await say(client, bot, text="where is my parcel")) == ["I did not get that (no_intents)."]


async def test_another_tenants_conversation_cannot_be_replayed(client: httpx.AsyncClient, db: Database) -> None:
    bot, other = await publish(db, ECHO), await publish(db, ECHO)
    answer = await say(client, bot, start=True)
    async with db.tenant(other.tenant_id) as conn:
        with pytest.raises(Problem, match="no such conversation"):
            await replay(conn, other.tenant_id, UUID(answer["conversation_id"]))
    async with db.tenant(bot.tenant_id) as conn:
        with pytest.raises(Problem):
            await replay(conn, bot.tenant_id, uuid4())
