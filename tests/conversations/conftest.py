"""A server behind scripts: an outside world that answers when told to, a turn runner, somebody who does the jobs."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
from litestar import Litestar

from server.kit.jobs import due_jobs, run_job
from server.kit.settings import Settings
from server.turns.runner import Runner
from server.worker import load_jobs
from tests.fakes.scripted import ScriptedWorld

JOBS_EVERY_S = 0.02

load_jobs()


@pytest.fixture
def world() -> Iterator[ScriptedWorld]:
    """The services and the model that flows call."""
    with ScriptedWorld() as server:
        yield server


@pytest.fixture
async def settings(settings: Settings, world: ScriptedWorld) -> Settings:
    """Settings that let flows call that world, and run code."""
    return replace(settings, outbound_allow=frozenset({world.host}), code=True)


@pytest.fixture
async def runner(app: Litestar) -> AsyncIterator[Runner]:
    """A running turn runner, and hands that do every job as soon as it is due."""
    stop, runner = asyncio.Event(), Runner(app.state.turns)
    running = asyncio.create_task(runner.run(stop))
    working = asyncio.create_task(_work(runner))
    yield runner
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    stop.set()
    await running


async def _work(runner: Runner) -> None:
    while True:
        for tenant_id, job_id in await due_jobs(runner.resources.db):
            await run_job(runner.resources, tenant_id, job_id)
        await asyncio.sleep(JOBS_EVERY_S)
