"""The one place that asks what time it is. All processes go by the database's clock: keeping_time.py says how far ours is ahead of it."""

from datetime import UTC, datetime, timedelta

_ahead = timedelta()


def now() -> datetime:
    """The current moment, timezone-aware, in UTC."""
    return machine() - _ahead


def machine() -> datetime:
    """The same as this machine's own clock has it."""
    return datetime.now(UTC)


def is_ahead(by: timedelta) -> None:
    """From now on this machine's clock counts as ahead of the truth by so much (behind it when negative)."""
    global _ahead
    _ahead = by
