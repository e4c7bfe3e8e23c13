"""Closes connections to the database that nobody has used for a while: each is a process of PostgreSQL with megabytes of its own.

The pool hands out the connection that came back last, so that what a busy moment opened and nobody needs any more grows old.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.pool import QueuePool

from server.kit.db import IDLE_S, Database
from server.kit.tasks import end_tasks

LOOK_EVERY_S = 5.0
_SINCE = "idle since"


@asynccontextmanager
async def closing_idle(db: Database) -> AsyncIterator[None]:
    """Connections of `db` that are idle for IDLE_S seconds are closed while this lasts."""
    watch = IdleWatch(db)
    task = asyncio.create_task(watch.look_for_ever(), name="idle connections closed")
    try:
        yield
    finally:
        await end_tasks(task)


class IdleWatch:
    """Knows which connections are idle, and since when."""

    def __init__(self, db: Database) -> None:
        self._engine = db.engine
        self._idle: set[Any] = set()
        event.listen(self._engine.sync_engine, "checkout", self._went)
        event.listen(self._engine.sync_engine, "checkin", self._came_back)
        event.listen(self._engine.sync_engine, "close", self._ended)

    def _went(self, _: Any, record: Any, __: Any) -> None:
        self._idle.discard(record)

    def _ended(self, _: Any, record: Any) -> None:
        self._idle.discard(record)

    def _came_back(self, connection: Any, record: Any) -> None:
        if connection is not None:
            record.info[_SINCE] = time.monotonic()
            self._idle.add(record)

    async def look_for_ever(self) -> None:
        """Look every few seconds."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self.close_older(IDLE_S)

    async def close_older(self, seconds: float) -> int:
        """Close what nobody has used for so long; how many there were. Idle connections are taken without a pause: nobody waits."""
        pool, most = self._engine.pool, len(self._idle)
        assert isinstance(pool, QueuePool)
        held: list[tuple[AsyncConnection, dict[Any, Any], float]] = []
        while len(held) < most and pool.checkedin():  # never more than are there: to wait for one while holding the others stops everybody
            connection = await self._engine.connect()
            info = (await connection.get_raw_connection()).info
            held.append((connection, info, info.get(_SINCE, 0.0)))
        until, closed = time.monotonic() - seconds, 0
        for connection, info, since in reversed(held):
            if since < until:
                closed += 1
                await connection.run_sync(lambda one: one.detach())
            await connection.close()
            info[_SINCE] = since
        return closed
