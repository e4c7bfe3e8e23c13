"""A node that works on what was said listens first."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from flow_runtime.effects import Call
from flow_runtime.expressions import Texts
from flow_runtime.inputs import AgentDone, CallResult, Message
from flow_runtime.listening import listener
from flow_runtime.nodes import Step, Turn

AT = datetime(2026, 1, 1, tzinfo=UTC)
ABOUT_MESSAGE, ABOUT_ORDER = {"text": "{{ message.text }}"}, {"text": "Order 7"}
WAIT = Step(wait_for="message")


def ask(settings: Mapping[str, Any], turn: Turn) -> Step:
    return Step(effects=(Call("llm.classify", {"text": turn.render(settings["text"])}),), wait_for="call")


def leave(settings: Mapping[str, Any], turn: Turn, result: CallResult | AgentDone) -> Step:
    return Step(go=str(result.value))


enter, resume = listener("text", ask=ask, leave=leave)


def turn(words: str | None = None) -> Turn:
    return Turn(scope={"message": {"text": words or ""}}, texts=Texts(["{{ message.text }}"]), now=AT, open_message=words)


def test_it_waits_while_nothing_was_said() -> None:
    assert enter(ABOUT_MESSAGE, turn()) == WAIT


def test_it_asks_about_what_was_said_and_uses_the_message_up() -> None:
    hearing = turn("hello")
    assert enter(ABOUT_MESSAGE, hearing) == ask({"text": "hello"}, turn())
    assert hearing.taken


def test_a_text_that_is_not_about_the_message_needs_none_and_leaves_it_to_others() -> None:
    hearing = turn("hello")
    assert enter(ABOUT_ORDER, hearing).wait_for == "call"
    assert not hearing.taken


def test_the_message_it_waited_for_is_asked_about() -> None:
    assert resume(ABOUT_MESSAGE, turn("hello"), Message(at=AT, text="hello")) == ask({"text": "hello"}, turn())


def test_it_leaves_by_the_answer_of_a_call_or_an_agent() -> None:
    for answer in (CallResult(at=AT, call_id="c", ok=True, value="yes"), AgentDone(at=AT, call_id="c", ok=True, value="yes")):
        assert resume(ABOUT_MESSAGE, turn(), answer) == Step(go="yes")
