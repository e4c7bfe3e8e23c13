"""Plays scripts against the whole server, over HTTP. What the chat route answers must be what the transcript says."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx

from tests.conftest import client_of
from tests.conversations.chat_script import Said
from tests.conversations.published_bot import PublishedBot, until

ROUTE = "/api/v2/chat/message"
PATIENCE_S = 40.0


class ServerDriver(PublishedBot):
    """A customer whose app posts messages."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.client = client_of(self.app)
        self.posting: asyncio.Task[httpx.Response] | None = None
        self.token: dict[str, str] = {}
        self.looked_at = 0
        self.choices: dict[str, str] = {}
        self.on_cards: dict[str, str] = {}

    async def opens(self) -> None:
        await self.post(start=True)

    async def user(self, text: str) -> None:
        await self.post(text=text)

    async def picks(self, label: str) -> None:
        await self.post(choice=(self.on_cards | self.choices)[label], text=label)

    async def next_message(self) -> Said | None:
        if self.posting is None:
            return None
        await self.settled()
        answer = None
        if (await self.conversation()).waiting_for != "call":
            answer = (await self.posting).raise_for_status().json()
        transcript = await self.transcript()
        if answer is not None:
            self._compare(answer, transcript)
        unseen = [message for message in transcript if message["direction"] == "out"][self.looked_at :]
        if not unseen:
            return None
        self.looked_at += 1
        body = unseen[0]["body"]
        self.choices = {choice["label"]: choice["value"] for choice in body.get("choices", [])}
        cards = body.get("cards", [])
        self.on_cards |= {button["label"]: button["value"] for card in cards for button in card["buttons"] if "value" in button}
        return Said(body["text"], tuple(self.choices), tuple(card["title"] for card in cards))

    async def post(self, **said: Any) -> None:
        """Post a message; the answer may take as long as the outside world."""
        if self.posting is not None:
            self.token = {"authorization": f"Bearer {(await self.posting).raise_for_status().json()['token']}"}
        before = await self.turn()
        self.posting = posting = asyncio.create_task(self._post(said))

        async def taken() -> bool:
            return posting.done() or await self.turn() > before

        await until(taken, "the message has its turn")

    async def _post(self, said: dict[str, Any]) -> httpx.Response:
        body = {"channel_id": self.channel_id, "client_message_id": str(uuid4()), **said}
        if not self.token:
            body["contact"] = {"id": f"customer-{uuid4()}", **self.contact}
        return await self.client.post(ROUTE, json=body, headers=self.token, timeout=PATIENCE_S)

    @staticmethod
    def _compare(answer: dict[str, Any], transcript: list[dict[str, Any]]) -> None:
        told = [(message["seq"], message["body"]) for message in answer["messages"]]
        kept = [(message["seq"], message["body"]) for message in transcript if message["turn"] >= answer["turn"]]
        assert told == kept[: len(told)], f"the route answered {told}, the transcript says {kept}"
