"""Processes go by the database's clock, whatever their machine's says."""

from datetime import UTC, datetime, timedelta

import pytest

from server.kit import clock
from server.kit.db import Database
from server.kit.keeping_time import compare, difference, keeping_time

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("asked", "told", "answered", "expected"),
    [
        (NOON, NOON, NOON, 0),
        (NOON, NOON + SECOND, NOON, 0),
        (NOON, NOON - 600 * SECOND, NOON, 600),
        (NOON, NOON + 600 * SECOND, NOON + 2 * SECOND, -599),
        (NOON, NOON + 20 * SECOND, NOON + 40 * SECOND, 0),
        (NOON, NOON + 38 * SECOND, NOON + 40 * SECOND, 0),  # the answer may have been on its way for that long
    ],
)
def test_a_difference_counts_when_the_way_does_not_explain_it(asked: datetime, told: datetime, answered: datetime, expected: int) -> None:
    assert difference(asked, told, answered) == expected * SECOND


@pytest.mark.parametrize("minutes", [-10, 10])
async def test_a_clock_that_is_wrong_is_corrected(db: Database, monkeypatch: pytest.MonkeyPatch, minutes: int) -> None:
    real = clock.machine
    monkeypatch.setattr(clock, "_ahead", timedelta())
    monkeypatch.setattr(clock, "machine", lambda: real() + timedelta(minutes=minutes))
    async with keeping_time(db):
        assert abs(clock.now() - real()) < 5 * SECOND


async def test_a_clock_that_is_right_is_left_alone(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_ahead", 600 * SECOND)
    await compare(db)
    assert clock._ahead == timedelta()


async def test_without_the_database_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_ahead", 600 * SECOND)
    away = Database("postgresql://nobody@127.0.0.1:1/nothing")
    await compare(away)
    await away.close()
    assert clock._ahead == 600 * SECOND
