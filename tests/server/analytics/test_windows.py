"""Windows count what the events say, in whatever portions they come."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from server.analytics.windows import BOUNDS, OUT_OF_SCOPE, Event, IntentKey, WindowKey, bin_of, percentile, roll

NOON = datetime(2026, 5, 1, 12, 0, 30, tzinfo=UTC)
FLOW, CHANNEL = UUID(int=1), UUID(int=2)


def event(type: str, at: datetime = NOON, **props: object) -> Event:
    return Event(type, at, FLOW, 3, CHANNEL, dict(props))


def key(at: datetime = NOON) -> WindowKey:
    return WindowKey(at.replace(second=0), FLOW, 3, CHANNEL)


class TestWindows:
    def test_count_a_whole_conversation(self) -> None:
        windows, _ = roll(
            [
                event("conversation.started"),
                event("message.received"),
                event("message.sent"),
                event("message.sent"),
                event("turn.taken", ms=4.2),
                event("call.finished", kind="integration.call", ok=False),
                event("model.used", input_tokens=10, output_tokens=5, cost_usd=0.0001),
                event("conversation.ended", outcome="contained"),
            ]
        )
        window = windows[key()]
        assert (window.conversations, window.messages_in, window.messages_out, window.turns) == (1, 1, 2, 1)
        assert (window.calls, window.calls_failed, window.model_calls, window.cost_usd) == (1, 1, 1, Decimal("0.0001"))
        assert (window.conversations_ended, window.conversations_contained, window.conversations_handed_off) == (1, 1, 0)

    def test_keep_minutes_apart(self) -> None:
        later = NOON + timedelta(minutes=1)
        windows, _ = roll([event("message.sent"), event("message.sent", later)])
        assert {k: w.messages_out for k, w in windows.items()} == {key(): 1, key(later): 1}

    def test_pass_over_events_that_they_do_not_count(self) -> None:
        assert roll([event("flow.published", version=3)]) == ({}, {})

    def test_an_intent_out_of_scope_has_a_row_of_its_own(self) -> None:
        _, intents = roll(
            [event("intent.classified", intent="refund", in_scope=True), event("intent.classified", intent=None, in_scope=False)]
        )
        minute = NOON.replace(second=0)
        assert intents == {IntentKey(minute, FLOW, 3, "refund"): 1, IntentKey(minute, FLOW, 3, OUT_OF_SCOPE): 1}


class TestPercentile:
    @pytest.mark.parametrize("ms", [0.1, 1, 7.3, 250, 9_000])
    def test_is_within_ten_percent_of_the_truth(self, ms: float) -> None:
        bins = [0] * (len(BOUNDS) + 1)
        bins[bin_of(ms)] += 100
        assert percentile(bins, 0.95) == pytest.approx(max(ms, 1), rel=0.1)

    def test_of_nothing_is_unknown(self) -> None:
        assert percentile([0] * (len(BOUNDS) + 1), 0.95) is None

    def test_of_turns_slower_than_every_bin_is_the_last_bound(self) -> None:
        bins = [0] * (len(BOUNDS) + 1)
        bins[bin_of(10_000_000)] += 1
        assert percentile(bins, 0.5) == BOUNDS[-1]
