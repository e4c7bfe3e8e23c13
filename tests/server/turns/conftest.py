"""A runner beside the web application, and hands for the jobs."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from litestar import Litestar

from server.kit.jobs import due_jobs, run_job
from server.kit.tasks import end_tasks
from server.turns.engine import Turns
from server.turns.runner import Runner
from server.worker import load_jobs

load_jobs()


@pytest.fixture
def turns(app: Litestar) -> Turns:
    """The turns of the web process."""
    found: Turns = app.state.turns
    return found


@pytest.fixture
async def runner(turns: Turns) -> AsyncIterator[Runner]:
    """A running turn runner."""
    stop = asyncio.Event()
    running = Runner(turns)
    task = asyncio.create_task(running.run(stop))
    yield running
    stop.set()
    await task


@pytest.fixture
async def hands(turns: Turns) -> AsyncIterator[None]:
    """Somebody who does every job as soon as it is due, many at a time."""
    doing: dict[UUID, asyncio.Task[str]] = {}

    async def work() -> None:
        while True:
            for tenant_id, job_id in await due_jobs(turns.resources.db):
                if job_id not in doing or doing[job_id].done():
                    doing[job_id] = asyncio.create_task(run_job(turns.resources, tenant_id, job_id))
            await asyncio.sleep(0.02)

    task = asyncio.create_task(work())
    yield
    await end_tasks(task, *doing.values())
