"""The scripts at their third depth: a customer reads and writes in Chromium."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn
from litestar import Litestar
from playwright.async_api import Page, async_playwright

from server.turns.runner import Runner
from tests.conftest import Workspace
from tests.conversations.browser_driver import BrowserDriver
from tests.conversations.chat_script import SCRIPTS, names, play, read_script
from tests.fakes.scripted import ScriptedWorld

pytestmark = pytest.mark.browser

CHROMIUM_ARGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync")


@pytest.fixture
async def address(app: Litestar) -> AsyncIterator[str]:
    """The application behind a real HTTP server."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, lifespan="off", log_config=None, timeout_graceful_shutdown=1)  # type: ignore[arg-type]
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve([listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await serving


@pytest.fixture
async def page(address: str) -> AsyncIterator[Page]:
    """An empty tab; whatever its pages complain about fails the test."""
    complaints: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(CHROMIUM_ARGS))
        page = await browser.new_page(base_url=address, locale="en-GB")
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
        yield page
        await browser.close()
    assert complaints == []


@pytest.mark.parametrize("path", SCRIPTS, ids=names(SCRIPTS))
async def test_chat_goes_as_written(path: Path, page: Page, app: Litestar, owner: Workspace, runner: Runner, world: ScriptedWorld) -> None:
    await play(read_script(path), BrowserDriver(page, app, owner, runner, world))
