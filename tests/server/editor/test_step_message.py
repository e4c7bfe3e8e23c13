"""What a step says first is known from its settings, with variables by name."""

from typing import Any

import pytest

from node_library import load_library
from server.channels.about import kinds
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
def test_a_step_that_is_not_filled_in_gives_a_message_or_none(kind: str) -> None:
    body = message_of(LIBRARY[kind], {})
    assert body is None or "text" in body


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
