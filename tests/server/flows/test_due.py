"""When schedules are due."""

from datetime import UTC, datetime

import pytest

from server.flows.due import next_moment, problems_of_schedules, quiet_until


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "time_zone", "after", "due"),
    [
        ("* * * * *", "UTC", "2026-03-01T10:00:30", "2026-03-01T10:01:00"),
        ("0 9 * * 1-5", "Europe/Berlin", "2026-03-06T12:00", "2026-03-09T08:00"),
        ("0 9 * * *", "Europe/Berlin", "2026-03-28T12:00", "2026-03-29T07:00"),
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00", "2026-03-29T01:00"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00", "2026-10-25T00:30"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30", "2026-10-26T01:30"),
        ("0 0 29 2 *", "UTC", "2026-03-01T00:00", "2028-02-29T00:00"),
    ],
)
def test_the_next_moment(cron: str, time_zone: str, after: str, due: str) -> None:
    assert next_moment(cron, time_zone, at(after)) == at(due)


def schedule_of(cron: str, time_zone: str = "UTC") -> dict[str, object]:
    return {"triggers": [{"id": "s", "type": "schedule", "node": "n", "cron": cron, "time_zone": time_zone}]}


@pytest.mark.parametrize(
    ("cron", "time_zone", "sentence"),
    [
        ("61 * * * *", "UTC", '"61 * * * *" is no schedule. Give minute, hour,'),
        ("nonsense x y z *", "UTC", '"nonsense x y z *" is no schedule.'),
        ("0 9 * * *", "Europe/Atlantis", 'There is no time zone "Europe/Atlantis". Use a name such as Europe/Berlin.'),
        ("0 9 * * *", "../../etc/passwd", "There is no time zone"),
        ("0 0 31 2 *", "UTC", ""),
    ],
)
def test_a_schedule_that_is_never_due_is_a_problem(cron: str, time_zone: str, sentence: str) -> None:
    [problem] = problems_of_schedules(schedule_of(cron, time_zone))
    assert (problem.code, problem.severity, problem.node_id) == ("bad_schedule", "error", "n")
    assert problem.message.startswith(sentence)


def test_a_good_schedule_is_none() -> None:
    assert problems_of_schedules(schedule_of("0 9 * * 1", "Asia/Tokyo")) == []
    assert problems_of_schedules({"triggers": [{"id": "c", "type": "conversation_start", "node": "n"}]}) == []


@pytest.mark.parametrize(
    ("hours", "moment", "until"),
    [
        (("22:00", "07:00"), "2026-03-06T21:30", "2026-03-07T06:00"),
        (("22:00", "07:00"), "2026-03-07T05:59", "2026-03-07T06:00"),
        (("22:00", "07:00"), "2026-03-07T06:00", None),
        (("12:00", "13:00"), "2026-03-07T11:30", "2026-03-07T12:00"),
        (("12:00", "13:00"), "2026-03-07T12:00", None),
        (("22:00", "07:00"), "2026-03-28T23:00", "2026-03-29T05:00"),
    ],
)
def test_quiet_hours_in_the_flows_time_zone(hours: tuple[str, str], moment: str, until: str | None) -> None:
    settings = {"time_zone": "Europe/Berlin", "quiet_hours": {"from": hours[0], "to": hours[1]}}
    assert quiet_until(settings, at(moment)) == (until and at(until))
    assert quiet_until({}, at(moment)) is None
