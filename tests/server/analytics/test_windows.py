"""Windows count what the events say, in whatever portions they come."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from server.analytics.windows import BOUNDS, OUT_OF_SCOPE, Event, WindowKey, bin_of, percentile, recognised, roll

NOON = datetime(2026, 5, 1, 12, 0, 30, tzinfo=UTC)
FLOW, CHANNEL, CONVERSATION = UUID(int=1), UUID(int=2), UUID(int=3)


def event(type: str, at: datetime = NOON, **props: object) -> Event:
    return Event(type, at, FLOW, 3, CHANNEL, dict(props), CONVERSATION)


def key(at: datetime = NOON) -> WindowKey:
    return WindowKey(at.replace(second=0), FLOW, 3, CHANNEL)


class TestWindows:
    def test_count_a_whole_conversation(self) -> None:
        windows = roll(
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
        windows = roll([event("message.sent"), event("message.sent", later)])
        assert {k: w.messages_out for k, w in windows.items()} == {key(): 1, key(later): 1}

    def test_pass_over_events_that_they_do_not_count(self) -> None:
        assert roll([event("flow.published", version=3)]) == {}

    @pytest.mark.parametrize("outcome", ["contained", "handed_off", "unresolved", "abandoned"])
    def test_tell_apart_how_conversations_ended(self, outcome: str) -> None:
        window = roll([event("conversation.ended", outcome=outcome)])[key()]
        counted = {name: getattr(window, f"conversations_{name}") for name in ("contained", "handed_off", "unresolved", "abandoned")}
        assert counted == {name: int(name == outcome) for name in counted}


class TestRecognised:
    def test_a_conversation_shows_an_intent_once(self) -> None:
        first, again = (event("intent.classified", NOON + timedelta(minutes=n), intent="refund", in_scope=True) for n in range(2))
        assert recognised([first, again]) == {(CONVERSATION, "refund"): first}

    def test_words_out_of_scope_count_as_an_intent_of_their_own(self) -> None:
        unknown = event("intent.classified", intent=None, in_scope=False)
        assert recognised([unknown]) == {(CONVERSATION, OUT_OF_SCOPE): unknown}

    def test_a_guess_that_the_flow_asked_for_counts(self) -> None:
        guess = event("intent.classified", intent="refund", in_scope=False)
        assert set(recognised([guess])) == {(CONVERSATION, "refund")}


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
