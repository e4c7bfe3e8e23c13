"""Moods of support chats."""

import pytest

from server.understanding.sentiment import UNKNOWN, Sentiment, analyse


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("this is great, thank you", "positive"),
        ("I love it", "positive"),
        ("works now, very fast", "positive"),
        ("👍", "positive"),
        ("still not working", "negative"),
        ("this is the third time I ask", "negative"),
        ("my card is broken", "negative"),
        ("I hate this app, worst ever", "negative"),
        ("😡", "negative"),
        ("where is my order", "neutral"),
        ("yes, ok, cancel my order please", "neutral"),
        ("I need help with order number 5", "neutral"),
    ],
)
def test_english(text: str, label: str) -> None:
    assert analyse(text, "en").label == label


def test_no_mood_is_made_up_for_other_languages() -> None:
    assert analyse("Das ist schrecklich", "de") == UNKNOWN
    assert analyse("Das ist wirklich schrecklich, nichts funktioniert") == UNKNOWN
    assert analyse("", "en") == UNKNOWN


def test_an_authors_words_count_in_any_language() -> None:
    assert analyse("Das ist schrecklich", "de", ["toll"], ["schrecklich"]) == Sentiment("negative", -1.0)
    assert analyse("Schön, dass es klappt", "de", ["schon"], ["schrecklich"]) == Sentiment("positive", 1.0)
    assert analyse("Wo ist es", "de", ["toll"], []) == Sentiment("neutral", 0.0)


def test_emoji_say_the_same_everywhere() -> None:
    assert analyse("😡😡", "de").label == "negative"
