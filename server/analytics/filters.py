"""What the address of a dashboard says: the period, the flow, the version, the channel."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from server.analytics.queries import DAY, HOUR, Period, Scope
from server.kit.errors import Problem

PERIODS: dict[str, tuple[str, timedelta, timedelta]] = {
    "24h": ("Last 24 hours", DAY, HOUR),
    "7d": ("Last 7 days", 7 * DAY, 6 * HOUR),
    "14d": ("Last 14 days", 14 * DAY, DAY),
    "30d": ("Last 30 days", 30 * DAY, DAY),
}
DEFAULT_PERIOD = "14d"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def period_named(name: str, at: datetime) -> Period:
    """The period called `name` that ends with the step that `at` lies in; 422 for an unknown name."""
    if name not in PERIODS:
        raise Problem(422, "unknown_period", f"The period must be one of {', '.join(PERIODS)}.", fields={"period": "unknown period"})
    _, length, step = PERIODS[name]
    end = _EPOCH + ((at - _EPOCH) // step + 1) * step
    return Period(end - length, end, step)


def before(period: Period) -> Period:
    """The period of the same length just before."""
    length = period.end - period.start
    return Period(period.start - length, period.start, period.step)


def query_of(period: str, scope: Scope) -> str:
    """The query string that leads back to the same figures."""
    parts: dict[str, str | UUID | int | None] = {
        "period": period,
        "flow": scope.flow_id,
        "version": scope.flow_version,
        "channel": scope.channel_id,
    }
    return urlencode({name: str(value) for name, value in parts.items() if value is not None})
