"""The figures as JSON."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter

from server.analytics import charts, queries
from server.analytics.filters import DEFAULT_PERIOD, period_named
from server.analytics.queries import Period, Scope
from server.analytics.windows import Window
from server.kit.clock import now
from server.kit.db import Database
from server.security.identity import Identity


@get("/api/v1/analytics/overview", opt={"permission": "analytics:read"}, tags=["analytics"])
async def overview(
    db: NamedDependency[Database],
    identity: NamedDependency[Identity],
    period: FromQuery[str] = DEFAULT_PERIOD,
    flow: FromQuery[UUID | None] = None,
    version: FromQuery[int | None] = None,
    channel: FromQuery[UUID | None] = None,
    intents: Annotated[int, QueryParameter(ge=1, le=1000, description="How many intents, the most frequent first.")] = 12,
) -> dict[str, Any]:
    """Totals, steps and the most frequent intents (in how many conversations each came up) of a period, of all flows or of one."""
    chosen, scope = period_named(period, now()), Scope(identity.tenant_id, flow, version, channel)
    async with db.snapshot(identity.tenant_id) as connection:
        counts = await queries.intents(connection, scope, chosen, intents)
        return {
            "period": _period(chosen),
            "totals": _figures(await queries.totals(connection, scope, chosen)),
            "series": [{"at": at, **_figures(f)} for at, f in await queries.series(connection, scope, chosen)],
            "intents": [{"intent": row.intent, "conversations": row.conversations} for row in counts],
        }


@get("/api/v1/analytics/figures", opt={"permission": "analytics:read"}, tags=["analytics"])
async def figures(
    db: NamedDependency[Database],
    identity: NamedDependency[Identity],
    period: FromQuery[str] = DEFAULT_PERIOD,
    flow: FromQuery[UUID | None] = None,
    version: FromQuery[int | None] = None,
    channel: FromQuery[UUID | None] = None,
) -> dict[str, Any]:
    """The dashboard's figures as Plotly documents."""
    chosen, scope = period_named(period, now()), Scope(identity.tenant_id, flow, version, channel)
    async with db.snapshot(identity.tenant_id) as connection:
        series = await queries.series(connection, scope, chosen)
        counts = await queries.intents(connection, scope, chosen)
    return {
        "period": _period(chosen),
        "figures": {
            "conversations": charts.conversations_figure(series),
            "messages": charts.messages_figure(series),
            "containment": charts.containment_figure(series),
            "intents": charts.intents_figure(counts),
            "latency": charts.latency_figure(series),
            "cost": charts.cost_figure(series),
        },
    }


def _period(period: Period) -> dict[str, datetime | float]:
    return {"start": period.start, "end": period.end, "step_s": period.step.total_seconds()}


def _figures(figures: Window) -> dict[str, Any]:
    return {
        "conversations": figures.conversations,
        "conversations_ended": figures.conversations_ended,
        "conversations_contained": figures.conversations_contained,
        "conversations_handed_off": figures.conversations_handed_off,
        "conversations_unresolved": figures.conversations_unresolved,
        "conversations_abandoned": figures.conversations_abandoned,
        "containment": figures.containment,
        "messages": figures.messages,
        "messages_in": figures.messages_in,
        "messages_out": figures.messages_out,
        "turns": figures.turns,
        "turn_ms_p50": figures.turn_percentile(0.5),
        "turn_ms_p95": figures.turn_percentile(0.95),
        "calls": figures.calls,
        "calls_failed": figures.calls_failed,
        "model_calls": figures.model_calls,
        "input_tokens": figures.input_tokens,
        "output_tokens": figures.output_tokens,
        "cost_usd": float(figures.cost_usd),
    }


handlers = [overview, figures]
