"""The servers Chatloom stands on fail under load, or its own processes stand still: customers are answered late, once and in order."""

import asyncio
import os
import resource
import signal
import subprocess
from contextlib import suppress

import asyncpg
import pytest
from redis.asyncio import Redis

from server.kit.db import Database
from tests.faults.place import Place, Trouble, everybody_is_answered_once

LASTS_S = 2.0


async def redis_forgets(place: Place) -> None:
    """FLUSHALL, over and over: doorbells, jobs and sign-in limits are gone."""
    async with Redis.from_url(place.redis.url) as redis:
        for _ in range(20):
            await redis.flushall()
            await asyncio.sleep(LASTS_S / 20)


async def redis_is_killed(place: Place) -> None:
    """kill -9 and a new start a while later."""
    _signal(place.redis.process, signal.SIGKILL)
    await asyncio.sleep(LASTS_S)
    place.redis.spawn()  # by this thread: what it starts dies with it


async def redis_is_full(place: Place) -> None:
    """Redis takes no write."""
    async with Redis.from_url(place.redis.url) as redis:
        await redis.config_set("maxmemory-policy", "noeviction")
        await redis.config_set("maxmemory", 1)
        await asyncio.sleep(LASTS_S)
        await redis.config_set("maxmemory", "256mb")


async def redis_hangs(place: Place) -> None:
    """Redis takes connections and answers nobody."""
    _signal(place.redis.process, signal.SIGSTOP)
    await asyncio.sleep(LASTS_S)
    _signal(place.redis.process, signal.SIGCONT)


async def postgres_is_killed(place: Place) -> None:
    """kill -9 of the whole server; it recovers from its log when it comes back."""
    _signal(place.postgres.process, signal.SIGKILL)
    await asyncio.sleep(LASTS_S / 2)
    place.postgres.spawn()  # by this thread: what it starts dies with it
    await asyncio.to_thread(place.postgres.wait_ready)


async def a_backend_is_killed(place: Place) -> None:
    """kill -9 of one connection's process: PostgreSQL ends all the others and recovers."""
    admin = await asyncpg.connect(place.postgres.url)
    number = await admin.fetchval("select pg_backend_pid()")
    os.kill(number, signal.SIGKILL)
    await asyncio.sleep(LASTS_S)
    admin.terminate()


async def postgres_is_locked(place: Place) -> None:
    """Somebody holds the table that every turn writes."""
    admin = await asyncpg.connect(place.admin_url)
    async with admin.transaction():
        await admin.execute("lock table conversations in access exclusive mode")
        await asyncio.sleep(LASTS_S)
    await admin.close()


async def postgres_takes_no_writes(place: Place) -> None:
    """A fail-over left a read-only server, or its disk is full."""
    admin = await asyncpg.connect(place.admin_url)
    await admin.execute("alter database chatloom set default_transaction_read_only = on")
    await admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename <> 'postgres'")
    await asyncio.sleep(LASTS_S)
    await admin.execute("set default_transaction_read_only = off")
    await admin.execute("alter database chatloom reset default_transaction_read_only")
    await admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename <> 'postgres'")
    await admin.close()


async def postgres_is_restarted(place: Place) -> None:
    """A new release of PostgreSQL: it ends its connections and comes back a moment later."""
    await asyncio.to_thread(place.postgres.stop)
    await asyncio.sleep(LASTS_S / 2)
    place.postgres.spawn()  # by this thread: what it starts dies with it
    await asyncio.to_thread(place.postgres.wait_ready)


async def web_has_no_descriptors_left(place: Place) -> None:
    """Hundreds of connections that say nothing, to a process that may open few files more."""
    open_now = place.processes.process("web0").num_fds()
    most, _ = place.processes.limit("web0", resource.RLIMIT_NOFILE, open_now + 20)
    idle: list[asyncio.StreamWriter] = []
    for _ in range(100):
        with suppress(OSError):
            idle.append((await asyncio.open_connection("127.0.0.1", place.processes.port("web0")))[1])
    await asyncio.sleep(LASTS_S)
    for writer in idle:
        writer.transport.abort()
    place.processes.limit("web0", resource.RLIMIT_NOFILE, most)


async def web_has_no_memory_left(place: Place) -> None:
    """A process that gets no more memory fails at what it does, or dies and is started again."""
    most, _ = place.processes.limit("web0", resource.RLIMIT_AS, place.processes.process("web0").memory_info().vms + 1_000_000)
    await asyncio.sleep(LASTS_S)
    if "web0" in place.processes.dead():
        place.processes.revive()
    else:
        place.processes.limit("web0", resource.RLIMIT_AS, most)


async def web_stands_still(place: Place) -> None:
    """One of two web processes, with messages in its hands."""
    await _stands_still(place, "web0")


async def the_runner_stands_still(place: Place) -> None:
    """Whoever takes webhook messages."""
    await _stands_still(place, "runner0")


async def the_worker_stands_still(place: Place) -> None:
    """Whoever makes calls."""
    await _stands_still(place, "worker0")


async def _stands_still(place: Place, name: str) -> None:
    place.processes.suspend(name)
    await asyncio.sleep(LASTS_S)
    place.processes.go_on(name)


def _signal(process: "subprocess.Popen[bytes] | None", number: signal.Signals) -> None:
    assert process is not None
    process.send_signal(number)
    if number is signal.SIGKILL:
        process.wait()


FAULTS: list[Trouble] = [
    redis_forgets,
    redis_is_killed,
    redis_is_full,
    redis_hangs,
    postgres_is_killed,
    a_backend_is_killed,
    postgres_is_locked,
    postgres_takes_no_writes,
    postgres_is_restarted,
    web_has_no_descriptors_left,
    web_has_no_memory_left,
    web_stands_still,
    the_runner_stands_still,
    the_worker_stands_still,
]


@pytest.mark.faults
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
async def test_everybody_is_answered_once(place: Place, place_db: Database, fault: Trouble) -> None:
    await everybody_is_answered_once(place, place_db, fault)
