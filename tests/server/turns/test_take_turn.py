"""The transcript's form of what was said."""

from datetime import UTC, datetime

import pytest

from flow_runtime import Attachment, Button, Card, Choice, Input, Location, Media, Message, Option, Say, TimerFired
from server.turns.take_turn import body_of_input, body_of_say

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "body"),
    [
        (Message("hi", at=AT), {"type": "text", "text": "hi"}),
        (Choice("red", "Red", at=AT), {"type": "choice", "value": "red", "text": "Red"}),
        (Location(52.5, 13.4, "Berlin", at=AT), {"type": "location", "latitude": 52.5, "longitude": 13.4, "text": "Berlin"}),
        (
            Attachment("https://a.example/b.png", "image/png", "b.png", 12, at=AT),
            {
                "type": "attachment",
                "file": {"url": "https://a.example/b.png", "media_type": "image/png", "name": "b.png", "size": 12},
                "text": "b.png",
            },
        ),
        (TimerFired("t", at=AT), None),
    ],
)
def test_what_a_customer_sent_stands_in_the_transcript(given: Input, body: object) -> None:
    assert body_of_input(given) == body


def test_a_plain_text_is_nothing_but_its_text() -> None:
    assert body_of_say(Say("Hi")) == {"type": "text", "text": "Hi"}


def test_what_a_message_carries_is_named() -> None:
    buttons = (Button("Buy", "buy"), Button("See", url="https://a.example"), Button("Cheaper"))
    said = Say(
        "Look",
        (Option("a", "A"),),
        (Media("image", "https://a.example/b.png", "A cat"),),
        cards=(Card("Shoe", image_url="https://a.example/s.png", alt="A shoe", buttons=buttons),),
        asks="rating",
        asks_about={"scale": "stars"},
        typing_ms=300,
        template={"name": "hi"},
    )
    assert body_of_say(said) == {
        "type": "text",
        "text": "Look",
        "choices": [{"value": "a", "label": "A"}],
        "media": [{"kind": "image", "url": "https://a.example/b.png", "alt": "A cat"}],
        "cards": [
            {
                "title": "Shoe",
                "image_url": "https://a.example/s.png",
                "alt": "A shoe",
                "buttons": [
                    {"label": "Buy", "value": "buy"},
                    {"label": "See", "url": "https://a.example"},
                    {"label": "Cheaper", "value": "Cheaper"},
                ],
            }
        ],
        "asks": "rating",
        "asks_about": {"scale": "stars"},
        "typing_ms": 300,
        "template": {"name": "hi"},
    }
