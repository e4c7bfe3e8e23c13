"""The pipeline: order, error policies, time, and what the annotations say."""

from datetime import UTC, datetime

import pytest

from flow_runtime import Location, Message, input_from_json, input_to_json
from flow_runtime.names import as_value
from server.conversations.processing.contract import Aids
from server.conversations.processing.findings import shown
from server.conversations.processing.plan import choices_of, plan_of
from server.conversations.processing.run import NotLetThrough, for_now, process
from server.kit.http import OutboundClient

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
AIDS = Aids(OutboundClient())


def on(*names: str, **more: object) -> dict[str, object]:
    """Settings of a channel with these stages on."""
    return {"processing": {name: {"on": True, **more} for name in names}}


def test_stages_are_found_in_order_and_strange_settings_switch_nothing_on() -> None:
    plan = plan_of(on("visitor", "normalise", "personal_data", "nothing"), "text", "visitor")
    assert [step.about.name for step in plan] == ["normalise", "personal_data", "visitor"]
    for strange in (
        {},
        {"processing": None},
        {"processing": []},
        {"processing": {"normalise": 1}},
        {"processing": {"mood": {"odd": True}}},
    ):
        assert plan_of(strange, "text", "place", "visitor") == ()
    kept = choices_of(on("place", settings={"round": "1", "gone": "x"}))["place"]
    assert (kept.on, kept.on_error, kept.settings) == (True, "refuse", {"round": "1", "label": "keep", "nowhere": "refuse"})


def test_each_stage_concerns_its_own_inputs() -> None:
    plan = plan_of(on("normalise", "geocoding", "place"), "text", "place")
    now, later = for_now(plan, Location(1.0, 2.0, at=AT))
    assert [[step.about.name for step in part] for part in (now, later)] == [["place"], ["geocoding"]]
    assert for_now(plan, Message("", at=AT)) == ((), ())


async def test_a_stage_that_fails_is_skipped_or_refuses_and_never_tells_the_text() -> None:
    said = Message("my secret", at=AT)
    broken = {"settings": {"phrases": "("}}
    goes_on = await process(plan_of(on("noise", "normalise", **broken), "text"), said, AIDS)
    assert isinstance(goes_on, Message)
    assert goes_on.annotations is not None
    assert list(goes_on.annotations) == ["normalise", "noise"]
    assert goes_on.annotations["noise"]["error"] == "Line 1 of the patterns to leave out cannot be used."
    with pytest.raises(NotLetThrough, match="Try again later") as refused:
        await process(plan_of(on("noise", on_error="refuse", **broken), "text"), said, AIDS)
    assert refused.value.failed
    assert "secret" not in str(refused.value.found)


async def test_what_takes_too_long_is_not_waited_for() -> None:
    late = await process(plan_of(on("normalise", "mood"), "text"), Message("I am glad", at=AT), AIDS, within_s=0)
    assert isinstance(late, Message)
    assert late.annotations is not None
    assert late.annotations["normalise"]["changed"] == []
    assert "was not done after" in late.annotations["mood"]["error"]


async def test_annotations_are_kept_with_the_input_and_flows_read_them() -> None:
    after = await process(plan_of(on("normalise"), "text"), Message(" hi ", at=AT, annotations={"files": [{}]}), AIDS)
    assert isinstance(after, Message)
    assert input_from_json(input_to_json(after)) == after
    assert "annotations" not in input_to_json(Message("hi", at=AT)), "what nobody annotated is stored as before"
    value = as_value(after)
    assert (value["text"], value["annotations"]["normalise"]["characters"], value["annotations"]["files"]) == ("hi", 2, [{}])
    assert "annotations" not in as_value(Message("hi", at=AT))


def test_findings_are_read_in_words() -> None:
    found = {
        "mood": {"label": None, "score": None, "ms": 1.5},
        "normalise": {"changed": ["form", "marks"], "characters": 3, "ms": 0.1},
        "noise": {"error": "It failed.", "ms": 2},
        "files": [{"malware": {"clean": True, "ms": 8}}],
    }
    lines = [(one.title, one.text, one.ms, one.trouble) for one in shown(found)]
    assert lines == [
        ("Tidy the text", "changed: form marks, characters: 3", 0.1, False),
        ("Leave out the noise", "It failed.", 2.0, True),
        ("Judge the mood", "nothing", 1.5, False),
        ("Look for malware", "clean: yes", 8.0, False),
    ]
