"""Real PostgreSQL and Redis for the whole session; a database of its own, cloned from a migrated template, for each test."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from uuid import UUID

import asyncpg
import httpx
import pytest
from litestar import Litestar

from server.app import create_app
from server.kit.db import Database
from server.kit.embedded.postgres import LOGIN, OWNER, EmbeddedPostgres, start_postgres
from server.kit.embedded.redis import start_redis
from server.kit.ids import uuid7
from server.kit.migrate import migrate
from server.kit.settings import Settings, read_settings

PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """The session's PostgreSQL; its database `template` is migrated and empty."""
    server = start_postgres(tmp_path_factory.mktemp("postgres"))
    try:
        asyncio.run(_make_template(server))
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the session's Redis. Keys are not cleared between tests: they carry tenants, and every test makes its own."""
    server = start_redis(tmp_path_factory.mktemp("redis"))
    try:
        yield server.url
    finally:
        server.stop()


async def _make_template(server: EmbeddedPostgres) -> None:
    await _execute(server.admin_url, f"create database template owner {OWNER}")
    await migrate(server.address(OWNER, "template"))


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@asynccontextmanager
async def fresh_database(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """Address of a fresh database with every table, for the application's role; dropped afterwards."""
    name = f"t{uuid7().hex}"
    await _execute(postgres.admin_url, f"create database {name} template template owner {OWNER}")
    yield postgres.address(LOGIN, name)
    await _execute(postgres.admin_url, f"drop database {name} with (force)")


@pytest.fixture
async def database_url(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """A fresh database for one test."""
    async with fresh_database(postgres) as url:
        yield url


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """The application's doors to a fresh database."""
    database = Database(database_url, pool_size=4)
    yield database
    await database.close()


def settings_for(database_url: str, redis_url: str, data: Path) -> Settings:
    """Settings of a server that keeps its files in `data`."""
    given = {"CHATLOOM_DATA_DIR": str(data), "CHATLOOM_DATABASE_URL": database_url, "CHATLOOM_REDIS_URL": redis_url}
    return replace(read_settings(given), base_url="http://localhost:8800", visitor_rate=0)


@pytest.fixture
async def settings(database_url: str, redis_url: str, tmp_path: Path) -> Settings:
    """Settings of a server on a fresh database."""
    return settings_for(database_url, redis_url, tmp_path)


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[Litestar]:
    """The whole web application, started."""
    application = put_together()
    application.state.clear()
    application.state.settings = settings
    async with started(application):
        yield application


@cache
def put_together() -> Litestar:
    """The application without a life: to find its hundreds of routes takes longer than most tests."""
    return create_app()


@asynccontextmanager
async def started(application: Litestar) -> AsyncIterator[None]:
    """The application's life in a task of its own: pytest sets up and tears down in different tasks, which cancel scopes forbid."""
    up: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    over = asyncio.Event()

    async def live() -> None:
        async with application.lifespan():
            up.set_result(None)
            await over.wait()

    living = asyncio.create_task(live())
    await asyncio.wait((living, up), return_when=asyncio.FIRST_COMPLETED)
    try:
        if not living.done():
            yield
    finally:
        over.set()
        await living


def client_of(app: Litestar) -> httpx.AsyncClient:
    """A browser-like client without cookies yet."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app, raise_app_exceptions=False), base_url="http://localhost:8800")


@pytest.fixture
async def client(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who is not signed in."""
    async with client_of(app) as anonymous:
        yield anonymous


@dataclass(frozen=True)
class Workspace:
    """A registered workspace and its owner's signed-in API client (bearer token)."""

    tenant_id: UUID
    member_id: UUID
    email: str
    client: httpx.AsyncClient


async def register(app: Litestar, name: str) -> Workspace:
    """Make a workspace called `name` with an owner of its own."""
    client = client_of(app)
    email = f"{uuid7().hex}@example.com"
    body = {"organization": name, "name": "Ada", "email": email, "password": PASSWORD}
    answer = (await client.post("/api/v1/auth/register", json=body)).raise_for_status().json()
    client.cookies.clear()
    client.headers["authorization"] = f"Bearer {answer['access_token']}"
    return Workspace(UUID(answer["organization_id"]), UUID(answer["user_id"]), email, client)


@pytest.fixture
async def owner(app: Litestar) -> AsyncIterator[Workspace]:
    """The workspace most tests work in."""
    workspace = await register(app, "Acme")
    yield workspace
    await workspace.client.aclose()


@pytest.fixture
async def other_owner(app: Litestar) -> AsyncIterator[Workspace]:
    """A second workspace, which must see nothing of the first."""
    workspace = await register(app, "Globex")
    yield workspace
    await workspace.client.aclose()
