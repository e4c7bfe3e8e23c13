"""POST /api/v2/chat/message, from the outside."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx

from server.kit.db import Database
from tests.server.turns.bots import ECHO, Bot, publish


async def say(client: httpx.AsyncClient, bot: Bot, answer: dict[str, Any] | None = None, /, **body: Any) -> dict[str, Any]:
    """Post a message, in the conversation of an earlier answer if there is one."""
    headers = {"authorization": f"Bearer {answer['token']}"} if answer else {}
    given = {"channel_id": str(bot.channel_id), "client_message_id": str(uuid4()), **body}
    if answer:
        given["conversation_id"] = answer["conversation_id"]
    response = await client.post("/api/v2/chat/message", json=given, headers=headers)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def texts(answer: dict[str, Any]) -> list[str]:
    """What the bot said."""
    return [message["body"]["text"] for message in answer["messages"] if message["direction"] == "out"]


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
