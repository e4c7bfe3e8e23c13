"""One real server on a port, with a runner and a worker, and one Chromium for all tests of a file; a person signed in for each test."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
import uvicorn
from litestar import Litestar
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect
from sqlalchemy import select

from server.app import create_app, modules
from server.kit.embedded.postgres import EmbeddedPostgres
from server.kit.jobs import Resources, due_jobs, run_job
from server.kit.settings import Settings
from server.tenants.tables import members
from server.turns.runner import Runner
from tests.conftest import PASSWORD, fresh_database, settings_for, started

expect.set_options(timeout=20_000)  # a page may wait for a machine that does much else

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


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Served]:
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


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(postgres: EmbeddedPostgres, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """One server for all tests of a file; every test has a workspace of its own on it."""
    async with (
        fresh_database(postgres) as database_url,
        serving(settings_for(database_url, redis_url, tmp_path_factory.mktemp("data"))) as running,
    ):
        yield running


async def _work(app: Litestar) -> None:
    """What a worker process does: every job that is due."""
    list(modules("jobs"))
    state = app.state
    resources = Resources(state.settings, state.db, state.redis, state.live, state.vault, state.http)
    while True:
        for tenant_id, job_id in await due_jobs(state.db):
            await run_job(resources, tenant_id, job_id)
        await asyncio.sleep(0.1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """Chromium without a window, one for all tests of a file."""
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


@dataclass(frozen=True)
class Person:
    """Whoever is signed in, and the workspace they have just registered."""

    tenant_id: UUID
    member_id: UUID


@pytest_asyncio.fixture(loop_scope="module")
async def window(chromium: Browser, served: Served) -> AsyncIterator[BrowserContext]:
    """A browser window of nobody yet."""
    context = await chromium.new_context(viewport={"width": 1600, "height": 900}, base_url=served.url)
    context.set_default_timeout(10_000)
    yield context
    await context.close()


@pytest_asyncio.fixture(loop_scope="module")
async def person(window: BrowserContext, served: Served) -> Person:
    """Registers a workspace through the form of the sign-up page; the window is signed in."""
    email = f"{uuid4().hex}@example.com"
    filled = {"organization": "Acme", "name": "Ada Lovelace", "email": email, "password": PASSWORD}
    answer = await window.request.post("/sign-up", form=filled, headers={"origin": served.url})
    assert answer.url == f"{served.url}/", await answer.text()
    async with served.app.state.db.lookup(email=email) as conn:
        return Person(*(await conn.execute(select(members.c.tenant_id, members.c.id))).one())


@pytest_asyncio.fixture(loop_scope="module")
async def context(window: BrowserContext, person: Person) -> BrowserContext:
    """The window of somebody who has just registered a workspace."""
    return window


@pytest_asyncio.fixture(loop_scope="module")
async def page(context: BrowserContext, complaints: Complaints) -> Page:
    """A tab of the signed-in person."""
    page = await context.new_page()
    complaints.listen(page)
    return page
