"""The Chrome extension, loaded as a person loads it: asks for the bot once, then chats beside the page."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, async_playwright, expect

from tests.e2e.conftest import CHROMIUM_ARGS
from tests.e2e.widget.chat import Chat
from tests.e2e.widget.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
ROOT = Path(__file__).parents[3]


@pytest_asyncio.fixture(loop_scope="module")
async def extended(tmp_path: Path) -> AsyncIterator[BrowserContext]:
    """Chromium with the extension that `make extension` builds."""
    folder = tmp_path / "extension"
    build = await asyncio.create_subprocess_exec("node", "ui/extension.mjs", "--out", str(folder), "--name", "Acme help", cwd=ROOT)
    assert await build.wait() == 0
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            tmp_path / "profile",
            executable_path="/usr/bin/chromium",
            ignore_default_args=["--disable-extensions"],
            args=[*CHROMIUM_ARGS, f"--disable-extensions-except={folder}", f"--load-extension={folder}"],
            viewport={"width": 400, "height": 760},
            reduced_motion="reduce",
        )
        yield context
        await context.close()


async def test_the_panel_asks_for_the_bot_once_and_then_chats(extended: BrowserContext, site: Site) -> None:
    worker = extended.service_workers[0] if extended.service_workers else await extended.wait_for_event("serviceworker")
    origin = worker.url.removesuffix("/background.js")
    where = await site.with_channel(allowed_origins=[origin], heading="Acme help")
    page = await extended.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto(f"{origin}/panel.html")
    await expect(page.locator("#origin")).to_have_text(origin)
    chat = Chat(page, where)
    assert await chat.violations() == []
    await page.get_by_label("Address").fill(f"{where.chat}/")
    await page.get_by_label("Channel").fill(str(where.channel_id))
    await page.get_by_role("button", name="Start chatting").click()
    await chat.greeted()
    await chat.say("hello from the side panel")
    await chat.expect_once("hello from the side panel")
    await page.reload()
    await expect(chat.bubbles).to_have_count(3)
    await expect(page.locator("form#settings")).to_be_hidden()
    await page.goto(f"{origin}/panel.html?settings")
    await expect(page.get_by_label("Channel")).to_have_value(str(where.channel_id))
    assert complaints == []
