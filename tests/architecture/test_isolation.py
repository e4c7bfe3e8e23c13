"""Two busy tenants: nothing the one is shown, nothing that passes through Redis, and no line of the log tells of the other."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest
from litestar import Litestar
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from server.analytics.ingest import roll_up_all
from server.kit.jobs import due_jobs, run_job
from server.kit.settings import Settings
from server.turns.runner import Runner
from server.worker import load_jobs
from tests.architecture.asgi_call import call
from tests.architecture.test_routes import JSON, PAGE, Route, routes
from tests.architecture.two_tenants import COMMON, BusyTenant, be_busy
from tests.conftest import PASSWORD
from tests.fakes.openai import KEY, FakeOpenAI
from tests.fakes.shop import FakeShop

load_jobs()

# Keys that belong to no tenant, and why.
TENANT_FREE = re.compile(
    r"rq:.*"  # RQ's own; what travels there is the ids of a tenant and a job
    r"|doorbell"  # one list for all runners, whose entries are <tenant>:<conversation>
    r"|jobs:waiting"  # one list for all workers, whose entries are <tenant>:<job>
    r"|jobs:ringing"  # whether a ring is on its way, carries nothing
    r"|events:[a-z]+"  # events told on, for all who read a topic: every entry names its tenant
    r"|live:keep-alive"  # keeps the subscription of a process open, carries nothing
    r"|{revoked}:ready"  # whether the list of ended sessions is filled
    r"|tries:[0-9a-f]{32}"  # tries to sign in, counted before it is known who asks; the name is a keyed hash
)
OWN_CLIENT = "localhost:8800"
"""The address our own test client asks, which it logs itself."""


@dataclass
class Two:
    """Both tenants, and all that was heard meanwhile."""

    one: BusyTenant
    other: BusyTenant
    redis: Sequence[str]
    log: Sequence[logging.LogRecord]


@pytest.fixture
def world() -> Iterator[tuple[FakeShop, FakeShop, FakeOpenAI]]:
    """A service of each tenant, and a model."""
    with FakeShop() as one, FakeShop() as other, FakeOpenAI() as model:
        yield one, other, model


@pytest.fixture
async def settings(settings: Settings, world: tuple[FakeShop, FakeShop, FakeOpenAI]) -> Settings:
    """Settings that let flows call those."""
    return replace(settings, outbound_allow=frozenset(server.host for server in world))


@pytest.fixture
async def two(app: Litestar, world: tuple[FakeShop, FakeShop, FakeOpenAI], caplog: pytest.LogCaptureFixture) -> Two:
    """Two tenants that were busy at the same time."""
    caplog.set_level(logging.INFO)
    one_shop, other_shop, model = world
    async with overheard(app.state.redis) as commands, working(app):
        one, other = await asyncio.gather(
            be_busy(app, f"{COMMON}-a1ba2", one_shop, model), be_busy(app, f"{COMMON}-b3cd4", other_shop, model)
        )
        await roll_up_all(app.state.db, app.state.live)
    return Two(one, other, commands, list(caplog.records))


@asynccontextmanager
async def working(app: Litestar) -> AsyncIterator[None]:
    """A runner, and hands that do every job."""
    stop, runner = asyncio.Event(), Runner(app.state.turns)
    running, doing = asyncio.create_task(runner.run(stop)), asyncio.create_task(_do_jobs(runner))
    try:
        yield
    finally:
        doing.cancel()
        stop.set()
        await asyncio.gather(running, doing, return_exceptions=True)


async def _do_jobs(runner: Runner) -> None:
    while True:
        due = await due_jobs(runner.resources.db)
        await asyncio.gather(*(run_job(runner.resources, tenant_id, job_id) for tenant_id, job_id in due))
        await asyncio.sleep(0.02)


@asynccontextmanager
async def overheard(redis: Redis) -> AsyncIterator[list[str]]:
    """Every command Redis gets, with its arguments."""
    heard: list[str] = []

    async def listen() -> None:
        while True:
            heard.append((await monitor.next_command())["command"])

    async with redis.monitor() as monitor:
        listening = asyncio.create_task(listen())
        try:
            yield heard
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


async def test_no_page_or_route_shows_anything_of_the_other(app: Litestar, two: Two) -> None:
    theirs = {two.other.word, *await two.other.ids()}
    own, foreign = await two.one.path_values(), await two.other.path_values()
    # Ids of the other tenant and a search for what is common to both, wherever a route understands them.
    asking = f"q={COMMON}&flow={foreign['flow_id']}&flow_id={foreign['flow_id']}&channel={foreign['channel_id']}"
    asking += f"&channel_id={foreign['channel_id']}&contact_id={two.other.word}-customer&intent=find_{two.other.word}"
    leaks, shown = [], set()
    for route in readable(app):
        for kind in (JSON, PAGE):
            mine = await call(app, "GET", route.filled(own), kind | two.one.owner)
            searched = await call(app, "GET", f"{route.filled(own)}?q={COMMON}", kind | two.one.owner)
            assert mine.status < 500, f"{route}: {mine.body[:200]!r}"
            bodies = {"own": mine.body, "searched": searched.body}
            leaks += [f"{route} ({how})" for how, body in bodies.items() if any(word.encode() in body for word in theirs)]
            if two.one.word.encode() in mine.body:
                shown.add(str(route))
            if not route.public:
                reached = await call(app, "GET", f"{route.filled(foreign)}?{asking}", kind | two.one.owner)
                echoed = reached.body.replace(f"{two.other.word}-customer".encode(), b"").replace(f"find_{two.other.word}".encode(), b"")
                leaks += [f"{route} (theirs)"] if two.other.word.encode() in echoed else []
    assert leaks == []
    assert len(shown) > len(readable(app)) / 2, f"the tenant's own word is on few pages, this test sees little: {shown}"


def readable(app: Litestar) -> list[Route]:
    """Every route that is read with GET."""
    return [route for route in routes(app) if route.method == "GET"]


async def test_redis_and_the_log_tell_nobody_apart_from_the_tenant(app: Litestar, two: Two) -> None:
    """Every key carries its tenant; no command mixes two; no line holds a name, an address, a token or words of a conversation."""
    assert len(two.redis) > 50
    assert await key_faults(app.state.redis, two) == []
    lines = [_whole(record) for record in two.log if OWN_CLIENT not in record.getMessage()]
    assert any("is made again" in line for line in lines), "nothing was logged, this test sees little"
    secrets = {PASSWORD, KEY, COMMON, "@example.com", *two.one.tokens, *two.other.tokens}
    assert [line for line in lines if any(secret in line for secret in secrets)] == []


async def key_faults(redis: Redis, two: Two) -> list[str]:
    """What is wrong with the commands that Redis got."""
    ids = [await two.one.ids(), await two.other.ids()]
    tenants = [str(two.one.workspace.tenant_id), str(two.other.workspace.tenant_id)]
    faults = []
    for command in two.redis:
        name, *arguments = command.split(" ")
        keys = await _keys(redis, name, arguments)
        faults += [f"without tenant: {command}" for key in keys if not TENANT_FREE.fullmatch(key) and not any(t in key for t in tenants)]
        faults += [f"with words of people: {command}" for key in keys if COMMON in key]
        if all(any(one in command for one in of_tenant) for of_tenant in ids):
            faults.append(f"mixed: {command}")
    return faults


async def _keys(redis: Redis, name: str, arguments: Sequence[str]) -> list[str]:
    """The keys among a command's arguments, as Redis itself sees them, or the channels."""
    if name == "PUBLISH":
        return arguments[:1]
    if name in ("SUBSCRIBE", "UNSUBSCRIBE"):
        return arguments
    try:
        found = await redis.execute_command("COMMAND GETKEYS", name, *arguments)
    except ResponseError:  # it has none
        return []
    return [key if isinstance(key, str) else key.decode() for key in found]


def _whole(record: logging.LogRecord) -> str:
    """Everything a record could be written out as."""
    return f"{logging.Formatter().format(record)} {record.__dict__}"
