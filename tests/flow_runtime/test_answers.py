"""Answers as people write them, and what they are read as."""

from datetime import UTC, datetime
from typing import Any

import pytest

from flow_runtime.answers import Asked, pick_option, picked_options, read_answer, spoken
from flow_runtime.phrases import phrase

THURSDAY_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
COLOURS = (("red", "Red"), ("dark_blue", "Dark blue"), ("green", "Green"))


def _read(kind: str, text: str, **rules: Any) -> Any:
    return read_answer(text, Asked(kind, THURSDAY_NOON, **rules))


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("text", "  Ada ", "Ada"),
        ("text", "   ", None),
        ("number", "42", 42),
        ("number", "1,5", 1.5),
        ("number", "2 please", 2),
        ("number", "between 2 and 3", None),
        ("number", "AB12", None),
        ("number", "old", None),
        ("email", "ada@example.com", "ada@example.com"),
        ("email", "It is <ada@example.com>.", "ada@example.com"),
        ("email", "ada@example.com or bob@example.com", None),
        ("email", "ada at example", None),
        ("phone", "+44 (20) 7946-0000", "+442079460000"),
        ("phone", "call me", None),
        ("url", "example.com/a", "https://example.com/a"),
        ("url", "http://example.com", "http://example.com"),
        ("url", "javascript:alert(1)", None),
        ("url", "not a page", None),
        ("url", "http://[", None),
        ("yes_no", "Yes please!", True),
        ("yes_no", "nein", False),
        ("yes_no", "perhaps", None),
        ("time", "14:30", "14:30"),
        ("time", "at 2pm", "14:00"),
        ("time", "12 am", "00:00"),
        ("time", "2:15 p.m.", "14:15"),
        ("time", "8 Uhr", "08:00"),
        ("time", "25:00", None),
        ("time", "13 pm", None),
        ("time", "7", None),
    ],
)
def test_an_answer_is_read_as_its_kind(kind: str, text: str, value: Any) -> None:
    found = _read(kind, text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "language", "day"),
    [
        ("2026-03-31", "en", "2026-03-31"),
        ("31.3.2026", "en", "2026-03-31"),
        ("31. 3.", "de", "2026-03-31"),
        ("3/4/2026", "en-US", "2026-03-04"),
        ("3/4/2026", "en-GB", "2026-04-03"),
        ("31/3/2026", "en-US", "2026-03-31"),
        ("March 31st", "en", "2026-03-31"),
        ("31 March 2027", "en", "2027-03-31"),
        ("31. März 2026", "de", "2026-03-31"),
        ("5 de mayo", "es", "2026-05-05"),
        ("today", "en", "2026-01-01"),
        ("Tomorrow!", "en", "2026-01-02"),
        ("morgen", "de", "2026-01-02"),
        ("on Friday", "en", "2026-01-02"),
        ("Thursday", "en", "2026-01-08"),
        ("Dienstag", "de", "2026-01-06"),
        ("next tue", "fr", "2026-01-06"),
        ("2026-02-31", "en", None),
        ("31/31/2026", "en", None),
        ("12 Brumaire", "en", None),
        ("soon", "en", None),
    ],
)
def test_a_day_is_read_in_the_customers_language(text: str, language: str, day: str | None) -> None:
    assert _read("date", text, language=language) == day


def test_a_day_without_a_year_is_the_next_one() -> None:
    assert read_answer("31 March", Asked("date", datetime(2026, 4, 1, tzinfo=UTC))) == "2027-03-31"


def test_today_is_the_customers_today() -> None:
    late = datetime(2026, 1, 1, 23, 30, tzinfo=UTC)
    assert read_answer("today", Asked("date", late, time_zone="Asia/Tokyo")) == "2026-01-02"


@pytest.mark.parametrize("text", ["tomorrow at 2pm", "2pm tomorrow", "2026-01-02 14:00", "2 January, 14:00"])
def test_a_day_and_a_time_may_stand_in_either_order(text: str) -> None:
    assert _read("datetime", text, time_zone="Europe/Berlin") == "2026-01-02T14:00:00+01:00"


@pytest.mark.parametrize("text", ["tomorrow", "2pm", "2026-01-02", "when you can"])
def test_half_a_moment_is_none(text: str) -> None:
    assert _read("datetime", text) is None


def test_a_number_keeps_to_its_range() -> None:
    assert [_read("number", text, minimum=1, maximum=5) for text in ("0", "1", "5", "5.5", "6")] == [None, 1, 5, None, None]


def test_a_pattern_must_match_the_whole_answer() -> None:
    assert [_read("pattern", text, pattern="[A-Z]{2}|[0-9]{3}") for text in ("AB", "ABC", "123")] == ["AB", None, "123"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("RED!", "red"),
        ("dark_blue", "dark_blue"),
        ("2", "dark_blue"),
        ("the green one please", "green"),
        ("red or green", None),
        ("credit", None),
        ("4", None),
        ("...", None),
    ],
)
def test_an_option_is_picked_by_value_label_number_or_mention(text: str, value: str | None) -> None:
    assert pick_option(text, COLOURS) == value
    assert _read("one_of", text, options=COLOURS) == value


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1, 3", ["red", "green"]),
        ("2 and 1", ["red", "dark_blue"]),
        ("green & dark blue", ["dark_blue", "green"]),
        ("all 3 of them", []),
        ("", []),
    ],
)
def test_several_options_may_be_named(text: str, values: list[str]) -> None:
    assert picked_options(text, COLOURS) == values


def test_the_bots_own_words_fall_back_to_english() -> None:
    assert phrase("yes", "de-AT") == "Ja"
    assert phrase("yes", "tlh") == "Yes"


@pytest.mark.parametrize(
    ("kind", "value", "language", "words"),
    [
        ("date", "2026-03-31", "en", "Tuesday, March 31, 2026"),
        ("date", "2026-03-31", "de", "Dienstag, 31. März 2026"),
        ("time", "14:30", "de", "14:30"),
        ("datetime", "2026-03-31T12:30:00+00:00", "de", "31.03.2026, 14:30:00"),
        ("yes_no", False, "es", "No"),
        ("yes_no", True, "fr", "Oui"),
        ("number", 2, "en", "2"),
        ("text", "Ada", "en", "Ada"),
    ],
)
def test_an_answer_is_read_back_as_the_customer_would_write_it(kind: str, value: Any, language: str, words: str) -> None:
    assert spoken(value, Asked(kind, THURSDAY_NOON, language, "Europe/Berlin")) == words
