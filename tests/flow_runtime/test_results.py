"""What a node keeps of an answer."""

from datetime import UTC, datetime
from typing import Any

import pytest

from flow_runtime.errors import NodeFailure
from flow_runtime.inputs import AgentDone, CallError, CallResult, Input, TimerFired
from flow_runtime.results import kept, result_of, value_of

AT = datetime(2026, 1, 1, tzinfo=UTC)
REFUSED = CallError("refused", "No.")


def result(value: Any) -> CallResult:
    return CallResult(at=AT, call_id="c", ok=True, value=value)


def test_an_answer_with_its_fields_is_used() -> None:
    assert result_of(result({"rows": [], "more": 1}), "rows") == ({"rows": [], "more": 1}, None)
    assert result_of(AgentDone(at=AT, call_id="c", ok=True, value={"text": "Done."}), "text") == ({"text": "Done."}, None)


@pytest.mark.parametrize(
    ("input", "kind"),
    [
        (result(None), "bad_answer"),
        (result(["rows"]), "bad_answer"),
        (result({"row": []}), "bad_answer"),
        (CallResult(at=AT, call_id="c", ok=False, error=REFUSED), "refused"),
        (CallResult(at=AT, call_id="c", ok=False), "no_answer"),
        (TimerFired(at=AT, timer_id="t"), "no_answer"),
    ],
)
def test_what_cannot_be_used_says_why(input: Input, kind: str) -> None:
    value, error = result_of(input, "rows")
    assert value == {}
    assert error is not None
    assert error.kind == kind


def test_all_or_parts_of_it_are_kept() -> None:
    order = {"items": [{"name": "Tea"}], "paid": True}
    pick = [{"variable": "first", "path": "items.0.name"}, {"variable": "none", "path": "items.9.name"}]
    assert kept({"save_as": "order", "pick": pick}, order) == {"order": order, "first": "Tea", "none": None}
    assert kept({"save_as": "", "pick": []}, order) == {}
    assert kept({}, order) == {}


def test_a_node_may_fail_with_what_went_wrong() -> None:
    assert value_of(result({"label": "positive"})) == {"label": "positive"}
    with pytest.raises(NodeFailure) as failure:
        value_of(CallResult(at=AT, call_id="c", ok=False, error=REFUSED))
    assert (failure.value.kind, failure.value.message) == ("refused", "No.")
