"""Figures as Plotly documents: data and layout as plain dictionaries that the browser draws.

Colours come from the page's theme in the browser (`ui/src/charts.ts`), so a trace names its role, not a colour. A trace's `drill` says
which filters lead to the conversations behind one of its points; its step, or its intent, comes on top.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from server.analytics.queries import IntentCount
from server.analytics.windows import Window

Series = Sequence[tuple[datetime, Window]]
Figure = dict[str, Any]
Drill = dict[str, str]
DAY = timedelta(days=1)
STARTED: Drill = {"by": "started"}
ACTIVE: Drill = {"by": "active"}


def ended_with(outcome: str) -> Drill:
    """The filters of the conversations that ended in this way."""
    return {"by": "ended", "outcome": outcome}


def conversations_figure(series: Series) -> Figure:
    """Conversations started, and how those that ended did."""
    at = _at(series)
    bars = [
        _bar("Contained", at, [f.conversations_contained for _, f in series], "accent", ended_with("contained")),
        _bar("Handed off", at, [f.conversations_handed_off for _, f in series], "second", ended_with("handed_off")),
        _bar("Unresolved", at, [f.conversations_unresolved for _, f in series], "warning", ended_with("unresolved")),
        _bar("Abandoned", at, [f.conversations_abandoned for _, f in series], "muted", ended_with("abandoned")),
    ]
    used = [bar for number, bar in enumerate(bars) if number == 0 or any(bar["y"])]
    started = _line("Started", at, [f.conversations for _, f in series], "text", STARTED)
    for trace in (*used, started):
        trace["hovertemplate"] = f"%{{x}}<br>%{{y}} {trace['name'].lower()}<extra></extra>"
    layout = {"barmode": "stack", "hovermode": "closest", "legend": {"traceorder": "reversed"}}
    return _figure([*used, started], series, **layout)


def messages_figure(series: Series) -> Figure:
    """Messages from customers and from the flow."""
    at = _at(series)
    received = _line("From customers", at, [f.messages_in for _, f in series], "accent", ACTIVE)
    sent = _line("From the flow", at, [f.messages_out for _, f in series], "second", ACTIVE)
    return _figure([received, sent], series)


def containment_figure(series: Series) -> Figure:
    """The share of ended conversations that the flow finished by itself, in per cent."""
    values = [None if f.containment is None else round(100 * f.containment, 1) for _, f in series]
    line = _line("Containment", _at(series), values, "good", ended_with("contained"))
    line["connectgaps"] = True
    line["customdata"] = [[f.conversations_contained, f.conversations_ended] for _, f in series]
    line["hovertemplate"] = "%{y}%: %{customdata[0]} of %{customdata[1]}<extra></extra>"
    figure = _figure([line], series)
    figure["layout"]["yaxis"] |= {"range": [0, 105], "ticksuffix": "%", "dtick": 25}
    return figure


def intents_figure(counts: Sequence[IntentCount]) -> Figure:
    """In how many conversations each of the most frequent intents came up, the most frequent at the top."""
    rows = list(reversed(counts))
    bar = _bar("Conversations", [row.conversations for row in rows], [row.intent for row in rows], "accent", {"by": "intent"})
    bar |= {"orientation": "h", "text": [row.conversations for row in rows], "textposition": "outside", "cliponaxis": False}
    bar["hovertemplate"] = "%{y}: %{x}<extra></extra>"
    axes = {
        "yaxis": {"type": "category", "showgrid": False, "ticksuffix": "  ", "dtick": 1},
        "xaxis": {"visible": False, "rangemode": "tozero"},
    }
    return {"data": [bar], "layout": {"showlegend": False, "hovermode": "closest", **axes}}


def latency_figure(series: Series) -> Figure:
    """How long turns took: the median and the slowest twentieth, in milliseconds."""
    at = _at(series)
    median = _line("Median", at, [_rounded(f.turn_percentile(0.5)) for _, f in series], "second", ACTIVE)
    slow = _line("Slowest twentieth (p95)", at, [_rounded(f.turn_percentile(0.95)) for _, f in series], "accent", ACTIVE)
    figure = _figure([median, slow], series)
    figure["layout"]["yaxis"]["ticksuffix"] = " ms"
    return figure


def cost_figure(series: Series) -> Figure:
    """What model calls cost, in US dollars."""
    figure = _figure([_bar("Model cost", _at(series), [float(f.cost_usd) for _, f in series], "accent", ACTIVE)], series)
    figure["layout"]["yaxis"]["tickprefix"] = "$"
    return figure


def _at(series: Series) -> list[str]:
    return [at.strftime("%Y-%m-%d %H:%M") for at, _ in series]


def _rounded(ms: float | None) -> float | None:
    return None if ms is None else round(ms, 1)


def _bar(name: str, x: Sequence[Any], y: Sequence[Any], role: str, drill: Drill) -> dict[str, Any]:
    return {"type": "bar", "name": name, "x": x, "y": y, "meta": {"role": role, "drill": drill}}


def _line(name: str, x: Sequence[Any], y: Sequence[Any], role: str, drill: Drill) -> dict[str, Any]:
    line = {"type": "scatter", "mode": "lines+markers", "name": name, "x": x, "y": y, "connectgaps": False}
    return {**line, "meta": {"role": role, "drill": drill}}


def _figure(data: list[dict[str, Any]], series: Series, **layout: Any) -> Figure:
    days = len(series) < 2 or series[1][0] - series[0][0] >= DAY
    return {
        "data": data,
        "layout": {
            "xaxis": {
                "type": "date",
                "showgrid": False,
                "tickformat": "%-d %b" if days else "%H:%M\n%-d %b",
                "hoverformat": "%A, %-d %B" if days else "%-d %B, %H:%M",
            },
            "yaxis": {"rangemode": "tozero"},
            "hovermode": "x unified",
            "showlegend": len(data) > 1,
            **layout,
        },
    }
