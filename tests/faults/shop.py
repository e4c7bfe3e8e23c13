"""The outside world of a fault test: carries out calls and takes messages, as badly as the address says, and remembers them."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID
from zlib import crc32

from tests.fakes.http import Answering, FakeServer, Request

_MARK = re.compile(rb"mark-([0-9a-f]{32})")
WORK_S = 0.02
SLOW_S = 0.5
RETRY_AFTER_S = 1


def mark_of(tenant_id: UUID) -> str:
    """A word that only one workspace and its customers use: wherever it turns up, that workspace's data has got there."""
    return f"mark-{tenant_id.hex}"


class Mood(StrEnum):
    """How the other side treats what it is asked. Those that refuse do so the first time, for about every third key."""

    FINE = "fine"
    SLOW = "slow"  # answers after half a second
    BUSY = "busy"  # refuses: 429 with Retry-After
    BROKEN = "broken"  # refuses: 503
    CUT = "cut"  # does it and hangs up
    SILENT = "silent"  # does it and says nothing
    NOISE = "noise"  # does it and answers what is not HTTP


@dataclass(frozen=True)
class Sent:
    """A message that arrived: its key (`conversation:seq`), the workspace whose address it came to, the workspaces whose words it has."""

    key: str
    tenant: str
    marks: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Made:
    """A call that was carried out: its idempotency key, and from when to when (monotonic seconds) it was at work."""

    key: str
    began: float
    ended: float


class Shop(FakeServer):
    """`POST /<mood>/messages/<tenant>` takes a message, `POST /<mood>/look` carries out a call."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.calls: list[Made] = []
        self.delivered: list[Sent] = []
        self.refused: set[str] = set()

    def messages_url(self, tenant_id: UUID, mood: Mood = Mood.FINE) -> str:
        """Where the messages of a workspace go."""
        return f"{self.url}/{mood}/messages/{tenant_id.hex}"

    def look_url(self, mood: Mood = Mood.FINE) -> str:
        """Where a flow looks something up."""
        return f"{self.url}/{mood}/look"

    async def _answer(self, request: Request, to: Answering) -> None:
        _, how, what, *whose = request.path.split("/")
        mood = Mood(how)
        if what == "messages":
            key = request.headers["webhook-id"]
            if not await self._refuses(mood, key, to):
                marks = frozenset(found.decode() for found in _MARK.findall(request.body))
                self.delivered.append(Sent(key, whose[0], marks))
                await _reply(mood, to)
            return
        key = request.headers.get("idempotency-key", "")
        if not await self._refuses(mood, key, to):
            began = time.monotonic()
            await to.wait(WORK_S)
            ended = time.monotonic() + (SLOW_S if mood is Mood.SLOW else 0.0)
            self.calls.append(Made(key, began, ended))
            await _reply(mood, to)

    async def _refuses(self, mood: Mood, key: str, to: Answering) -> bool:
        if mood not in (Mood.BUSY, Mood.BROKEN) or key in self.refused or crc32(key.encode()) % 3:
            return False
        self.refused.add(key)
        if mood is Mood.BUSY:
            await to.send(429, {"error": "slow down"}, {"Retry-After": str(RETRY_AFTER_S)})
        else:
            await to.send(503, {"error": "out of order"})
        return True


async def _reply(mood: Mood, to: Answering) -> None:
    match mood:
        case Mood.CUT:
            to.writer.transport.abort()
        case Mood.SILENT:
            await to.wait(3600)
        case Mood.NOISE:
            await to.raw(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
        case _:
            if mood is Mood.SLOW:
                await to.wait(SLOW_S)
            await to.send(200, {"state": "fine"})


def overlapping(calls: Sequence[Made]) -> list[str]:
    """The keys of calls that were at work twice at the same time."""
    found: list[str] = []
    ends: dict[str, float] = {}
    for call in sorted(calls, key=lambda one: one.began):
        if call.began < ends.get(call.key, 0.0):
            found.append(call.key)
        ends[call.key] = max(call.ended, ends.get(call.key, 0.0))
    return found
