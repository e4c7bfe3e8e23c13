"""Every word of the widget in every language, and the same gaps to fill."""

import json
import re
from pathlib import Path

from server.channels.web.look import LANGUAGES, RIGHT_TO_LEFT, wording_of

STRINGS = Path(__file__).parents[2] / "ui/src/widget/strings"
WORDS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in STRINGS.glob("*.json")}


def test_the_languages_are_those_that_the_server_knows() -> None:
    assert set(WORDS) == set(LANGUAGES) == {"en", "de", "fr", "es", "it", "nl", "pt", "ar"}
    assert set(RIGHT_TO_LEFT) <= set(LANGUAGES)


def test_every_language_has_every_word_with_its_gaps() -> None:
    english = WORDS["en"]
    for language, words in WORDS.items():
        assert list(words) == list(english), language
        for name, text in words.items():
            assert text.strip(), f"{language}.{name}"
            assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", english[name])), f"{language}.{name}"
        alike = [name for name, text in words.items() if language != "en" and len(text) > 12 and text == english[name]]
        assert alike == [], language


def test_a_channels_own_words_are_taken_from_an_object_or_its_json() -> None:
    own = {"de": {"placeholder": "Was möchten Sie wissen?"}}
    assert wording_of(own) == wording_of(json.dumps(own)) == own
    hostile = {"de": {"Placeholder": "x", "open": 7, "close": ""}, "../x": {"open": "x"}, "en": "x", "fr": {"open": "y" * 500}}
    assert wording_of(hostile) == {"fr": {"open": "y" * 200}}
    for nothing in (None, 7, [], "", "{", "[1]", {}):
        assert wording_of(nothing) == {}
