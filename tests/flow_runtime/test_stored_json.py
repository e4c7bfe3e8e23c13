"""Inputs, effects and states are stored as JSON and come back as they were; what cannot be read says so."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flow_runtime import (
    AgentDone,
    Attachment,
    Button,
    Call,
    CallError,
    CallResult,
    CancelTimer,
    Card,
    Choice,
    ConversationStarted,
    Effect,
    End,
    EventReceived,
    HandOff,
    Input,
    InvalidInput,
    InvalidState,
    Location,
    Media,
    Message,
    Option,
    Say,
    SetTimer,
    State,
    TimerFired,
    Track,
    Triggered,
    effect_from_json,
    effect_to_json,
    input_from_json,
    input_to_json,
    load_flow,
)
from flow_runtime.upgrades import upgraded
from node_library import load_library

DOCUMENTS = Path(__file__).parent.parent / "data" / "documents"
LIBRARY = load_library()
FIRST_STATE = {
    "conversation_id": "c",
    "waiting_for": "message",
    "at": "ask",
    "wait_id": None,
    "interruptible": False,
    "turn": 3,
    "memory": {"tries": 1},
    "variables": {"name": "Ada"},
    "contact": {"name": "Ada", "language": None, "attributes": {}},
    "message": {"text": "hi", "language": None},
    "heard": {"used_by": [], "answers": True, "settled": True},
    "error": None,
    "visits": {"ask": 1},
}
"""A state as the first version of the flow language stored it."""

AT = datetime(2026, 1, 1, 12, 30, 15, 123456, tzinfo=UTC)
INPUTS: list[Input] = [
    ConversationStarted(at=AT, seed=5),
    Message("hello", "de", at=AT, seed=2**62),
    Choice("red", "Red", at=AT),
    Attachment("https://files.example/a.png", "image/png", "a.png", 12, "look", at=AT),
    Location(52.5, -13.25, "Berlin", at=AT),
    CallResult("c:1:n:1", True, {"a": [1, None]}, at=AT),
    CallResult("c:1:n:1", False, None, CallError("timeout", "Too slow."), at=AT),
    AgentDone("c:1:n:1", True, "done", at=AT),
    TimerFired("c:1:n:1", at=AT),
    EventReceived("paid", {"amount": 5}, at=AT),
    Triggered("weekly", {"week": 3}, at=AT),
]
EFFECTS: list[Effect] = [
    Say("Hi"),
    Say("Hi", (Option("a", "A"), Option("b", "B")), (Media("image", "https://a.example/b.png", "A cat"),), "c:1:n:1"),
    Say(
        "",
        cards=(Card("Shoe", "Red", "https://a.example/b.png", "A shoe", (Button("Buy", "buy"), Button("See", url="https://a.example"))),),
    ),
    Say(
        "Your file?",
        asks="file",
        asks_about={"accept": ["image/*"], "max_mb": 5},
        typing_ms=400,
        template={"name": "hi", "parameters": ["Ada"]},
    ),
    Call("llm.reply", {"messages": [{"role": "user", "content": "x"}]}, 12.5, "c:1:n:1"),
    Call("integration.call", {}, 2.5, "c:1:n:1", 3, 1.5),
    SetTimer(AT, "c:1:n:1"),
    CancelTimer("c:1:n:1"),
    HandOff("asked for it", "sales"),
    Track("intent", {"intent": "refund", "confidence": 0.5}),
    End("unresolved"),
]


@pytest.mark.parametrize("input", INPUTS, ids=lambda input: type(input).__name__)
def test_inputs_come_back_as_they_were(input: Input) -> None:
    assert input_from_json(json.loads(json.dumps(input_to_json(input)))) == input


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: type(effect).__name__)
def test_effects_come_back_as_they_were(effect: Effect) -> None:
    assert effect_from_json(json.loads(json.dumps(effect_to_json(effect)))) == effect


def test_kinds_are_named() -> None:
    assert [input_to_json(input)["kind"] for input in INPUTS[:3]] == ["conversation_started", "message", "choice"]
    call = effect_to_json(next(effect for effect in EFFECTS if isinstance(effect, Call)))
    assert (call["kind"], call["call_kind"]) == ("call", "llm.reply")


@pytest.mark.parametrize(
    "data",
    [
        None,
        7,
        [],
        "message",
        {},
        {"kind": "magic", "at": AT.isoformat()},
        {"kind": ["message"], "at": AT.isoformat()},
        {"kind": "message", "at": AT.isoformat()},
        {"kind": "message", "text": "x"},
        {"kind": "message", "text": 5, "at": AT.isoformat()},
        {"kind": "message", "text": "x", "at": "yesterday"},
        {"kind": "message", "text": "x", "at": "2026-01-01T00:00:00"},
        {"kind": "message", "text": "x", "at": AT.isoformat(), "seed": "1"},
        {"kind": "message", "text": "x", "at": AT.isoformat(), "admin": True},
        {"kind": "location", "latitude": 95, "longitude": 0, "at": AT.isoformat()},
        {"kind": "location", "latitude": float("nan"), "longitude": 0, "at": AT.isoformat()},
        {"kind": "location", "latitude": "52", "longitude": 0, "at": AT.isoformat()},
        {"kind": "choice", "value": 5, "at": AT.isoformat()},
        {"kind": "call_result", "call_id": "x", "ok": "yes", "at": AT.isoformat()},
        {"kind": "call_result", "call_id": "x", "ok": False, "error": {"kind": "x"}, "at": AT.isoformat()},
        {"kind": "event_received", "name": "x", "payload": [], "at": AT.isoformat()},
    ],
)
def test_what_is_no_input_is_refused(data: Any) -> None:
    with pytest.raises(InvalidInput):
        input_from_json(data)


def test_a_plain_text_is_stored_without_what_it_does_not_have() -> None:
    assert effect_to_json(Say("Hi")) == {"kind": "say", "text": "Hi", "choices": [], "media": [], "call_id": None}


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        {"kind": "say"},
        {"kind": "say", "text": "x", "choices": [5]},
        {"kind": "say", "text": "x", "cards": [{"title": 5}]},
        {"kind": "say", "text": "x", "cards": [{"buttons": [{"value": "no label"}]}]},
        {"kind": "call", "call_kind": "x", "timeout_s": "1"},
    ],
)
def test_what_is_no_effect_is_refused(data: Any) -> None:
    with pytest.raises(InvalidInput):
        effect_from_json(data)


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"conversation_id": 5},
        {"conversation_id": "c", "magic": 1},
        {"conversation_id": "c", "waiting_for": "rain"},
        {"conversation_id": "c", "variables": []},
        {"conversation_id": "c", "turn": "1"},
        {"conversation_id": "c", "at": 5},
    ],
)
def test_what_is_no_state_is_refused(data: Any) -> None:
    with pytest.raises(InvalidState):
        State.from_json(data)


def test_old_documents_are_upgraded_step_by_step() -> None:
    def second(document: dict[str, Any]) -> dict[str, Any]:
        return {**document, "second": True}

    def third(document: dict[str, Any]) -> dict[str, Any]:
        assert document["second"]
        return {**document, "third": True}

    steps = {1: second, 2: third}
    assert upgraded({"schema_version": 1}, steps) == {"schema_version": 3, "second": True, "third": True}
    assert upgraded({"schema_version": 3}, steps) == {"schema_version": 3}
    assert upgraded({"schema_version": "1"}, steps) == {"schema_version": "1"}
    assert upgraded({"schema_version": True}, steps) == {"schema_version": True}


def test_a_flow_of_the_first_version_is_what_it_was() -> None:
    first = json.loads((DOCUMENTS / "version_1.json").read_text())
    assert upgraded(first) == json.loads((DOCUMENTS / "version_2.json").read_text())
    assert load_flow(first, LIBRARY).nodes == load_flow(upgraded(first), LIBRARY).nodes


def test_what_came_later_is_not_written_while_it_is_empty() -> None:
    assert State("c").to_json().keys() == State.from_json(FIRST_STATE).to_json().keys() == FIRST_STATE.keys()
    assert "retry_times" not in effect_to_json(Call("llm.reply"))
    full = State("c", timeout_id="t", channel="web", callback_url="https://a.example/1", bot={"open": True})
    assert State.from_json(json.loads(json.dumps(full.to_json()))) == full
