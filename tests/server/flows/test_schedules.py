"""Schedules as choices, as cron fields and in words."""

from datetime import UTC, datetime

import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from flow_runtime.checks.triggers import cron_fault
from server.flows.due import next_moment
from server.flows.refusal import EditRefused
from server.flows.schedules import checked_cron, choices_of, cron_of, words_of

CHOICES = [
    ({"every": "hour", "at": "00:15"}, "15 * * * *", "every hour at minute 15"),
    ({"every": "day", "at": "9:05"}, "5 9 * * *", "every day at 09:05"),
    ({"every": "weekday", "at": "17:30"}, "30 17 * * 1-5", "Monday to Friday at 17:30"),
    ({"every": "week", "at": "08:00", "days": ["3", "1"]}, "0 8 * * 1,3", "every Monday and Wednesday at 08:00"),
    ({"every": "month", "at": "08:00", "day": "31"}, "0 8 31 * *", "on day 31 of every month at 08:00"),
    ({"every": "own", "cron": "*/10  8-18 * 1,7 *"}, "*/10 8-18 * 1,7 *", "by the schedule */10 8-18 * 1,7 *"),
]


@pytest.mark.parametrize(("choices", "cron", "words"), CHOICES)
def test_choices_make_cron_fields_and_come_back(choices: dict[str, object], cron: str, words: str) -> None:
    assert cron_of(choices) == cron
    assert choices_of(cron)["every"] == choices["every"]
    assert cron_of(choices_of(cron)) == cron
    assert words_of(cron) == words


@pytest.mark.parametrize(
    "cron",
    [
        "",
        "* * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "5-1 * * * *",
        "*/0 * * * *",
        "x * * * *",
        "0 9 31 2 *",
    ],
)
def test_fields_that_cannot_be_read_are_refused(cron: str) -> None:
    with pytest.raises(EditRefused) as refusal:
        checked_cron(cron)
    assert refusal.value.field == "cron"


@pytest.mark.parametrize(
    ("choices", "field"),
    [
        ({"every": "day", "at": "25:00"}, "at"),
        ({"every": "day"}, "at"),
        ({"every": "week", "at": "08:00", "days": []}, "days"),
        ({"every": "month", "at": "08:00", "day": "32"}, "day"),
    ],
)
def test_a_choice_that_is_incomplete_is_refused_at_its_field(choices: dict[str, object], field: str) -> None:
    with pytest.raises(EditRefused) as refusal:
        cron_of(choices)
    assert refusal.value.field == field


PARTS = (
    "*",
    "0",
    "5",
    "59",
    "60",
    "7",
    "1-5",
    "5-1",
    "5/10",
    "*/5",
    "*/0",
    "*/60",
    "1-5/7",
    "5-5",
    "L",
    "MON",
    "1#2",
    "1,2,",
    "05",
    "",
    "1-",
    "-5",
)
FIELDS = [st.lists(st.sampled_from(PARTS), min_size=1, max_size=2).map(",".join) for _ in range(5)]


@settings(max_examples=100, deadline=None)
@given(st.tuples(*FIELDS).map(" ".join))
def test_the_scheduler_reads_every_schedule_that_has_no_fault(cron: str) -> None:
    if cron_fault(cron) is None:
        next(CronSim(cron, datetime(2026, 1, 1, tzinfo=UTC)))


def test_what_is_never_due_is_said_so() -> None:
    assert next_moment("0 9 31 2,4 *", "UTC", datetime(2026, 1, 1, tzinfo=UTC)) is None
    with pytest.raises(EditRefused, match="never due"):
        checked_cron("0 9 30 2 *")
