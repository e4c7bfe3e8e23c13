"""Two web processes, two runners and three workers share the work with no sticky session, and one of each may die in the middle of it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from server.kit.db import Database
from tests.faults.invariants import Outside
from tests.faults.load import CALM_S, Customers, check_transcripts, many_connections, publish_chat, publish_hook, until_calm
from tests.faults.place import Place
from tests.faults.processes import Processes

CHATS, HOOKS = 12, 4
WORKERS, RUNNERS = 3, 2
VICTIMS = ("web1", "runner0", "worker0")
PATIENCE_S = 120.0


@pytest.fixture
async def others(place: Place, tmp_path: Path) -> AsyncIterator[Processes]:
    """What the installation lacks of two runners and three workers."""
    there = place.processes
    more = Processes(there.settings, tmp_path / "others.log", webs=0, runners=RUNNERS - there.runners, workers=WORKERS - there.workers)
    more.start()
    try:
        yield more
    finally:
        more.stop()


async def workers_that_worked(redis: Redis, pids: set[int]) -> set[int]:
    """Those of the worker processes that have done a job, as RQ counts them."""
    found = set()
    for key in await redis.smembers("rq:workers"):
        pid, count = await redis.hmget(key, ["pid", "successful_job_count"])
        if pid is not None and int(count or 0) > 0:
            found.add(int(pid))
    return found & pids


@pytest.mark.faults
async def test_many_processes_share_the_work_and_one_of_each_may_die(place: Place, place_db: Database, others: Processes) -> None:
    bot, hooked = await publish_chat(place_db, place.shop), await publish_hook(place_db, place.settings, place.shop)
    chats, hooks = CHATS, HOOKS
    async with many_connections() as client, Redis.from_url(place.redis.url) as redis, asyncio.timeout(PATIENCE_S):
        customers = Customers(place.processes, client)  # each of their messages goes to any of the web processes
        talking = [asyncio.create_task(customers.chat(bot)) for _ in range(CHATS)]
        talking += [asyncio.create_task(customers.hook(hooked, uuid4().hex)) for _ in range(HOOKS)]
        await asyncio.sleep(0.5)
        for victim in VICTIMS:
            place.processes.kill(victim)
        await asyncio.sleep(0.5)
        place.processes.mend()
        await asyncio.gather(*talking)

        workers = {*place.processes.pids("worker"), *others.pids("worker")}
        assert len(workers) == WORKERS
        while await workers_that_worked(redis, workers) != workers:
            await asyncio.gather(*(customers.chat(bot) for _ in range(WORKERS)))
            chats += WORKERS
    async with many_connections() as client:
        writing = Customers(place.processes, client)
        for processes in (place.processes, others):
            await until_calm(place_db, [bot, hooked])
            processes.kill("runner0")  # the other runner answers all by itself
            await writing.hook(hooked, uuid4().hex)
            assert await until_calm(place_db, [hooked]) < CALM_S
            place.processes.mend()
            hooks += 1
    accepted = [*customers.accepted, *writing.accepted]
    await place.check(place_db, [bot, hooked], Outside(place.shop.delivered, place.shop.calls, accepted))
    await check_transcripts(place_db, bot, chats)
    await check_transcripts(place_db, hooked, hooks)
