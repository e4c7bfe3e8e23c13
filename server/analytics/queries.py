"""Every read of the figures: windows added up over a period, a flow, a version, a channel."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Interval, Select, Table, bindparam, cast, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.analytics.tables import intent_windows, windows
from server.analytics.windows import BOUNDS, Window

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
_SUMS = tuple(one.name for one in fields(Window) if one.name != "turn_ms")


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` up to but without `end`, both UTC, shown in steps of `step`."""

    start: datetime
    end: datetime
    step: timedelta

    @property
    def steps(self) -> list[datetime]:
        """The beginnings of the steps."""
        return [self.start + number * self.step for number in range(max(0, -(-(self.end - self.start) // self.step)))]


@dataclass(frozen=True, slots=True)
class Scope:
    """Which windows count: all of a tenant's, or those of one flow, version or channel."""

    tenant_id: UUID
    flow_id: UUID | None = None
    flow_version: int | None = None
    channel_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class IntentCount:
    """In how many conversations an intent was recognised."""

    intent: str
    conversations: int


async def totals(connection: AsyncConnection, scope: Scope, period: Period) -> Window:
    """The figures of the whole period."""
    query = _within(select(*_sums()), scope, period)
    row = (await connection.execute(query)).one()
    return _figures(row._mapping, await _bins(connection, scope, period))


async def series(connection: AsyncConnection, scope: Scope, period: Period) -> list[tuple[datetime, Window]]:
    """The figures of each step of the period, the empty ones too."""
    step = _step(period)
    query = _within(select(step.label("step"), *_sums()), scope, period).group_by(step)
    rows = {row.step: row for row in (await connection.execute(query)).all()}
    bins = await _bins_by_step(connection, scope, period)
    return [(at, _figures(rows[at]._mapping, bins.get(at, [])) if at in rows else Window()) for at in period.steps]


async def intents(connection: AsyncConnection, scope: Scope, period: Period, limit: int = 12) -> list[IntentCount]:
    """The most frequent intents of the period."""
    counted = func.sum(intent_windows.c.conversations)
    query = (
        _within(select(intent_windows.c.intent, counted.label("number")), scope, period, intent_windows)
        .group_by(intent_windows.c.intent)
        .order_by(counted.desc(), intent_windows.c.intent)
        .limit(limit)
    )
    return [IntentCount(row.intent, int(row.number)) for row in (await connection.execute(query)).all()]


def _sums() -> list[ColumnElement[Any]]:
    return [func.coalesce(func.sum(windows.c[name]), 0).label(name) for name in _SUMS]


def _within(query: Select[Any], scope: Scope, period: Period, table: Table = windows) -> Select[Any]:
    query = query.where(table.c.tenant_id == scope.tenant_id, table.c.minute >= period.start, table.c.minute < period.end)
    for name in ("flow_id", "flow_version", "channel_id"):
        if (wanted := getattr(scope, name)) is not None:
            query = query.where(table.c[name] == wanted)
    return query


def _step(period: Period) -> ColumnElement[datetime]:
    return func.date_bin(
        cast(bindparam("step", period.step, unique=True), Interval), windows.c.minute, bindparam("origin", period.start, unique=True)
    )


async def _bins(connection: AsyncConnection, scope: Scope, period: Period) -> list[int]:
    bins: list[int] = []
    for found in (await _bins_by_step(connection, scope, Period(period.start, period.end, period.end - period.start))).values():
        bins = found
    return bins


async def _bins_by_step(connection: AsyncConnection, scope: Scope, period: Period) -> dict[datetime, list[int]]:
    step = _step(period).label("step")
    inner = _within(select(step, windows.c.turn_ms), scope, period).subquery()
    counted = func.unnest(inner.c.turn_ms).table_valued("value", with_ordinality="number", name="bins").render_derived()
    query = (
        select(inner.c.step, counted.c.number, func.sum(counted.c.value).label("total"))
        .select_from(inner.join(counted, literal_column("true")))
        .where(counted.c.value > 0)
        .group_by(inner.c.step, counted.c.number)
    )
    found: dict[datetime, list[int]] = {}
    for row in (await connection.execute(query)).all():
        found.setdefault(row.step, [0] * (len(BOUNDS) + 1))[int(row.number) - 1] = int(row.total)
    return found


def _figures(sums: Any, bins: Sequence[int]) -> Window:
    counts = {name: int(sums[name]) for name in _SUMS if name != "cost_usd"}
    return Window(**counts, cost_usd=Decimal(sums["cost_usd"]), turn_ms=list(bins))
