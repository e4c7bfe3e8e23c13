"""How fast a webhook is told: so many messages a second as its owner chose, and few at once, so that a slow one does not fill the workers.

The rate is shared by all processes and gives each message a place in time; how many are under way is counted by each process.
"""

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from uuid import UUID

from redis.asyncio import Redis

from server.kit.rates import Rate, SharedRates

AT_ONCE = 4
"""Messages that one process sends to one webhook at the same time; a worker does 16 jobs at once."""
AHEAD_S = 600.0
SOON_S = 0.5
"""A place that is so near is taken at once."""
FULL_S = (5.0, 60.0)

_under_way: Counter[tuple[UUID, UUID]] = Counter()


async def place_s(redis: Redis, tenant_id: UUID, webhook_id: UUID, per_second: int) -> tuple[float, bool]:
    """In how many seconds a message may be sent, and whether that place is its own; else it asks again then."""
    found = await _rates(redis).place((f"webhook:{tenant_id}:{webhook_id}", Rate(per_second, per_second)))
    return (random.uniform(AHEAD_S / 2, AHEAD_S), False) if found is None else (found, True)


@contextmanager
def under_way(tenant_id: UUID, webhook_id: UUID) -> Iterator[float]:
    """One more message is sent to it while this lasts, if the value is 0; else it has to come again in so many seconds."""
    key = (tenant_id, webhook_id)
    if _under_way[key] >= AT_ONCE:
        yield random.uniform(*FULL_S)
        return
    _under_way[key] += 1
    try:
        yield 0.0
    finally:
        _under_way[key] -= 1
        if not _under_way[key]:
            del _under_way[key]


@lru_cache(maxsize=8)
def _rates(redis: Redis) -> SharedRates:
    return SharedRates(redis, AHEAD_S)
