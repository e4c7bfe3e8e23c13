"""Plays scripts through a channel: the customer's words come as the provider's webhooks, the bot's are what the provider took."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import httpx
from sqlalchemy import func, select

from flow_runtime import State
from server.conversations.tables import conversations, outbox
from tests.conftest import client_of
from tests.conversations.chat_script import Said, Script
from tests.conversations.published_bot import PublishedBot, until
from tests.fakes.channels.provider import FakeProvider


class ChannelDriver(PublishedBot):
    """A customer of the provider, and a channel that was set up by the API as the page does it."""

    def __init__(self, provider: FakeProvider, *given: Any) -> None:
        super().__init__(*given)
        self.provider = provider
        self.client = client_of(self.app)
        self.looked_at = 0
        self.hook = ""
        self.given_name = ""

    async def open(self, script: Script) -> None:
        await super().open(script)
        flows = await self._api("GET", "/api/v1/flows")
        new = {"kind": self.provider.kind, "name": "Here", "flow_id": flows["data"][0]["id"]}
        added = await self._api("POST", "/api/v1/channels", {**new, "settings": self.provider.settings, "secrets": self.provider.secrets})
        self.hook = urlsplit(added["hook_url"]).path
        self.provider.hook_url = added["hook_url"]
        self.channel_id = added["id"]
        checked = await self._api("POST", f"/api/v1/channels/{added['id']}/check", {})
        assert checked["ok"], checked

    async def user(self, text: str) -> None:
        await self.arrives(self.provider.writes(text))

    async def picks(self, label: str) -> None:
        await self.arrives(self.provider.presses(label))

    async def sends(self, name: str, media_type: str) -> None:
        """The customer sends a file; what it holds can be fetched by the address that the flow gets."""
        self.given_name = name
        await self.arrives(self.provider.gives(name, media_type))

    async def next_message(self) -> Said | None:
        if await self._count_conversations() == 0:
            return None
        await self.settled()
        written = sum(message["direction"] == "out" for message in await self.transcript())

        async def delivered() -> bool:
            return await self._delivered() >= written

        await until(delivered, "the messages are delivered")
        assert self.provider.broken == []
        unseen = self.provider.said[self.looked_at :]
        if not unseen:
            return None
        self.looked_at += 1
        if called := self.provider.name_of_files:
            return replace(unseen[0], text=unseen[0].text.replace(called, self.given_name or called))
        return unseen[0]

    async def arrives(self, request: httpx.Request, times: int = 3) -> None:
        """The provider posts, and doubts that we heard it: it posts the same again."""
        before = await self.turn() if await self._count_conversations() else 0
        for _ in range(times):
            answer = await self.client.post(self.hook, content=request.content, headers=dict(request.headers))
            assert answer.status_code == 200, answer.text

        async def taken() -> bool:
            return bool(await self._count_conversations()) and await self.turn() > before

        await until(taken, "the message has its turn")

    async def file(self) -> httpx.Response:
        """The file that the customer sent, from the address that the flow was given."""
        held = State.from_json((await self.conversation()).state).variables["receipt"]["url"]
        return await self.client.get(urlsplit(held).path)

    async def _count_conversations(self) -> int:
        async with self.db.tenant(self.owner.tenant_id) as conn:
            return await conn.scalar(select(func.count()).select_from(conversations)) or 0

    async def _delivered(self) -> int:
        async with self.db.tenant(self.owner.tenant_id) as conn:
            return await conn.scalar(select(func.count()).where(outbox.c.status == "sent")) or 0
