"""Closes connections to the database that nobody has used for a while: each is a process of PostgreSQL with megabytes of its own.

The pool hands out the connection that came back last, so that what a busy moment opened and nobody needs any more grows old.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import event

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
            self.close_older(IDLE_S)

    def close_older(self, seconds: float) -> int:
        """Close what nobody has used for so long; how many there were. Nothing is taken out of the pool for it, so nobody waits for it."""
        until = time.monotonic() - seconds
        old = [record for record in self._idle if record.info[_SINCE] < until]
        for record in old:
            record.invalidate()
        return len(old)
