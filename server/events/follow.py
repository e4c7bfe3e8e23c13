"""Readers woken by a stream: each is a consumer group, so that every entry wakes one of the processes and not all of them.

What an entry says is that its tenant has news. What is read comes from the log, in its order and from the place the reader has come to:
entries that are lost, doubled or late cost nothing but time. A look at all tenants every few seconds finds what nobody was woken for.
"""

import asyncio
import logging
import os
import platform
import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from redis.exceptions import RedisError

from server.events import kafka as kafka  # a reader, known by its import
from server.events.groups import Entry, acknowledge, forget_gone, take
from server.events.read import read_all
from server.events.reader import Later, Reader
from server.events.streams import NEWS, Relay
from server.kit.db import is_away
from server.kit.jobs import Resources
from server.kit.tasks import end_tasks

RELAY_EVERY_S = 0.5
LOOK_EVERY_S = 5.0
LOOK_WITHOUT_STREAMS_S = 1.0
ENTRIES_AT_ONCE = 500
TIDY_EVERY_S = 60.0
GONE_AFTER_MS = 60_000
REST_S = 1.0

log = logging.getLogger(__name__)


async def follow_all(resources: Resources, readers: Sequence[Reader]) -> None:
    """Relay the log to the streams and wake these readers, until cancelled."""
    on = resources.settings.event_streams
    work = [Follower(resources, reader, on).run() for reader in readers]
    if on:
        work.append(_relay(resources))
    tasks = [asyncio.create_task(one) for one in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        await end_tasks(*tasks)


async def _relay(resources: Resources) -> None:
    relay = Relay(resources.db, resources.redis)
    while True:
        began = time.monotonic()
        await _quietly("the relay to the streams", relay.run())
        # Under load it rests as long as it worked: what it tells on must not cost more than what happens.
        await asyncio.sleep(max(RELAY_EVERY_S, time.monotonic() - began))


class Follower:
    """One reader in one process."""

    def __init__(self, resources: Resources, reader: Reader, woken: bool) -> None:
        self._db = resources.db
        self._redis = resources.redis
        self._reader = reader
        self._woken = woken
        self._group = f"chatloom:{reader.name}"
        self._consumer = f"{platform.node()}:{os.getpid()}"

    async def run(self) -> None:
        """Read what is new whenever a stream tells of it, and look by itself now and then."""
        look = self._look_for_ever()
        await (asyncio.gather(look, self._wake_for_ever(), self._tidy_for_ever()) if self._woken else look)

    async def _look_for_ever(self) -> None:
        while True:
            await _quietly(f"reader {self._reader.name}", read_all(self._db, self._reader))
            await asyncio.sleep(LOOK_EVERY_S if self._woken else LOOK_WITHOUT_STREAMS_S)

    async def _wake_for_ever(self) -> None:
        while True:
            if not await _quietly(f"reader {self._reader.name}", self.take()):
                await asyncio.sleep(REST_S)

    async def _tidy_for_ever(self) -> None:
        while True:
            await asyncio.sleep(TIDY_EVERY_S)
            await _quietly(f"the group of reader {self._reader.name}", self._tidy())

    async def take(self) -> None:
        """Wait a moment for entries, read what they tell of, and say that they were taken."""
        entries = await take(self._redis, self._group, self._consumer, [NEWS], ENTRIES_AT_ONCE)
        if tenants := {tenant for entry in entries if (tenant := _tenant(entry)) is not None}:
            await read_all(self._db, self._reader, tenants)
        await acknowledge(self._redis, self._group, entries)

    async def _tidy(self) -> None:
        """Entries of processes that are gone are no news any more: everything has been looked at since."""
        await forget_gone(self._redis, self._group, self._consumer, [NEWS], GONE_AFTER_MS)


def _tenant(entry: Entry) -> UUID | None:
    try:
        return UUID(entry.text("tenant"))
    except ValueError:
        return None  # not ours: anybody may write to Redis


async def _quietly(what: str, work: Any) -> bool:
    """Do it; False when it could not be done now. What nobody expected is written down with its place."""
    try:
        await work
    except Exception as error:
        if isinstance(error, (Later, RedisError)) or is_away(error):
            log.warning("%s has to wait: %r", what, error)
        else:
            log.exception("%s failed", what)
        return False
    return True
