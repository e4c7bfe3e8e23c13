"""How often something may happen: token buckets, shared by all processes through Redis, kept in the process while Redis is away.

The bucket is the generic cell rate algorithm (ITU-T I.371): one number per key, the moment at which the bucket would be full again. A
place in time is given out even when it lies ahead, so that those who wait are spread and none of them asks twice.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from redis.asyncio import Redis

ANSWER_WITHIN_S = 0.5
LOCAL_FOR_S = 5.0
MOST_KEYS = 20_000

log = logging.getLogger(__name__)

# KEYS: the buckets. ARGV: how far ahead a place may lie, then for each bucket its gap and its burst, all in seconds and pieces.
# A bucket that is fuller than it can be was written under another clock, and counts as empty.
_SCRIPT = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6
local ahead = tonumber(ARGV[1])
local at, full = now, {}
for i, key in ipairs(KEYS) do
  local gap, burst = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local there = tonumber(redis.call('GET', key) or now)
  if there > now + ahead + (burst + 1) * gap then there = now end
  full[i] = there
  at = math.max(at, there - (burst - 1) * gap)
end
if at - now > ahead then return '-1' end
for i, key in ipairs(KEYS) do
  local then_full = math.max(full[i], at) + tonumber(ARGV[2 * i])
  redis.call('SET', key, string.format('%.6f', then_full), 'PX', math.ceil((then_full - now) * 1000) + 1000)
end
return string.format('%.6f', at - now)
"""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many per second in the long run, and so many at once."""

    per_second: float
    burst: int = 1

    @property
    def gap_s(self) -> float:
        """The seconds between two of them."""
        return 1 / self.per_second


Bucket = tuple[str, Rate]


class LocalRates:
    """Buckets of one process. Places are given out as far ahead as `ahead_s`."""

    def __init__(self, ahead_s: float = 0.0, now: Callable[[], float] = time.monotonic) -> None:
        self._ahead_s = ahead_s
        self._now = now
        self._full: dict[str, float] = {}

    def place(self, *buckets: Bucket) -> float | None:
        """How many seconds to wait for the next free place in all the buckets, which is taken; None when it lies too far ahead."""
        now = self._now()
        at = max((now, *(self._full.get(key, now) - (rate.burst - 1) * rate.gap_s for key, rate in buckets)))
        if at - now > self._ahead_s:
            return None
        for key, rate in buckets:
            self._full[key] = max(self._full.get(key, now), at) + rate.gap_s
        if len(self._full) > MOST_KEYS:
            self._full = {key: full for key, full in self._full.items() if full > now}
        return at - now

    def wait_s(self, key: str, rate: Rate) -> float:
        """How many seconds until a place is free at once; nothing is taken."""
        now = self._now()
        return max(0.0, self._full.get(key, now) - (rate.burst - 1) * rate.gap_s - now)


class SharedRates:
    """The same for all processes. What Redis does not answer in time is decided here: the limit then holds for each process."""

    def __init__(self, redis: Redis, ahead_s: float = 0.0) -> None:
        self._script = redis.register_script(_SCRIPT)
        self._ahead_s = ahead_s
        self._local = LocalRates(ahead_s)
        self._local_until = 0.0

    async def place(self, *buckets: Bucket) -> float | None:
        """As LocalRates.place."""
        if time.monotonic() >= self._local_until:
            try:
                async with asyncio.timeout(ANSWER_WITHIN_S):
                    told = float(await self._script([f"rate:{key}" for key, _ in buckets], _arguments(buckets, self._ahead_s)))
                return None if told < 0 else told
            except Exception as error:  # on a bad line the client raises what its parser stumbles over
                self._local_until = time.monotonic() + LOCAL_FOR_S
                log.warning("rates are kept by this process alone for %.0f s: %r", LOCAL_FOR_S, error)
        return self._local.place(*buckets)


def _arguments(buckets: Sequence[Bucket], ahead_s: float) -> list[str]:
    return [repr(ahead_s), *(text for _, rate in buckets for text in (repr(rate.gap_s), str(rate.burst)))]
