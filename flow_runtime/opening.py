"""Opening hours: when a place is open, and when it opens next."""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
GROUPS: Mapping[str, frozenset[str]] = {
    "weekdays": frozenset(DAYS[:5]),
    "weekend": frozenset(DAYS[5:]),
    "every_day": frozenset(DAYS),
}
LOOK_AHEAD_DAYS = 370


def opens_at(now: datetime, rows: Iterable[Mapping[str, Any]], zone: tzinfo, closed: Collection[date] = ()) -> datetime | None:
    """The first moment from `now` on at which it is open, in UTC; None when there is none within a year.

    A row holds `day` (a weekday, weekdays, weekend or every_day), `from` and `to` as HH:MM in the zone. A `to` that is not later than
    `from` lies on the next day. `closed` are days at which it does not open.
    """
    spans = [(GROUPS.get(row["day"], frozenset((row["day"],))), _time(row["from"]), _time(row["to"])) for row in rows]
    first = now.astimezone(zone).date() - timedelta(days=1)  # a span of yesterday may reach into today
    for offset in range(LOOK_AHEAD_DAYS):
        day = first + timedelta(days=offset)
        if day in closed:
            continue
        of_the_day = (_span(day, start, end, zone) for days, start, end in spans if DAYS[day.weekday()] in days)
        still_open = [max(start, now.astimezone(UTC)) for start, end in of_the_day if end > now]
        if still_open:
            return min(still_open)
    return None


def _span(day: date, start: time, end: time, zone: tzinfo) -> tuple[datetime, datetime]:
    last = day if end > start else day + timedelta(days=1)
    return datetime.combine(day, start, zone).astimezone(UTC), datetime.combine(last, end, zone).astimezone(UTC)


def _time(text: str) -> time:
    """HH:MM; 24:00 is the midnight that ends the day."""
    hour, minute = text.split(":")
    return time(int(hour) % 24, int(minute))


def moment_in(text: str, zone: tzinfo) -> datetime | None:
    """The moment that an ISO 8601 text names, in UTC, or None; without an offset it is read in the zone, a date is its first minute."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    try:
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:
        return None
