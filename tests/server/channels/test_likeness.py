"""What is seen of a message is read out of what any channel would be sent: nothing twice, nothing lost. Nothing here names a channel but to
show what is peculiar to it.
"""

from typing import Any

import pytest

from server.channels.about import kinds
from server.channels.contract import adapter_of
from server.channels.likeness import Bubble, button_room, likeness

KINDS = [about.kind for about in kinds()]
CHOICES = [{"value": name.lower(), "label": name} for name in ("Small", "Large")]
MEDIA = {"kind": "image", "url": "https://shop.example/shoe.png", "alt": "A shoe"}
CARD = {
    "title": "Red shoe",
    "text": "Runs & jumps",
    "image_url": "https://shop.example/red.png",
    "alt": "Red",
    "buttons": [{"label": "Take it", "value": "t"}, {"label": "See more", "url": "https://shop.example/red"}],
}


def seen(kind: str, **said: Any) -> list[Bubble]:
    adapter, body = adapter_of(kind), {"type": "text", "text": "", **said}
    return likeness(body, [body] if adapter is None else adapter.render(body, {}))


def words(bubbles: list[Bubble]) -> str:
    return "\n".join(item.text for bubble in bubbles for item in bubble.items)


@pytest.mark.parametrize("kind", KINDS)
def test_every_word_and_label_is_seen_once(kind: str) -> None:
    shown = words(seen(kind, text="Which **size**, <you>?", choices=CHOICES))
    for word in ("Which size, <you>?", "Small", "Large"):
        assert shown.count(word) == 1, shown


@pytest.mark.parametrize("kind", KINDS)
def test_files_and_cards_are_seen(kind: str) -> None:
    bubbles = seen(kind, text="Our shoes:", media=[MEDIA], cards=[CARD])
    items = [item for bubble in bubbles for item in bubble.items]
    assert MEDIA["url"] in [item.url for item in items] or MEDIA["url"] in words(bubbles)
    for word in ("Our shoes:", "Red shoe", "Runs & jumps", "Take it"):
        assert words(bubbles).count(word) == 1, words(bubbles)


@pytest.mark.parametrize("kind", KINDS)
def test_a_long_text_is_seen_whole(kind: str) -> None:
    text = " ".join(f"word{number}" for number in range(4_000))
    bubbles = seen(kind, text=text)
    assert words(bubbles).split() == text.split()


def test_what_is_pressed_stands_beneath_the_words_and_cut_labels_are_shown_cut() -> None:
    (bubble,) = seen("whatsapp", text="Which one?", choices=[{"value": "a", "label": "A label that is far longer than a button"}, *CHOICES])
    assert [item.what for item in bubble.items] == ["text", "button", "button", "button"]
    assert bubble.buttons[0].endswith("\u2026")
    (bubble,) = seen("sms", text="Which one?", choices=CHOICES)
    assert bubble.buttons == []
    assert "1. Small" in words([bubble])


def test_how_many_buttons_there_is_room_for_is_found_by_rendering() -> None:
    assert {kind: button_room(kind) for kind in ("whatsapp", "slack", "sms", "web")} == {
        "whatsapp": 3,
        "slack": 10,
        "sms": None,
        "web": None,
    }
