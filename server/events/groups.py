"""Consumer groups of Redis Streams: each entry goes to one member of a group, which says when it has taken it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

WAIT_MS = 1_000
ANSWER_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a stream, as somebody put it there."""

    stream: str
    id: bytes
    fields: dict[bytes, bytes]

    def text(self, name: str) -> str:
        """A field; empty when there is none."""
        return self.fields.get(name.encode(), b"").decode("utf-8", "replace")


async def take(redis: Redis, group: str, member: str, streams: Sequence[str], count: int) -> list[Entry]:
    """The next entries for a member, after waiting a moment for the first. A group that is not there begins with what the streams hold."""
    try:
        async with asyncio.timeout(WAIT_MS / 1_000 + ANSWER_WITHIN_S):
            found: Any = await redis.xreadgroup(group, member, dict.fromkeys(streams, ">"), count=count, block=WAIT_MS)
    except ResponseError as error:
        if not str(error).startswith("NOGROUP"):
            raise
        await _open(redis, group, streams)
        return []
    return [Entry(stream.decode(), id, fields) for stream, entries in found or () for id, fields in entries]


async def acknowledge(redis: Redis, group: str, entries: Sequence[Entry]) -> None:
    """They were used and need not come again."""
    for stream in dict.fromkeys(entry.stream for entry in entries):
        await redis.xack(stream, group, *[entry.id for entry in entries if entry.stream == stream])


async def forget_gone(redis: Redis, group: str, member: str, streams: Sequence[str], idle_ms: int) -> None:
    """Take members out that have asked for nothing for so long, with the entries they did not acknowledge."""
    for stream in streams:
        for other in await redis.xinfo_consumers(stream, group):
            if other["idle"] > idle_ms and other["name"].decode() != member:
                await redis.xgroup_delconsumer(stream, group, other["name"])


async def _open(redis: Redis, group: str, streams: Sequence[str]) -> None:
    for stream in streams:
        try:
            await redis.xgroup_create(stream, group, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise
