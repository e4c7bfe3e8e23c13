"""POST /api/v2/chat/message, from the outside."""

import asyncio
from uuid import uuid4

import httpx

from server.kit.db import Database
from tests.server.turns.bots import ECHO, publish
from tests.server.turns.talk import say, texts


async def test_a_conversation_from_hello_to_goodbye(client: httpx.AsyncClient, db: Database) -> None:
    bot = await publish(db, ECHO)
    first = await say(client, bot, start=True, contact={"id": "v1", "name": "Ada"})
    assert texts(first) == ["Hi Ada!", "What is your name?"]
    assert first["waiting_for"] == "message"
    second = await say(client, bot, first, text="Grace")
    assert texts(second) == ["Nice to meet you, Grace (1).", "What is your name?"]
    assert [message["seq"] for message in second["messages"]] == [3, 4, 5]
    third = await say(client, bot, second, text="bye")
    assert texts(third) == ["Goodbye!"]
    assert third["waiting_for"] == "ended"
    again = await say(client, bot, third, text="hello again")
    assert texts(again) == ["Hi Ada!", "What is your name?"]


async def test_fifty_equal_posts_make_one_turn(client: httpx.AsyncClient, db: Database) -> None:
    bot = await publish(db, ECHO)
    first = await say(client, bot, start=True)
    key = str(uuid4())
    answers = await asyncio.gather(*(say(client, bot, first, text="Grace", client_message_id=key) for _ in range(50)))
    assert {(answer["turn"], tuple(texts(answer))) for answer in answers} == {(2, ("Nice to meet you, Grace (1).", "What is your name?"))}
    later = await say(client, bot, first, text="Grace", client_message_id=key)
    assert later["messages"] == answers[0]["messages"]
