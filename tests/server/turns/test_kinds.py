"""Which calls the server can do, and what it says of those it cannot."""

from collections.abc import Mapping
from typing import Any

import pytest

from flow_runtime import Call
from server.kit import calls
from server.kit.calls import CallFailed, answers, performs
from server.turns.kinds import is_quick, kinds_in_process, performer_of, what_is_missing
from server.turns.versions import Version


def answer_to(kind: str, **payload: Any) -> Any:
    return Version(None, None, None).answer(Call(kind, payload, call_id="c:1:n:1"))  # type: ignore[arg-type]


def test_the_rooms_performers_are_found() -> None:
    assert performer_of("integration.call") is not None
    assert "llm.reply" in kinds_in_process()
    assert "integration.call" not in kinds_in_process()


def test_a_kind_nobody_performs_is_answered_at_once_with_what_is_missing() -> None:
    assert is_quick("ticket.open")
    answered = answer_to("ticket.open")
    assert not answered.ok
    assert answered.error.kind == "not_available"
    assert answered.error.message == "This server has no tickets. Use a Call an API step to your help desk."


def test_a_kind_of_nobody_at_all_says_to_install_a_plugin() -> None:
    assert what_is_missing("teapot.boil") == (
        'This server cannot do "teapot.boil". Install the plugin that performs it, or take the step out of the flow.'
    )


def test_a_quick_kind_is_answered_by_its_function(monkeypatch: pytest.MonkeyPatch) -> None:
    def shout(payload: Mapping[str, Any]) -> Any:
        if not payload["text"]:
            raise CallFailed("empty", "There is nothing to shout.")
        return {"text": payload["text"].upper()}

    performer_of("any")  # everything is found before the test adds its own
    monkeypatch.setitem(calls.answerers, "test.shout", shout)
    assert answer_to("test.shout", text="hi").value == {"text": "HI"}
    assert answer_to("test.shout", text="").error.kind == "empty"
    assert answer_to("test.shout").error.kind == "internal"


def test_a_kind_has_one_performer() -> None:
    with pytest.raises(ValueError, match="two functions perform"):
        performs("llm.reply")(lambda tools, call: None)  # type: ignore[arg-type, return-value]
    with pytest.raises(ValueError, match="two functions perform"):
        answers("llm.reply")(lambda payload: None)
