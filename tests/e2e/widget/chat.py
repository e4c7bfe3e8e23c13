"""The widget on one page, as a person meets it."""

import re
from pathlib import Path
from typing import Any

from playwright.async_api import Locator, Page, expect

from tests.e2e.widget.site import Site

AXE = (Path(__file__).parents[3] / "node_modules/axe-core/axe.min.js").read_text()
HELLO = "Hello! I am the demo bot. What would you like to do?"


class Chat:
    """The widget on one page."""

    def __init__(self, page: Page, site: Site) -> None:
        self.page = page
        self.site = site
        self.element = page.locator("chatloom-widget").first
        self.launcher = self.element.locator(".launcher")
        self.panel = self.element.locator(".panel")
        self.input = self.element.locator("textarea")
        self.rows = self.element.locator(".row:not([aria-hidden])")
        self.bubbles = self.rows.locator(".bubble")
        self.replies = self.element.locator(".replies").get_by_role("button")
        self.strip = self.element.locator(".strip")

    async def open(self) -> "Chat":
        """Click the launcher and wait for the greeting."""
        await self.launcher.click()
        return await self.greeted()

    async def greeted(self) -> "Chat":
        """The bot has said hello."""
        await expect(self.bubbles.first).to_contain_text(HELLO)
        return self

    async def say(self, text: str) -> None:
        """Type and send."""
        await self.input.fill(text)
        await self.input.press("Enter")

    async def send(self, text: str) -> None:
        """Send by the page's API."""
        await self.page.evaluate("text => window.chatloom.send(text)", text)

    async def bot_says(self, text: str, **body: Any) -> Locator:
        """The bot says this by itself; its row."""
        count = await self.rows.count()
        await self.site.bot_says(await self.conversation(), text, **body)
        await expect(self.rows).to_have_count(count + 1)
        return self.rows.nth(count)

    async def said(self) -> list[str]:
        """Everything in the conversation, oldest first."""
        return [re.sub(r"\s+", " ", text) for text in await self.bubbles.all_inner_texts()]

    def bubble(self, text: str) -> Locator:
        """The bubble with exactly this text, as a screen reader reads it."""
        return self.bubbles.filter(has_text=re.compile(rf"^\s*{re.escape(text)}\s*$"))

    async def expect_once(self, *texts: str) -> None:
        """Each text is there, and only once, and nothing waits to be sent."""
        for text in texts:
            await expect(self.bubble(f"You said: {text}")).to_have_count(1, timeout=15_000)
            await expect(self.bubble(f"Bot said: You said: {text}")).to_have_count(1, timeout=15_000)
        await expect(self.element.locator(".waiting")).to_have_count(0)

    async def conversation(self) -> str:
        """The id of the conversation this browser remembers."""
        key = f"chatloom:{self.site.channel_id}:conversation"
        return str(await self.page.evaluate("key => JSON.parse(localStorage[key]).id", key))

    async def focused(self) -> str:
        """What in the widget has the focus."""
        return str(await self.element.evaluate("widget => widget.shadowRoot.activeElement?.className || 'TEXTAREA'"))

    async def violations(self) -> list[str]:
        """What axe finds on the whole page."""
        await self.page.evaluate(AXE)  # not as a script element, which the page's policy forbids
        script = "axe.run().then(result => result.violations.map(one => `${one.id}: ${one.nodes.map(node => node.html).join(' ')}`))"
        return list(await self.page.evaluate(script))
