"""Plays scripts in Chromium: the customer reads and writes in the widget on the flow's chat page."""

import json
import re
from typing import Any
from uuid import uuid4

from playwright.async_api import Page, expect

from tests.conftest import client_of
from tests.conversations.chat_script import Said
from tests.conversations.published_bot import PublishedBot, until


class BrowserDriver(PublishedBot):
    """A customer with a browser. One whom the bot knows, or who speaks first, began the conversation in an app and goes on here."""

    def __init__(self, page: Page, *given: Any) -> None:
        super().__init__(*given)
        self.page = page
        self.widget = page.locator("chatloom-widget")
        self.rows = self.widget.locator(".row:not([aria-hidden])")
        self.replies = self.widget.locator(".replies").get_by_role("button")
        self.looked_at = 0

    async def opens(self) -> None:
        if self.contact:
            await self._begin_elsewhere(start=True)
        await self._visit()

    async def user(self, text: str) -> None:
        before = await self.turn()
        if not before:
            await self._begin_elsewhere(text=text)
            await self._visit()
            return
        await self.widget.locator("textarea").fill(text)
        await self.widget.locator("textarea").press("Enter")
        await self._taken(before)

    async def picks(self, label: str) -> None:
        before = await self.turn()
        on_card = self.widget.locator(".card").get_by_role("button", name=label, exact=True)
        await self.replies.get_by_text(label, exact=True).or_(on_card).click()
        await self._taken(before)

    async def next_message(self) -> Said | None:
        if not await self.turn():
            return None
        await self.settled()
        transcript = await self.transcript()
        await expect(self.rows).to_have_count(len(transcript))
        while self.looked_at < len(transcript):
            number, self.looked_at = self.looked_at, self.looked_at + 1
            await expect(self.rows.nth(number).locator(".card, .bare")).to_have_count(len(transcript[number]["body"].get("cards", ())))
            said = await self._read(number)
            if transcript[number]["direction"] == "out":
                return said
            assert said.text == transcript[number]["body"]["text"]
        return None

    async def _read(self, number: int) -> Said:
        """What stands at this place, and the buttons if it is the last."""
        row = self.rows.nth(number)
        last = number == await self.rows.count() - 1
        choices = await self.replies.all_inner_texts() if last else []
        cards = await row.locator(".card strong").all_inner_texts()
        return Said(re.sub(r"\n{2,}", "\n", await row.locator(".words").inner_text()), tuple(choices), tuple(cards))

    async def _visit(self) -> None:
        await self.page.goto(f"/w/{self.channel_id}")
        await self._taken(0)

    async def _taken(self, before: int) -> None:
        async def taken() -> bool:
            return await self.turn() > before

        await until(taken, "the message has its turn")

    async def _begin_elsewhere(self, **said: Any) -> None:
        """The first message comes from an app; the browser remembers the conversation."""
        contact = {"id": f"customer-{uuid4()}", **self.contact}
        body = {"channel_id": self.channel_id, "client_message_id": str(uuid4()), "contact": contact, **said}
        async with client_of(self.app) as app:
            answer = (await app.post("/api/v2/chat/message", json=body)).raise_for_status().json()
        conversation = json.dumps({"id": answer["conversation_id"], "token": answer["token"]})
        key = f"chatloom:{self.channel_id}:conversation"
        await self.page.add_init_script(f"localStorage.setItem({json.dumps(key)}, {json.dumps(conversation)})")
