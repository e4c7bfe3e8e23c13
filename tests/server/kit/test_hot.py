"""What waits for the same statement goes together, each with its own outcome."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest

from server.kit.db import Database
from server.kit.hot import MOST, Together, together
from server.kit.ids import uuid7


class Doubling:
    """Doubles numbers; notes how many came together; cannot double 13."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.go = asyncio.Event()

    async def __call__(self, connection: Any, tenant_id: UUID, numbers: Sequence[int]) -> list[int]:
        self.batches.append(list(numbers))
        await self.go.wait()
        if 13 in numbers:
            raise ValueError("unlucky")
        return [int(await connection.fetchval("select $1::int * 2", number)) for number in numbers]


async def test_the_first_goes_at_once_and_the_others_together(db: Database) -> None:
    doubling = Doubling()
    work, tenant_id = Together(db, doubling), uuid7()
    waiting = [asyncio.create_task(work.do(tenant_id, number)) for number in range(3)]
    await asyncio.sleep(0)
    doubling.go.set()
    assert await asyncio.gather(*waiting) == [0, 2, 4]
    numbers = range(100, 100 + MOST + 2)
    assert await asyncio.gather(*(work.do(tenant_id, number) for number in numbers)) == [2 * number for number in numbers]
    assert max(map(len, doubling.batches)) == MOST


async def test_the_one_at_fault_does_not_disturb_the_others(db: Database) -> None:
    doubling = Doubling()
    doubling.go.set()
    ended = await asyncio.gather(
        *(together(db, doubling).do(one, 13 + n) for one in (uuid7(), uuid7()) for n in range(3)), return_exceptions=True
    )
    assert [type(one) if isinstance(one, Exception) else one for one in ended] == 2 * [ValueError, 28, 30]


async def test_who_does_not_wait_any_more_disturbs_nobody(db: Database) -> None:
    doubling = Doubling()
    work, tenant_id = Together(db, doubling), uuid7()
    waiting = [asyncio.create_task(work.do(tenant_id, number)) for number in range(3)]
    await asyncio.sleep(0)
    waiting[1].cancel()
    doubling.go.set()
    assert await waiting[0] == 0
    assert await waiting[2] == 4
    with pytest.raises(asyncio.CancelledError):
        await waiting[1]
