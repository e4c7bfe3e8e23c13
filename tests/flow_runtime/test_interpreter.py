"""Start and resume: who hears a message, what a wait accepts, how errors and limits end, what outlives a run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flow_runtime import (
    AgentDone,
    Attachment,
    Call,
    CallError,
    CallResult,
    CancelTimer,
    Card,
    Choice,
    ConversationStarted,
    End,
    EventReceived,
    Failure,
    Flow,
    Input,
    InvalidState,
    Library,
    Location,
    Message,
    NodeFailure,
    NotExpected,
    Outcome,
    Port,
    Say,
    SetTimer,
    State,
    Step,
    TimerFired,
    Turn,
    load_flow,
    resume,
    start,
)
from flow_runtime.limits import OUTPUT_CHARACTERS
from node_library import load_library

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
OURS = load_library()
Edge = tuple[str, str, str]


def _flow(nodes: Mapping[str, Any], edges: list[Edge], library: Library = OURS, **more: Any) -> Flow:
    """A flow that starts at its first node."""
    drawn = {node_id: {"type": type, "settings": about, **dict(*rest)} for node_id, (type, about, *rest) in nodes.items()}
    return load_flow(
        {
            "schema_version": 1,
            "name": "Test",
            "triggers": [{"id": "start", "type": "conversation_start", "node": next(iter(nodes))}],
            "nodes": drawn,
            "edges": {
                f"e{number}": {"source": source, "port": port, "target": target} for number, (source, port, target) in enumerate(edges)
            },
            **more,
        },
        library,
    )


def _start(flow: Flow, input: Input | None = None, **contact: Any) -> Outcome:
    return start(flow, input or ConversationStarted(at=AT), conversation_id="c1", contact=contact)


def _says(outcome: Outcome) -> list[str]:
    return [effect.text for effect in outcome.effects if isinstance(effect, Say)]


def _call(outcome: Outcome) -> Call:
    return next(effect for effect in outcome.effects if isinstance(effect, Call))


def _message(text: str) -> Message:
    return Message(text, at=AT)


@dataclass(eq=False)
class Scripted:
    """A node that does what the test says."""

    does: Any
    type: str = "scripted"
    version: int = 1
    title: str = "Scripted"
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "object"})
    waits: frozenset[str] = frozenset()

    def ports(self, settings: Mapping[str, Any]) -> tuple[Port, ...]:
        return (Port("next", "Next"), Port("other", "Other"))

    def enter(self, settings: Mapping[str, Any], turn: Turn) -> Step:
        step: Step = self.does(turn)
        return step

    def resume(self, settings: Mapping[str, Any], turn: Turn, input: Input) -> Step:
        step: Step = self.does(turn, input)
        return step


def _scripted(does: Any, **more: Any) -> Flow:
    node = {"type": "scripted", "settings": {}, **more.pop("node", {})}
    return load_flow(
        {
            "schema_version": 1,
            "name": "Test",
            "triggers": [{"id": "start", "type": "conversation_start", "node": "n"}],
            "nodes": {"n": node},
            "edges": {},
            **more,
        },
        {"scripted": Scripted(does)},
    )


ASK = ("ask_question", {"text": "Name?", "save_as": "name"})
LISTEN = ("classify_intent", {"intents": []})


def test_first_words_are_not_the_answer_to_the_first_question() -> None:
    outcome = _start(_flow({"ask": ASK}, []), _message("hello"))
    assert _says(outcome) == ["Name?"]
    assert outcome.waiting_for == "message"
    assert outcome.state.variables == {}


def test_first_words_are_understood_at_once_by_a_node_that_listens() -> None:
    flow = _flow({"hi": ("send_message", {"text": "Hi"}), "listen": LISTEN}, [("hi", "next", "listen")])
    outcome = _start(flow, _message("where is my order"))
    assert _says(outcome) == ["Hi"]
    assert _call(outcome).payload["text"] == "where is my order"
    assert outcome.waiting_for == "call"


def test_a_node_that_listens_waits_when_nothing_was_said() -> None:
    assert _start(_flow({"listen": LISTEN}, [])).waiting_for == "message"


def test_an_answer_is_understood_unless_the_bot_spoke_since() -> None:
    at_once = _flow({"ask": ASK, "listen": LISTEN}, [("ask", "next", "listen")])
    assert resume(at_once, _start(at_once).state, _message("Ada")).waiting_for == "call"
    later = _flow(
        {"ask": ASK, "hi": ("send_message", {"text": "Hi {{ name }}, what now?"}), "listen": LISTEN},
        [("ask", "next", "hi"), ("hi", "next", "listen")],
    )
    assert resume(later, _start(later).state, _message("Ada")).waiting_for == "message"


def test_a_message_is_understood_by_two_nodes_but_by_each_only_once() -> None:
    flow = _flow({"one": LISTEN, "two": LISTEN}, [("one", "otherwise", "two"), ("two", "otherwise", "one")])
    outcome = _start(flow, _message("hm"))
    for node_id in ("one", "two"):
        assert outcome.state.at == node_id
        outcome = resume(flow, outcome.state, CallResult(_call(outcome).call_id, True, {"intent": None}, at=AT))
    assert (outcome.state.at, outcome.waiting_for) == ("one", "message")


def test_an_ended_flow_starts_again_with_the_message() -> None:
    flow = _flow({"listen": LISTEN, "bye": ("end", {"text": "Bye"})}, [("listen", "otherwise", "bye")])
    outcome = _start(flow, _message("a"))
    outcome = resume(flow, outcome.state, CallResult(_call(outcome).call_id, True, {}, at=AT))
    assert (_says(outcome), outcome.waiting_for) == (["Bye"], "ended")
    again = resume(flow, outcome.state, _message("b"))
    assert _call(again).payload["text"] == "b"
    assert _call(again).call_id != "c1:1:listen:1"


def test_call_ids_name_conversation_turn_node_and_visit() -> None:
    flow = _flow({"ask": ASK, "get": ("http_request", {"url": "https://a.example"})}, [("ask", "next", "get"), ("get", "ok", "get")])
    outcome = resume(flow, _start(flow).state, _message("Ada"))
    assert _call(outcome).call_id == "c1:2:get:1"
    outcome = resume(flow, outcome.state, CallResult("c1:2:get:1", True, {"status": 200}, at=AT))
    assert _call(outcome).call_id == "c1:2:get:3", "the same turn goes on; running again is another visit"


SENT = {Message, Choice, Attachment, Location}
WAITS: dict[str, tuple[dict[str, Any], set[type]]] = {
    "message": ({"waiting_for": "message"}, SENT),
    "call": ({"waiting_for": "call", "wait_id": "id"}, {CallResult, AgentDone}),
    "another call": ({"waiting_for": "call", "wait_id": "other"}, set()),
    "timer": ({"waiting_for": "timer", "wait_id": "id"}, {TimerFired}),
    "another timer": ({"waiting_for": "timer", "wait_id": "other"}, set()),
    "timer or message": (
        {"waiting_for": "timer", "wait_id": "id", "interruptible": True},
        {TimerFired, *SENT},
    ),
    "event": ({"waiting_for": "event", "wait_id": "id"}, {EventReceived}),
    "ended": ({"waiting_for": "ended"}, {*SENT, ConversationStarted}),
}
INPUTS: list[Input] = [
    ConversationStarted(at=AT),
    Message("x", at=AT),
    Choice("x", at=AT),
    Attachment("https://files.example/a", "image/png", at=AT),
    Location(52.5, 13.4, at=AT),
    CallResult("id", True, at=AT),
    AgentDone("id", True, at=AT),
    TimerFired("id", at=AT),
    EventReceived("id", at=AT),
]


@pytest.mark.parametrize("wait", WAITS.keys())
def test_a_wait_accepts_its_inputs_and_no_others(wait: str) -> None:
    about, accepted = WAITS[wait]
    state = State("c1", at="n", **about)
    assert {type(input) for input in INPUTS if state.accepts(input)} == accepted
    flow = _scripted(lambda turn, input=None: Step(end="completed"))
    for input in INPUTS:
        if type(input) in accepted:
            assert resume(flow, state, input).waiting_for == "ended"
        else:
            with pytest.raises(NotExpected):
                resume(flow, state, input)


@pytest.mark.parametrize("input", [CallResult("x", True, at=AT), TimerFired("x", at=AT), EventReceived("x", at=AT)])
def test_a_conversation_starts_with_the_customer(input: Input) -> None:
    with pytest.raises(NotExpected):
        _start(_flow({"ask": ASK}, []), input)


def test_a_flow_reads_the_place_a_customer_sent() -> None:
    flow = _flow({"say": ("send_message", {"text": "{{ message.text }}: {{ message.location.latitude }}"})}, [])
    said = [_start(flow, Location(52.5, 13.4, label, at=AT)).effects[0] for label in ("Berlin", "")]
    assert said == [Say("Berlin: 52.5"), Say("52.50000, 13.40000: 52.5")]


def test_cards_count_as_words_too() -> None:
    wordy = Say("", cards=(Card("x" * 200, "y" * OUTPUT_CHARACTERS),))
    outcome = _start(_scripted(lambda turn, input=None: Step(effects=(wordy,), end="completed")))
    assert outcome.failure is not None
    assert outcome.failure.kind == "limit"


def test_a_state_of_another_flow_is_refused() -> None:
    with pytest.raises(InvalidState, match="waits at gone"):
        resume(_flow({"ask": ASK}, []), State("c1", "message", at="gone"), _message("x"))


def test_a_message_during_a_wait_cancels_its_timer() -> None:
    flow = _flow({"wait": ("wait", {"seconds": 60, "listen": True})}, [])
    outcome = _start(flow)
    timer = next(effect for effect in outcome.effects if isinstance(effect, SetTimer))
    assert timer == SetTimer(AT + timedelta(seconds=60), "c1:1:wait:1")
    assert resume(flow, outcome.state, _message("hi")).effects[0] == CancelTimer(timer.timer_id)
    assert resume(flow, outcome.state, TimerFired(timer.timer_id, at=AT)).effects == (End("completed"),)


def test_variables_live_as_long_as_their_scope() -> None:
    scopes = {f"{scope}_count": {"scope": scope, "type": "number", "default": 0} for scope in ("turn", "flow", "conversation", "contact")}
    add = {"assignments": [{"variable": name, "value": f"{{{{ {name} + 1 }}}}"} for name in scopes]}
    flow = _flow({"add": ("set_variables", add), "ask": ASK}, [("add", "next", "ask"), ("ask", "next", "add")], variables=scopes)
    outcome = _start(flow, attributes={"contact_count": 10})
    assert [outcome.state.variables[name] for name in scopes] == [1, 1, 1, 11]
    outcome = resume(flow, outcome.state, _message("x"))
    assert [outcome.state.variables[name] for name in scopes] == [1, 2, 2, 12]
    assert outcome.contact_variables == {"contact_count": 12}
    ended = State.from_json({**outcome.state.to_json(), "waiting_for": "ended", "at": None})
    outcome = resume(flow, ended, _message("x"))
    assert [outcome.state.variables[name] for name in scopes] == [1, 1, 3, 13]


@pytest.mark.parametrize(
    ("kind", "given", "kept"),
    [
        ("number", "12", 12),
        ("number", "1,5", 1.5),
        ("boolean", "Yes", True),
        ("boolean", "off", False),
        ("date", "2026-03-31T10:00", "2026-03-31"),
        ("datetime", "2026-03-31 10:00", "2026-03-31T10:00:00"),
        ("list", [1], [1]),
        ("object", {"a": 1}, {"a": 1}),
        ("text", {"a": 1}, {"a": 1}),
        ("number", None, None),
    ],
)
def test_a_value_becomes_what_the_variable_is_declared_to_be(kind: str, given: Any, kept: Any) -> None:
    outcome = _start(_scripted(lambda turn: Step(set={"x": given}, go="next"), variables={"x": {"type": kind}}))
    assert outcome.state.variables["x"] == kept


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("number", "many"),
        ("boolean", "perhaps"),
        ("date", "soon"),
        ("datetime", "now"),
        ("list", "a"),
        ("object", [1]),
        ("file", "x"),
        ("text", object()),
    ],
)
def test_a_value_that_cannot_be_that_is_an_error_of_the_node(kind: str, given: Any) -> None:
    outcome = _start(_scripted(lambda turn: Step(set={"x": given}, go="next"), variables={"x": {"type": kind}}))
    assert outcome.failure is not None
    assert (outcome.failure.node_id, outcome.failure.kind) == ("n", "type")


def _fails(turn: Turn) -> Step:
    raise NodeFailure("broken", "It broke.")


def test_an_error_stops_the_flow_kindly() -> None:
    outcome = _start(_scripted(_fails, settings={"fallback_text": "Sorry {{ contact.name }}"}), name="Ada")
    assert outcome.failure == Failure("n", "broken", "It broke.")
    assert outcome.effects == (Say("Sorry Ada"), End("error"))
    assert outcome.waiting_for == "ended"
    assert outcome.trace[-1].to_json()["error"] == {"kind": "broken", "message": "It broke."}


@pytest.mark.parametrize("text", ["", "{{ missing + 1 }}", "{{ contact.nothing }}"])
def test_a_fallback_that_cannot_be_said_is_said_in_our_words(text: str) -> None:
    assert _says(_start(_scripted(_fails, settings={"fallback_text": text}))) == [
        "Sorry, something went wrong on our side. Please try again."
    ]


def test_an_error_of_a_plugin_is_an_error_of_its_node() -> None:
    outcome = _start(_scripted(lambda turn: 1 / 0))
    assert outcome.failure == Failure("n", "node", "ZeroDivisionError: division by zero")


def test_an_error_leads_another_way() -> None:
    get: dict[str, Any] = {
        "get": ("http_request", {"url": "https://a.example", "headers": {"X": "{{ message.text }}"}}, {"on_error": {"do": "branch"}})
    }
    flow = _flow({**get, "sorry": ("send_message", {"text": "{{ error.kind }}: {{ error.message }}"})}, [("get", "failed", "sorry")])
    assert _says(_start(flow, _message("a\nb"))) == ['header: The header "X" has a line break in it.']


def test_a_failed_call_without_a_way_out_ends_kindly() -> None:
    flow = _flow({"get": ("http_request", {"url": "https://a.example"})}, [])
    outcome = _start(flow)
    outcome = resume(flow, outcome.state, CallResult("c1:1:get:1", False, None, CallError("timeout", "Too slow."), at=AT))
    assert outcome.failure == Failure("get", "timeout", "Too slow.")
    assert outcome.effects[-1] == End("error")


def test_a_circle_is_stopped_with_the_name_of_its_node() -> None:
    outcome = _start(_flow({"a": ("send_message", {"text": "x"}, {"title": "Echo"})}, [("a", "next", "a")]))
    assert outcome.failure is not None
    assert (outcome.failure.node_id, outcome.failure.kind) == ("a", "limit")
    assert '"Echo" ran more than 40 times' in outcome.failure.message
    assert len(_says(outcome)) == 41


def test_a_circle_of_calls_is_stopped_within_the_turn() -> None:
    flow = _flow({"get": ("http_request", {"url": "https://a.example"})}, [("get", "ok", "get")])
    outcome = _start(flow)
    for _ in range(100):
        if outcome.waiting_for == "ended":
            break
        outcome = resume(flow, outcome.state, CallResult(_call(outcome).call_id, True, {"status": 200}, at=AT))
    assert outcome.failure is not None
    assert outcome.failure.kind == "limit"


def test_a_long_way_is_stopped() -> None:
    nodes = {f"n{number}": ("send_message", {"text": "x"}) for number in range(300)}
    outcome = _start(_flow(nodes, [(f"n{number}", "next", f"n{number + 1}") for number in range(299)]))
    assert outcome.failure is not None
    assert "More than 200 steps" in outcome.failure.message


def test_too_many_words_are_stopped() -> None:
    outcome = _start(_scripted(lambda turn: Step((Say("x" * 300_000),), go="next")))
    assert outcome.failure is not None
    assert "says too much" in outcome.failure.message


def test_too_large_a_value_is_stopped() -> None:
    outcome = _start(_scripted(lambda turn: Step(set={"x": "y" * 300_000}, go="next"), node={"on_error": {"do": "branch"}}))
    assert outcome.failure == Failure("n", "limit", 'The value of "x" is too large')


def test_remembering_too_much_is_stopped_and_forgotten() -> None:
    values = {f"v{number}": "y" * 200_000 for number in range(6)}
    outcome = _start(_scripted(lambda turn: Step(set=values, wait_for="message")))
    assert outcome.failure is not None
    assert "remembers too much" in outcome.failure.message
    assert outcome.state.variables == {}


def test_chance_comes_with_the_input() -> None:
    def throw(turn: Turn) -> Step:
        return Step((Say(str(turn.random.random())),), go="next")

    flow = _scripted(throw)
    first, same, other = (_start(flow, Message("x", at=AT, seed=seed)) for seed in (1, 1, 2))
    assert _says(first) == _says(same) != _says(other)


def test_the_given_state_is_never_changed() -> None:
    flow = _flow({"ask": ASK, "hi": ("send_message", {"text": "Hi {{ name }}"})}, [("ask", "next", "hi"), ("hi", "next", "ask")])
    state = _start(flow).state
    before = state.to_json()
    copies = {name: dict(value) if isinstance(value, dict) else value for name, value in before.items()}
    outcome = resume(flow, state, _message("Ada"))
    assert outcome.state.variables == {"name": "Ada"}
    assert state.to_json() == copies


def test_trace_tells_the_way_and_what_was_set() -> None:
    flow = _flow({"ask": ASK, "get": ("http_request", {"url": "https://a.example"})}, [("ask", "next", "get")])
    outcome = resume(flow, _start(flow).state, _message("Ada"))
    asked, got = (visit.to_json() for visit in outcome.trace)
    assert (asked["node_id"], asked["port"], asked["set"]) == ("ask", "next", {"name": "Ada"})
    assert (got["node_id"], got["waiting_for"], got["call_id"]) == ("get", "call", "c1:2:get:1")


def test_the_bot_seems_to_write_as_long_as_the_flow_says_unless_the_message_says_itself() -> None:
    said = (Say("Hi"), Say("Slow", typing_ms=2000), Say("Streamed", call_id="c1:1:n:1"))
    flow = _scripted(lambda turn, input=None: Step(effects=said, end="completed"), settings={"typing_ms": 400})
    pauses = [effect.typing_ms for effect in _start(flow).effects if isinstance(effect, Say)]
    assert pauses == [400, 2000, 0]
