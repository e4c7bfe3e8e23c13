"""What a bot says is cut between words, and nothing of it is lost in channels that show only words."""

from hypothesis import given
from hypothesis import strategies as st

from server.channels.words import in_parts, numbered, shortened, words_of


@given(st.text(alphabet="ab \n", max_size=300), st.integers(min_value=1, max_value=40))
def test_parts_hold_every_letter_and_are_short_enough(text: str, most: int) -> None:
    parts = in_parts(text, most)
    assert parts
    assert all(len(part) <= most for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


def test_parts_end_where_a_reader_would_stop() -> None:
    assert in_parts("one two three", 8) == ["one two", "three"]
    assert in_parts("first line\nsecond", 12) == ["first line", "second"]
    assert in_parts("", 10) == [""]


def test_a_label_is_shortened_with_an_ellipsis() -> None:
    assert shortened("abcdef", 6) == "abcdef"
    assert shortened("abcdefg", 6) == "abcde\u2026"


def test_everything_is_said_in_words() -> None:
    card = {"title": "Shoe", "text": "Fits.", "image_url": "https://x/y", "buttons": [{"label": "Take it", "value": "s"}]}
    body = {
        "text": "Look",
        "cards": [card],
        "media": [{"kind": "image", "url": "https://x/z", "alt": ""}],
        "choices": [{"label": "A", "value": "a"}],
    }
    assert words_of(body) == "Look\n\nImage: https://x/z\n\nShoe\nFits.\nhttps://x/y\n- Take it\n\n1. A"
    assert words_of({"text": ""}) == "\u2026"
    assert numbered(["A", "B"]) == "1. A\n2. B"
