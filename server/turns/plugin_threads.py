"""Threads for turns that run plugins: a plugin that hangs holds up its own turn, not the event loop and not another workspace."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar
from uuid import UUID

from server.plugins.hosts import turn_of_at_most

T = TypeVar("T")

THREADS = 16
THREADS_PER_TENANT = 4
TURN_S = 8.0
"""What all the plugins of one turn may take together; less than the lease of the turn."""


class PluginThreads:
    """A workspace has a few of the threads at most, so that one whose plugin is slow leaves some to the others."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="plugin turn")
        self._room: defaultdict[UUID, asyncio.Semaphore] = defaultdict(partial(asyncio.Semaphore, THREADS_PER_TENANT))

    async def run(self, tenant_id: UUID, work: Callable[[], T]) -> Callable[[], T]:
        """Do the work in a thread; what is given back returns its result, or raises what it raised."""
        async with self._room[tenant_id]:
            doing = asyncio.get_running_loop().run_in_executor(self._threads, partial(_in_time, work))
            await asyncio.wait([doing])
        return doing.result

    def close(self) -> None:
        """Begin nothing more; what runs is left to its time limit."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _in_time(work: Callable[[], T]) -> T:
    with turn_of_at_most(TURN_S):
        return work()
