"""A process whose event loop stands still ends; whoever supervises it starts another.

What blocks a loop may hold the interpreter's lock, too, so that no thread of Python could end it: asyncpg's parser spins for ever on some
answers that a network has spoilt. The watchdog of faulthandler is a thread of C. It says in the log where every thread was.
"""

import asyncio
import faulthandler
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from server.kit.tasks import end_tasks

STUCK_S = 30.0
ALIVE_EVERY_S = 5


async def alive(seconds: float = STUCK_S) -> None:
    """The loop moves: the process ends unless this is called again within so many seconds."""
    faulthandler.dump_traceback_later(seconds, exit=True)


@asynccontextmanager
async def ending_when_stuck(seconds: float = STUCK_S) -> AsyncIterator[None]:
    """While this lasts, the process ends when its loop has stood still for so many seconds."""
    beating = asyncio.create_task(_beat(seconds), name="alive")
    try:
        yield
    finally:
        await end_tasks(beating)
        faulthandler.cancel_dump_traceback_later()


async def _beat(seconds: float) -> None:
    while True:
        await alive(seconds)
        await asyncio.sleep(seconds * ALIVE_EVERY_S / STUCK_S)
