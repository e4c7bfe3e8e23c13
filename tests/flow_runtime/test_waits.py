"""Waits that end by themselves, calls with their retries, and what a conversation is told at its beginning."""

from datetime import timedelta
from typing import Any

import pytest

from flow_runtime import Call, CallResult, Input, NotExpected, Step, TimerFired, Turn
from tests.flow_runtime.playing import AT, Chat, flow_of, say, scripted


def _patient(turn: Turn, input: Input | None = None) -> Step:
    """Waits for a message, a minute at most."""
    if input is None:
        return Step(wait_for="message", timeout_s=60)
    return Step(set={"came": type(input).__name__}, end="completed")


def test_a_wait_with_a_timeout_sets_its_timer() -> None:
    chat = Chat(scripted(_patient))
    chat.opens()
    (timer,) = chat.timers
    assert timer.due_at == AT + timedelta(seconds=60)
    assert (chat.state.timeout_id, chat.state.waiting_for) == (timer.timer_id, "message")


def test_the_timer_wakes_the_node() -> None:
    chat = Chat(scripted(_patient))
    chat.opens()
    chat.gives(TimerFired(chat.timers[0].timer_id, at=AT))
    assert chat.state.variables["came"] == "TimerFired"
    assert chat.cancelled == []
    assert chat.state.timeout_id is None


def test_an_answer_in_time_cancels_the_timer() -> None:
    chat = Chat(scripted(_patient))
    chat.opens()
    timer = chat.timers[0].timer_id
    chat.hears("here")
    assert chat.state.variables["came"] == "Message"
    assert chat.cancelled == [timer]


def test_a_timer_of_another_wait_is_not_taken() -> None:
    chat = Chat(scripted(_patient))
    chat.opens()
    with pytest.raises(NotExpected):
        chat.gives(TimerFired("c:0:n:1:timeout", at=AT))


def _calls(turn: Turn, input: Input | None = None) -> Step:
    if input is None:
        return Step(effects=(Call("llm.reply", timeout_s=20),), wait_for="call", timeout_s=5)
    return Step(set={"came": type(input).__name__}, end="completed")


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ({}, (20, 0, 0.0)),
        ({"timeout_s": 7.5}, (7.5, 0, 0.0)),
        ({"on_error": {"do": "stop", "retry": {"times": 3, "pause_s": 2}}}, (20, 3, 2)),
        ({"on_error": {"do": "stop", "retry": {"times": 1}}, "timeout_s": 1}, (1, 1, 0.0)),
    ],
)
def test_a_call_carries_the_nodes_patience(node: dict[str, Any], expected: tuple[float, int, float]) -> None:
    chat = Chat(scripted(_calls, node=node))
    chat.opens()
    (call,) = chat.calls
    assert (call.timeout_s, call.retry_times, call.retry_pause_s) == expected


def test_a_call_that_takes_too_long_is_over_for_the_flow() -> None:
    chat = Chat(scripted(_calls))
    chat.opens()
    call = chat.calls[0]
    chat.gives(TimerFired(chat.timers[0].timer_id, at=AT))
    assert chat.state.variables["came"] == "TimerFired"
    with pytest.raises(NotExpected):
        chat.gives(CallResult(call.call_id, True, at=AT))


def test_a_flow_knows_its_channel_and_its_address() -> None:
    flow = flow_of({"say": say("{{ conversation.id }} {{ conversation.channel }} {{ conversation.callback_url }} {{ contact.time_zone }}")})
    chat = Chat(flow, channel="web", callback_url="https://bot.example/e/1", contact={"time_zone": "Asia/Tokyo"})
    assert chat.opens() == ["c web https://bot.example/e/1 Asia/Tokyo"]


def test_what_all_conversations_share() -> None:
    flow = flow_of(
        {"set": ("set_variables", {"assignments": [{"variable": "visits", "value": "{{ visits + 1 }}"}]}), "say": say("{{ visits }}")},
        [("set", "next", "say")],
        variables={"visits": {"type": "number", "scope": "bot", "default": 0}},
    )
    first = Chat(flow)
    assert first.opens() == ["1"]
    later = Chat(flow, bot={"visits": 41, "of another flow": 1})
    assert later.opens() == ["42"]
    assert later.came.bot_variables == {"visits": 42}
    assert later.hears("again") == ["43"]
