"""Compares this machine's clock with the database's, so that processes whose clocks differ agree on what is due.

The database is asked when the process starts and every minute; half of the way there and back is the time of the answer, as in Cristian's
algorithm. A difference that is small, or that the length of the way may explain, is left alone: the clock does not jump for nothing.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from server.kit import clock
from server.kit.db import Database, is_away
from server.kit.tasks import end_tasks

COMPARE_EVERY_S = 60.0
NOT_WORTH = timedelta(seconds=2)

log = logging.getLogger(__name__)


@asynccontextmanager
async def keeping_time(db: Database) -> AsyncIterator[None]:
    """`clock.now()` follows the database's clock while this lasts."""
    await compare(db)
    task = asyncio.create_task(_compare_for_ever(db), name="clock compared")
    try:
        yield
    finally:
        await end_tasks(task)


async def compare(db: Database) -> None:
    """Ask the database for the time; when it is away, nothing changes."""
    asked = clock.machine()
    try:
        told = await db.time()
    except Exception as error:
        if not is_away(error):
            raise
        log.warning("the clock could not be compared: the database is away")
        return
    ahead = difference(asked, told, clock.machine())
    if ahead:
        log.warning("this machine's clock is %.0f s ahead of the database's; the database's counts", ahead.total_seconds())
    clock.is_ahead(ahead)


def difference(asked: datetime, told: datetime, answered: datetime) -> timedelta:
    """How far a clock that read `asked` and `answered` before and after is ahead of one that said `told`; none when it is not worth it."""
    way = answered - asked
    ahead = asked + way / 2 - told
    return timedelta() if abs(ahead) <= NOT_WORTH + way / 2 else ahead


async def _compare_for_ever(db: Database) -> None:
    while True:
        await asyncio.sleep(COMPARE_EVERY_S)
        await compare(db)
