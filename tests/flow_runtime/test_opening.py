"""When a place opens next, across nights, weekends, holidays and the change of the clocks."""

from datetime import UTC, date, datetime

import pytest

from flow_runtime.locales import zone
from flow_runtime.opening import moment_in, opens_at

OFFICE = [{"day": "weekdays", "from": "09:00", "to": "17:00"}, {"day": "saturday", "from": "10:00", "to": "14:00"}]
BAR = [{"day": "friday", "from": "20:00", "to": "02:00"}]


@pytest.mark.parametrize(
    ("rows", "now", "opens"),
    [
        (OFFICE, "2026-01-01T12:00", "2026-01-01T12:00"),  # a Thursday
        (OFFICE, "2026-01-01T06:00", "2026-01-01T09:00"),
        (OFFICE, "2026-01-01T17:00", "2026-01-02T09:00"),
        (OFFICE, "2026-01-03T15:00", "2026-01-05T09:00"),
        (BAR, "2026-01-03T01:00", "2026-01-03T01:00"),
        (BAR, "2026-01-03T02:00", "2026-01-09T20:00"),
        ([{"day": "every_day", "from": "00:00", "to": "24:00"}], "2026-01-01T23:59", "2026-01-01T23:59"),
    ],
)
def test_the_next_moment_it_is_open(rows: list[dict[str, str]], now: str, opens: str) -> None:
    berlin = zone("Europe/Berlin")
    found = opens_at(datetime.fromisoformat(now).replace(tzinfo=berlin), rows, berlin)
    assert found == datetime.fromisoformat(opens).replace(tzinfo=berlin)


def test_a_closed_day_is_passed_over() -> None:
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert opens_at(now, OFFICE, UTC, {date(2026, 1, 1)}) == datetime(2026, 1, 2, 9, tzinfo=UTC)
    assert opens_at(now, [], UTC) is None
    every_friday = {date.fromordinal(date(2026, 1, 2).toordinal() + 7 * week) for week in range(60)}
    assert opens_at(now, BAR, UTC, every_friday) is None


def test_hours_are_the_clock_on_the_wall() -> None:
    """On the night to 29 March 2026 Berlin's clocks go from two to three."""
    berlin = zone("Europe/Berlin")
    sunday = [{"day": "sunday", "from": "09:00", "to": "10:00"}]
    assert opens_at(datetime(2026, 3, 28, 22, tzinfo=UTC), sunday, berlin) == datetime(2026, 3, 29, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-07-01T09:30", datetime(2026, 7, 1, 7, 30, tzinfo=UTC)),
        (" 2026-07-01 ", datetime(2026, 6, 30, 22, tzinfo=UTC)),
        ("2026-07-01T09:30:00Z", datetime(2026, 7, 1, 9, 30, tzinfo=UTC)),
        ("tomorrow", None),
        ("", None),
        ("0001-01-01", None),
    ],
)
def test_a_moment_without_an_offset_is_local(text: str, moment: datetime | None) -> None:
    assert moment_in(text, zone("Europe/Berlin")) == moment
