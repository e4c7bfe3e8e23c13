"""Figures as Plotly documents: data and layout as plain dictionaries that the browser draws.

Colours come from the page's theme in the browser (`ui/src/analytics.ts`), so a figure names a role, not a colour.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from server.analytics.queries import Figures, IntentCount

Series = Sequence[tuple[datetime, Figures]]
Figure = dict[str, Any]


def conversations_figure(series: Series) -> Figure:
    """Conversations started, and how those that ended did."""
    at = _at(series)
    return _figure(
        [
            _bar("Started", at, [f.conversations for _, f in series], "accent"),
            _bar("Contained", at, [f.conversations_contained for _, f in series], "good"),
            _bar("Handed off", at, [f.conversations_handed_off for _, f in series], "warning"),
        ],
        "conversations",
        barmode="group",
    )


def messages_figure(series: Series) -> Figure:
    """Messages from customers and from the flow."""
    at = _at(series)
    received = _line("From customers", at, [f.messages_in for _, f in series], "accent")
    sent = _line("From the flow", at, [f.messages_out for _, f in series], "second")
    return _figure([received, sent], "messages")


def containment_figure(series: Series) -> Figure:
    """The share of ended conversations that the flow finished by itself, in per cent."""
    values = [None if f.containment is None else round(100 * f.containment, 1) for _, f in series]
    figure = _figure([_line("Containment", _at(series), values, "good")], "% of ended conversations")
    figure["layout"]["yaxis"]["range"] = [0, 105]
    return figure


def intents_figure(counts: Sequence[IntentCount]) -> Figure:
    """The most frequent intents, the most frequent at the top."""
    rows = list(reversed(counts))
    names = [row.intent for row in rows]
    bar = {"type": "bar", "orientation": "h", "name": "Recognised", "x": [row.count for row in rows], "y": names, "customdata": names}
    figure = _figure([{**bar, "meta": {"role": "accent"}}], "")
    figure["layout"] |= {"yaxis": {"automargin": True, "type": "category"}, "xaxis": {"title": {"text": "times"}, "rangemode": "tozero"}}
    return figure


def latency_figure(series: Series) -> Figure:
    """How long turns took: the median and the slowest twentieth, in milliseconds."""
    at = _at(series)
    median = _line("p50", at, [f.turn_percentile(0.5) for _, f in series], "second")
    slow = _line("p95", at, [f.turn_percentile(0.95) for _, f in series], "accent")
    return _figure([median, slow], "ms")


def cost_figure(series: Series) -> Figure:
    """What model calls cost, in US dollars."""
    return _figure([_bar("Model cost", _at(series), [float(f.cost_usd) for _, f in series], "accent")], "US dollars")


def _at(series: Series) -> list[str]:
    return [at.strftime("%Y-%m-%d %H:%M") for at, _ in series]


def _bar(name: str, x: list[str], y: list[Any], role: str) -> dict[str, Any]:
    return {"type": "bar", "name": name, "x": x, "y": y, "meta": {"role": role}}


def _line(name: str, x: list[str], y: list[Any], role: str) -> dict[str, Any]:
    return {"type": "scatter", "mode": "lines+markers", "name": name, "x": x, "y": y, "connectgaps": False, "meta": {"role": role}}


def _figure(data: list[dict[str, Any]], unit: str, **layout: Any) -> Figure:
    return {
        "data": data,
        "layout": {
            "xaxis": {"type": "date"},
            "yaxis": {"title": {"text": unit}, "rangemode": "tozero"},
            "showlegend": len(data) > 1,
            **layout,
        },
    }
