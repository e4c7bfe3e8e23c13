"""A customer who writes through the chat route."""

import asyncio
import inspect
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx

from tests.server.turns.bots import Bot

Answer = dict[str, Any]
ROUTE = "/api/v2/chat/message"


async def post(client: httpx.AsyncClient, bot: Bot, answer: Answer | None = None, /, **body: Any) -> httpx.Response:
    """Post a message, in the conversation of an earlier answer if there is one."""
    headers = {"authorization": f"Bearer {answer['token']}"} if answer else {}
    given = {"channel_id": str(bot.channel_id), "client_message_id": str(uuid4()), **body}
    if answer:
        given["conversation_id"] = answer["conversation_id"]
    return await client.post(ROUTE, json=given, headers=headers, timeout=40)


async def say(client: httpx.AsyncClient, bot: Bot, answer: Answer | None = None, /, **body: Any) -> Answer:
    """The same, for a post that must succeed."""
    response = await post(client, bot, answer, **body)
    assert response.status_code == 200, response.text
    found: Answer = response.json()
    return found


def texts(answer: Answer) -> list[str]:
    """What the bot said."""
    return [message["body"]["text"] for message in answer["messages"] if message["direction"] == "out"]


async def until(true: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until something is true; it may be asked for asynchronously."""
    async with asyncio.timeout(seconds):
        while not (await found if inspect.isawaitable(found := true()) else found):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
