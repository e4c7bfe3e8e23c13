"""Who has to come again later: a visitor who writes too fast, a workspace whose messages wait, everybody when the process is full.

What is turned away is told when it may be taken, from what waits and how fast turns were taken in the last seconds.
"""

import math
import time
from collections.abc import Callable
from uuid import UUID

from server.kit.errors import Problem
from server.kit.rates import LocalRates, Rate
from server.turns.queue import Queue

MOST_WAITING = 5_000
MOST_OF_A_TENANT = 2_000
LONGEST_S = 60
BURST_S = 3
MEMORY_S = 5.0


class Pace:
    """How many turns are taken per second, of late: what was counted fades with time."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._at = now()
        self._faded = 0.0

    def note(self, count: int) -> None:
        """So many were taken just now."""
        self._fade()
        self._faded += count

    def per_second(self) -> float:
        """The turns per second of the last few seconds."""
        self._fade()
        return self._faded / MEMORY_S

    def _fade(self) -> None:
        now = self._now()
        self._faded *= math.exp((self._at - now) / MEMORY_S)
        self._at = now


class Admission:
    """The limits of one process. `visitor_rate` is messages per second of one conversation; 0 is no limit."""

    def __init__(self, queue: Queue, visitor_rate: int, now: Callable[[], float] = time.monotonic) -> None:
        self.pace = Pace(now)
        self._queue = queue
        self._visitor = Rate(visitor_rate, visitor_rate * BURST_S) if visitor_rate else None
        self._visitors = LocalRates(now=now)

    def check_visitor(self, conversation_id: UUID) -> None:
        """Count a visitor's message; raises Problem 429 for one who writes faster than anybody types."""
        rate = self._visitor
        if rate is None or self._visitors.place((conversation_id.hex, rate)) is not None:
            return
        wait_s = self._visitors.wait_s(conversation_id.hex, rate)
        words = "These messages come too fast. Wait a moment, then send the last one again."
        raise Problem(429, "too_many_messages", words, headers=_headers(wait_s, rate.burst))

    def check_room(self, tenant_id: UUID) -> None:
        """Raises Problem 503 when the process is full, 429 when the workspace has taken its share of it."""
        waiting = len(self._queue)
        if waiting >= MOST_WAITING:
            words = "The server is busy. Send the message again in a moment."
            raise Problem(503, "busy", words, headers=_headers(self._wait_s(waiting)))
        own = self._queue.length_of(tenant_id)
        if own >= MOST_OF_A_TENANT:
            words = "Too many messages of this workspace wait for their answers. Send this one again in a moment."
            raise Problem(429, "workspace_busy", words, headers=_headers(self._wait_s(own * self._queue.tenants()), MOST_OF_A_TENANT))

    def _wait_s(self, waiting: int) -> float:
        """When half of what waits will be done."""
        return waiting / 2 / max(self.pace.per_second(), 1.0)


def _headers(wait_s: float, limit: int | None = None) -> dict[str, str]:
    seconds = str(min(max(1, math.ceil(wait_s)), LONGEST_S))
    if limit is None:
        return {"Retry-After": seconds}
    return {"Retry-After": seconds, "RateLimit-Limit": str(limit), "RateLimit-Remaining": "0", "RateLimit-Reset": seconds}
