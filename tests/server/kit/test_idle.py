"""A connection that nobody uses is closed; one in use and one just used are not."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from server.kit.db import Database
from server.kit.idle import IdleWatch
from server.kit.ids import uuid7

AN_HOUR_S = 3600.0


@pytest.fixture
async def own(database_url: str) -> AsyncIterator[Database]:
    """A pool that nobody else uses."""
    database = Database(database_url, pool_size=4)
    yield database
    await database.close()


async def _use(database: Database, at_once: int) -> set[int]:
    """So many transactions at the same time; the numbers of their connections."""
    together = asyncio.Barrier(at_once)

    async def one() -> int:
        async with database.tenant(uuid7()) as connection:
            await together.wait()
            return int(await connection.scalar(text("select pg_backend_pid()")) or 0)

    return set(await asyncio.gather(*(one() for _ in range(at_once))))


async def test_what_a_busy_moment_left_is_closed_and_what_is_used_stays(own: Database) -> None:
    watch = IdleWatch(own)
    await _use(own, 4)
    assert watch.close_older(AN_HOUR_S) == 0
    since = time.monotonic()
    used = await _use(own, 1)
    assert watch.close_older(time.monotonic() - since) == 3
    assert await _use(own, 1) == used
    assert watch.close_older(0.0) == 1


async def test_looking_makes_no_connection_younger(own: Database) -> None:
    watch = IdleWatch(own)
    await _use(own, 2)
    since = time.monotonic()
    assert watch.close_older(AN_HOUR_S) == 0
    assert watch.close_older(time.monotonic() - since) == 2


async def test_a_connection_in_use_is_left_alone(own: Database) -> None:
    watch = IdleWatch(own)
    async with own.tenant(uuid7()) as connection:
        assert watch.close_older(0.0) == 0
        assert await connection.scalar(text("select 1")) == 1
    assert watch.close_older(0.0) == 1


async def test_what_the_pool_did_not_keep_is_not_waited_for(database_url: str) -> None:
    small = Database(database_url, pool_size=1)  # and one more in a busy moment, which the pool closes itself
    watch = IdleWatch(small)
    await _use(small, 2)
    assert watch.close_older(AN_HOUR_S) == 0
    assert watch.close_older(0.0) == 1
    await small.close()
