"""What a step says first is known from its settings, with variables by name."""

import json
from pathlib import Path
from typing import Any

import pytest

import node_library
from node_library import load_library
from server.channels.about import kinds
from server.channels.contract import adapter_of
from server.editor.preview_pages import previews
from server.editor.step_message import message_of, speaks

LIBRARY = load_library()
SIZES = [{"value": str(size), "label": f"Size {size}"} for size in range(38, 42)]


@pytest.mark.parametrize(
    ("kind", "settings", "expected"),
    [
        ("send_message", {"text": "Hi {{ contact.name }}{% if x %}!{% endif %}"}, {"text": "Hi \u2039contact.name\u203a!"}),
        (
            "send_message",
            {"text": "", "show": "media", "media": [{"kind": "image", "url": "{{ picture }}", "alt": "A {{ shoe }}"}]},
            {"text": "", "media": [{"kind": "image", "url": "https://example.com/", "alt": "A \u2039shoe\u203a"}]},
        ),
        ("offer_choices", {"text": "Size?", "choices": SIZES[:1]}, {"text": "Size?", "choices": SIZES[:1]}),
        ("collect_file", {"text": "Your receipt, please", "save_as": "receipt"}, {"text": "Your receipt, please", "asks": "file"}),
    ],
)
def test_the_first_message_of_a_step(kind: str, settings: dict[str, Any], expected: dict[str, Any]) -> None:
    body = message_of(LIBRARY[kind], settings)
    assert body is not None
    assert {name: body[name] for name in expected} == expected


@pytest.mark.parametrize("kind", sorted(LIBRARY))
def test_whatever_a_step_says_is_seen_on_every_channel(kind: str) -> None:
    for case in json.loads((Path(node_library.__file__).parent / kind / "cases.json").read_text()):
        step = {"type": kind, "title": "Step", "settings": case["settings"]}
        body = message_of(LIBRARY[kind], step["settings"])
        for one in () if body is None else previews(step, body, {}):
            assert one.sent
            assert one.bubbles or "template" in (body or {}), (case["name"], one.kind)


def test_a_step_that_is_not_filled_in_says_nothing() -> None:
    says = [kind for kind in LIBRARY if message_of(LIBRARY[kind], {"text": " "})]
    assert says == ["collect_rating"]  # its scale is there without a word


def test_a_kind_that_needs_its_settings_is_said_to(monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = adapter_of("slack")
    monkeypatch.setattr(type(adapter), "render", lambda *given: given[2]["team_id"])
    step = {"type": "send_message", "title": "Hi", "settings": {"text": "Hi"}}
    slack = next(one for one in previews(step, {"type": "text", "text": "Hi"}, {}) if one.kind == "slack")
    assert (slack.notes, slack.sent) == (["It can be shown once a channel of this kind is set up."], "")


def test_only_steps_with_words_of_their_own_speak() -> None:
    assert speaks(LIBRARY["send_message"].schema)
    assert not speaks(LIBRARY["branch"].schema)


def test_every_kind_has_its_column_those_in_use_first() -> None:
    step = {"type": "offer_choices", "title": "Size", "settings": {"text": "Size?", "choices": SIZES}}
    body = message_of(LIBRARY["offer_choices"], step["settings"])
    assert body is not None
    shown = previews(step, body, {"whatsapp": {}, "telegram": {}})
    assert [one.kind for one in shown[:2]] == ["telegram", "whatsapp"]
    assert {one.kind for one in shown} == {about.kind for about in kinds()}
    by_kind = {one.kind: one for one in shown}
    assert by_kind["telegram"].notes == []
    assert "no buttons" in by_kind["sms"].notes[0]
    assert by_kind["whatsapp"].notes == ['WhatsApp has room for 3 buttons: "Size 41" does not fit, so all become a list to be opened.']
    assert '"Size 40"' in by_kind["whatsapp"].sent
