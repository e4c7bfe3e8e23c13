"""One server, one shop and one browser for all tests of a file; every test is a visitor of its own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, async_playwright

from server.app import create_app
from server.kit.embedded.postgres import EmbeddedPostgres
from tests.conftest import fresh_database, settings_for, started
from tests.e2e.conftest import CHROMIUM_ARGS
from tests.e2e.widget.chat import Chat
from tests.e2e.widget.site import Site, open_site

Visit = Callable[..., Awaitable[Chat]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_site(postgres: EmbeddedPostgres, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """The shop and the chat server behind it."""
    async with fresh_database(postgres) as database_url:
        app = create_app(settings_for(database_url, redis_url, tmp_path_factory.mktemp("data")))
        async with started(app), open_site(app) as opened:
            yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Chromium without a window."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(CHROMIUM_ARGS))
        yield chromium
        await chromium.close()


@pytest_asyncio.fixture(loop_scope="module")
async def site(shared_site: Site) -> AsyncIterator[Site]:
    """The shop, with a network that works."""
    yield shared_site
    shared_site.streams.after = 0


@pytest_asyncio.fixture(loop_scope="module")
async def new_context(browser: Browser) -> AsyncIterator[Callable[..., Awaitable[BrowserContext]]]:
    """Makes a visitor's browser; all of them are closed at the end."""
    contexts: list[BrowserContext] = []

    async def make(width: int = 1000, height: int = 760, **more: Any) -> BrowserContext:
        settings = {"locale": "en-GB", "reduced_motion": "reduce", **more}
        contexts.append(await browser.new_context(viewport={"width": width, "height": height}, **settings))
        return contexts[-1]

    yield make
    for context in contexts:
        await context.close()


@pytest_asyncio.fixture(loop_scope="module")
async def visit(site: Site, new_context: Callable[..., Awaitable[BrowserContext]]) -> AsyncIterator[Visit]:
    """Opens the shop (or the hosted page) in a new tab; whatever the page complains about fails the test."""
    complaints: list[str] = []

    async def go(attributes: str = "", *, context: BrowserContext | None = None, where: Site = site, hosted: bool = False) -> Chat:
        page = await (context or await new_context()).new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if "Content Security Policy" in message.text else None)
        await page.goto(f"{where.hosted if hosted else where.page}?{attributes}")
        await page.locator("chatloom-widget").first.wait_for(state="attached")
        return Chat(page, where)

    yield go
    assert complaints == []


@pytest_asyncio.fixture(loop_scope="module")
async def chat(visit: Visit) -> Chat:
    """The widget on the shop's page, closed."""
    return await visit()
