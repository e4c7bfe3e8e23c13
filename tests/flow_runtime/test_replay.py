"""Whatever comes in, in whatever order: only declared errors, a state that survives JSON, and the same bytes when played again."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flow_runtime import (
    Attachment,
    Call,
    CallError,
    CallResult,
    Choice,
    ConversationStarted,
    EventReceived,
    Flow,
    Input,
    Location,
    Message,
    NotExpected,
    Outcome,
    State,
    TimerFired,
    Triggered,
    effect_from_json,
    effect_to_json,
    input_from_json,
    input_to_json,
    load_flow,
    resume,
    start,
)
from node_library import load_library

LIBRARY = load_library()
PATHS = sorted((Path(__file__).parent.parent / "conversations" / "flows").glob("*.json"))
AT = datetime(2026, 1, 1, tzinfo=UTC)


def _flow(path: Path) -> Flow:
    document = json.loads(path.read_text())
    document.pop("intents", None)
    return load_flow(document, LIBRARY)


FLOWS = {path.stem: _flow(path) for path in PATHS}

WORDS = st.text(max_size=30) | st.sampled_from(
    ["", "1", "2", "42", "-1", "0", "track my order", "Large", "yes", "{{ 7 * 7 }}", "{% raw %}", "1e400", "nan"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda v: st.lists(v, max_size=3) | st.dictionaries(WORDS, v, max_size=3),
    max_leaves=8,
)
ANSWERS = st.one_of(
    VALUES,
    st.fixed_dictionaries({"status": st.sampled_from([200, 404, "200", None]), "body": VALUES}),
    st.fixed_dictionaries(
        {"intent": st.sampled_from(["track_order", "refund", "complain", None, 5]), "confidence": VALUES, "in_scope": VALUES}
    ),
    st.fixed_dictionaries({"text": VALUES}),
)
STEPS = st.one_of(
    st.tuples(st.just("message"), WORDS),
    st.tuples(st.just("choice"), WORDS | st.sampled_from(["track", "return_something", "small"])),
    st.tuples(st.just("file"), WORDS),
    st.tuples(st.just("place"), WORDS),
    st.tuples(st.just("answer"), ANSWERS),
    st.tuples(st.just("failure"), st.sampled_from(["timeout", "no_model", "http_status"])),
    st.tuples(st.just("timer"), st.none()),
    st.tuples(st.just("event"), WORDS),
    st.tuples(st.just("triggered"), st.none()),
    st.tuples(st.just("message"), st.sampled_from(["help", "restart", "are you open", "start over"])),
    st.tuples(st.just("opened"), st.none()),
)


def _input(step: tuple[str, Any], state: State | None, number: int) -> Input:
    """The step as an input; answers and timers name what is waited for, if anything is."""
    kind, value = step
    stamp: dict[str, Any] = {"at": AT + timedelta(seconds=number), "seed": number}
    call_id = next(iter(state.open_calls if state else ()), "nothing")
    match kind:
        case "message":
            return Message(value, **stamp)
        case "choice":
            return Choice(value, value, **stamp)
        case "file":
            return Attachment("https://files.example/x", "image/png", text=value, **stamp)
        case "place":
            return Location(52.5, 13.4, value, **stamp)
        case "answer":
            return CallResult(call_id, True, value, **stamp)
        case "failure":
            return CallResult(call_id, False, None, CallError(value, "No."), **stamp)
        case "timer":
            timer_ids = state.open_timers if state else ()
            return TimerFired(timer_ids[number % len(timer_ids)] if timer_ids else "nothing", **stamp)
        case "event":
            names = (*state.awaited_events, *state.hears.get("events", ())) if state else ()
            return EventReceived(names[number % len(names)] if names else value, {"text": value}, **stamp)
        case "triggered":
            ids = state.hears.get("triggers", ()) if state else ()
            return Triggered(ids[0] if ids else "nothing", **stamp)
        case _:
            return ConversationStarted(**stamp)


def _bytes(outcome: Outcome) -> str:
    for effect in outcome.effects:
        assert effect_from_json(effect_to_json(effect)) == effect
    parts = [outcome.state.to_json(), [effect_to_json(effect) for effect in outcome.effects], [visit.to_json() for visit in outcome.trace]]
    return json.dumps(parts, allow_nan=True)


def _live(flow: Flow, steps: Sequence[tuple[str, Any]]) -> tuple[list[str], list[str]]:
    """Inputs that were taken, as stored, and what came of each."""
    stored: list[str] = []
    came: list[str] = []
    asked: set[str] = set()
    state: State | None = None
    for number, step in enumerate(steps):
        input = _input(step, state, number)
        try:
            outcome = start(flow, input, conversation_id="c", contact={"name": "Ada"}) if state is None else resume(flow, state, input)
        except NotExpected:
            assert state is None or not state.accepts(input)
            continue
        state = State.from_json(json.loads(json.dumps(outcome.state.to_json())))
        assert state == outcome.state
        asked |= {effect.call_id for effect in outcome.effects if isinstance(effect, Call)}
        assert asked.issuperset(state.open_calls)
        assert outcome.waiting_for != "call" or state.wait_id in state.open_calls
        json.dumps(state.to_json()["variables"], allow_nan=False)
        stored.append(json.dumps(input_to_json(input)))
        came.append(_bytes(outcome))
    return stored, came


def _replayed(flow: Flow, stored: Sequence[str]) -> list[str]:
    came: list[str] = []
    state: State | None = None
    for text in stored:
        input = input_from_json(json.loads(text))
        outcome = start(flow, input, conversation_id="c", contact={"name": "Ada"}) if state is None else resume(flow, state, input)
        state = outcome.state
        came.append(_bytes(outcome))
    return came


@pytest.mark.parametrize("name", FLOWS)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(steps=st.lists(STEPS, max_size=12))
def test_any_inputs_in_any_order(name: str, steps: list[tuple[str, Any]]) -> None:
    stored, came = _live(FLOWS[name], steps)
    assert _replayed(FLOWS[name], stored) == came
