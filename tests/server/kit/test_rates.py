"""Token buckets: never more than the burst and the rate allow, whoever asks."""

import asyncio
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from server.kit.rates import LocalRates, Rate, SharedRates


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_goes_at_once_and_the_rest_is_spread() -> None:
    rates = LocalRates(10, Clock())
    waits = [rates.place(("a", Rate(2, 3))) for _ in range(6)]
    assert waits == [0, 0, 0, 0.5, 1.0, 1.5]


def test_no_place_is_given_further_ahead_than_asked_and_none_is_lost_by_asking() -> None:
    clock = Clock()
    rates = LocalRates(0, clock)
    assert rates.place(("a", Rate(1))) == 0
    assert [rates.place(("a", Rate(1))) for _ in range(5)] == [None] * 5
    assert rates.wait_s("a", Rate(1)) == 1
    clock.now += 1
    assert rates.place(("a", Rate(1))) == 0


def test_the_narrowest_of_several_buckets_decides() -> None:
    rates = LocalRates(10, Clock())
    whole = ("channel", Rate(10))
    assert rates.place(whole, ("ada", Rate(1))) == 0
    assert rates.place(whole, ("ada", Rate(1))) == 1
    assert rates.place(whole, ("grace", Rate(1))) == pytest.approx(1.1)


def test_buckets_that_are_empty_again_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.kit.rates.MOST_KEYS", 10)
    clock = Clock()
    rates = LocalRates(0, clock)
    for number in range(100):
        rates.place((f"visitor{number}", Rate(1)))
        clock.now += 2
    assert len(rates._full) <= 11


@given(st.floats(0.5, 50), st.integers(1, 20), st.lists(st.floats(0, 2), min_size=1, max_size=60))
def test_no_second_sees_more_than_burst_and_rate(per_second: float, burst: int, pauses: list[float]) -> None:
    clock = Clock()
    rates = LocalRates(200, clock)
    places = []
    for pause in pauses:
        clock.now += pause
        wait = rates.place(("a", Rate(per_second, burst)))
        places.append(clock.now + (wait or 0))
    for first in range(len(places)):
        for last in range(first, len(places)):
            span = places[last] - places[first]
            assert last - first + 1 <= burst + span * per_second + 1e-6


async def test_all_processes_share_one_bucket(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as one, Redis.from_url(redis_url) as other:
        bucket = (str(uuid4()), Rate(0.5, 4))
        processes = [SharedRates(one, 4.5), SharedRates(other, 4.5)]
        waits = await asyncio.gather(*(processes[n % 2].place(bucket) for n in range(6)))
        ahead = sorted(wait for wait in waits if wait)
        assert waits.count(0.0) == 4
        assert [round(wait) for wait in ahead] == [2, 4]
        assert await processes[0].place(bucket) is None


async def test_a_bucket_from_another_clock_is_empty(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis:
        key = str(uuid4())
        await redis.set(f"rate:{key}", "99999999999.0")
        assert await SharedRates(redis, 60).place((key, Rate(1))) == 0.0


async def test_without_redis_the_process_keeps_the_rate_alone() -> None:
    async with Redis.from_url("redis://127.0.0.1:9") as nobody:
        rates = SharedRates(nobody)
        assert [await rates.place(("a", Rate(1, 2))) for _ in range(3)] == [0, 0, None]
