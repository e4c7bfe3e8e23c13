"""The real server on a port, with a runner and a worker, and a person signed in to it in Chromium."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace

import pytest
import uvicorn
from litestar import Litestar
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from server.app import create_app, modules
from server.kit.jobs import Resources, due_jobs, run_job
from server.kit.settings import Settings
from server.turns.runner import Runner
from tests.conftest import PASSWORD, started

CHROMIUM_ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@dataclass(frozen=True)
class Served:
    """A running server and its address."""

    app: Litestar
    url: str


@pytest.fixture
async def served(settings: Settings) -> AsyncIterator[Served]:
    """The whole application on a free port, with its turns and its jobs being done."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        url = f"http://localhost:{listener.getsockname()[1]}"
        app = create_app(replace(settings, base_url=url))
        async with started(app):
            server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            working = asyncio.create_task(_work(app))
            stop = asyncio.Event()
            running = asyncio.create_task(Runner(app.state.turns).run(stop))
            while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
                await asyncio.sleep(0.01)
            try:
                yield Served(app, url)
            finally:
                stop.set()
                await running
                working.cancel()
                with suppress(asyncio.CancelledError):
                    await working
                server.should_exit = True
                await serving


async def _work(app: Litestar) -> None:
    """What a worker process does: every job that is due."""
    list(modules("jobs"))
    state = app.state
    resources = Resources(state.settings, state.db, state.redis, state.live, state.vault, state.http)
    while True:
        for tenant_id, job_id in await due_jobs(state.db):
            await run_job(resources, tenant_id, job_id)
        await asyncio.sleep(0.1)


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """Chromium without a window."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(CHROMIUM_ARGS))
        yield browser
        await browser.close()


class Complaints(list[str]):
    """What the browser complained about: errors and warnings of the console, failed scripts."""

    def listen(self, page: Page) -> None:
        """Hear what this page complains about."""
        page.on("console", lambda message: self.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.append(str(error)))


@pytest.fixture
def complaints() -> Complaints:
    """Complaints of the signed-in person's pages."""
    return Complaints()


@pytest.fixture
async def context(chromium: Browser, served: Served) -> AsyncIterator[BrowserContext]:
    """A browser window's cookies, of somebody who has just registered a workspace."""
    context = await chromium.new_context(viewport={"width": 1600, "height": 900}, base_url=served.url)
    context.set_default_timeout(10_000)
    page = await context.new_page()
    await page.goto("/sign-up")
    await page.get_by_label("Workspace").fill("Acme")
    await page.get_by_label("Your name").fill("Ada Lovelace")
    await page.get_by_label("E-mail").fill("ada@example.com")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Create").click()
    await page.wait_for_url("/")
    await page.close()
    yield context
    await context.close()


@pytest.fixture
async def page(context: BrowserContext, complaints: Complaints) -> Page:
    """A tab of the signed-in person."""
    page = await context.new_page()
    complaints.listen(page)
    return page
