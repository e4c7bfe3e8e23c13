"""Values in customers' words: every kind, several languages, roles, overlaps, and texts that hold none."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flow_runtime.errors import NodeFailure
from server.understanding.entities.extract import extract
from server.understanding.entities.hits import Entry, Slot

TUESDAY = datetime(2026, 3, 10, 12, tzinfo=UTC)
PIECES = (
    "tomorrow",
    "at 5pm",
    "3 May",
    "31.3.2026",
    "€20",
    "twenty",
    "1,234.5",
    "ada@x.org",
    "+49 170 1234567",
    "https://x.org/1",
    "Paris",
    "Parsi",
    "yes",
    "I am Bob",
    "halb acht",
    "in 2 hours",
    "北京",
    "😀",
    "AB",
    "from",
    "to",
)
CITIES = (Entry("Berlin"), Entry("Paris"), Entry("München", ("Munich", "muc")), Entry("北京"), Entry("Sevilla"))


def values(text: str, *slots: Slot | str, language: str = "en", region: str | None = None, time_zone: str = "UTC") -> dict[str, Any]:
    """The value of each slot; a slot given as a word has that word for its name and its kind."""
    asked = [slot if isinstance(slot, Slot) else Slot(slot, slot) for slot in slots]
    return {each.name: each.value for each in extract(text, asked, language=language, region=region, time_zone=time_zone, now=TUESDAY)}


@pytest.mark.parametrize(
    ("text", "language", "number"),
    [
        ("I want 1,234.50 of it", "en", 1234.5),
        ("1.234,50 Stück", "de", 1234.5),
        ("1.234", "de", 1234),
        ("1.234", "en", 1.234),
        ("1 000 000", "fr", 1_000_000),
        ("two tickets and no one else", "en", 2),
        ("one please", "en", 1),
        ("minus twenty", "en", -20),
        ("ich brauche fünfundzwanzig", "de", 25),
        ("quatre-vingt-dix-neuf", "fr", 99),
        ("veinte personas", "es", 20),
        ("-5 degrees", "en", -5),
        ("٣ tickets", "ar", 3),
        ("5kg", "en", 5),
        ("no one", "en", None),
        ("the second one", "en", None),
        ("order A4 of 31.3.2026 at 17:30, v1.2.3", "en", None),
        ("write to me7@example.com or https://x.org/5", "en", None),
        ("123456789012345678", "en", None),
    ],
)
def test_numbers(text: str, language: str, number: float | None) -> None:
    assert values(text, "number", language=language).get("number") == number


@pytest.mark.parametrize(
    ("text", "about", "amount", "currency"),
    [
        ("twenty euros", {}, 20, "EUR"),
        ("€ 1.234,50", {"language": "de"}, 1234.5, "EUR"),
        ("$5", {}, 5, "USD"),
        ("5 dollars", {"region": "CA"}, 5, "CAD"),
        ("5 kr", {"region": "NO"}, 5, "NOK"),
        ("CHF 20", {}, 20, "CHF"),
        ("R$ 1.234", {"language": "pt"}, 1234, "BRL"),
        ("about 20", {}, 20, None),
    ],
)
def test_amounts(text: str, about: dict[str, str], amount: float, currency: str | None) -> None:
    assert values(text, "amount", **about)["amount"] == {"amount": amount, "currency": currency}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "about", "date"),
    [
        ("next friday", {}, "2026-03-13"),
        ("fri", {}, "2026-03-13"),
        ("3 May", {}, "2026-05-03"),
        ("in two weeks", {}, "2026-03-24"),
        ("31.3.2026", {}, "2026-03-31"),
        ("2026-04-01", {}, "2026-04-01"),
        ("03/04/2026", {}, "2026-03-04"),
        ("03/04/2026", {"region": "GB"}, "2026-04-03"),
        ("am 1.2.", {"language": "de"}, "2027-02-01"),
        ("am 3. April", {"language": "de"}, "2026-04-03"),
        ("el próximo lunes", {"language": "es"}, "2026-03-16"),
        ("le 5 mai", {"language": "fr"}, "2026-05-05"),
        ("may I ask something", {}, None),
        ("I have a second question now", {}, None),
        ("version 1.2.2026", {}, None),
        ("31.2.2026", {}, None),
        ("my sun is shining", {}, None),
        ("what is the weather right now in New York", {}, None),
        ("at 5:30", {}, None),
    ],
)
def test_dates(text: str, about: dict[str, str], date: str | None) -> None:
    assert values(text, "date", **about).get("date") == date  # type: ignore[arg-type]


def test_a_date_is_seen_from_the_customers_own_day() -> None:
    late = datetime(2026, 3, 10, 23, 30, tzinfo=UTC)
    found = extract("tomorrow", [Slot("day", "date")], language="en", time_zone="Pacific/Auckland", now=late)
    assert found[0].value == "2026-03-12"


@pytest.mark.parametrize(
    ("text", "about", "moment"),
    [
        ("tomorrow at 5pm", {}, "2026-03-11T17:00:00+00:00"),
        ("übermorgen um 17 Uhr", {"language": "de", "time_zone": "Europe/Berlin"}, "2026-03-12T17:00:00+01:00"),
        ("le 5 mai à 14h30", {"language": "fr"}, "2026-05-05T14:30:00+00:00"),
        ("in 2 hours", {}, "2026-03-10T14:00:00+00:00"),
        ("17:30", {}, "2026-03-10T17:30:00+00:00"),
        ("11:30", {}, "2026-03-11T11:30:00+00:00"),
    ],
)
def test_moments(text: str, about: dict[str, str], moment: str) -> None:
    assert values(text, "datetime", **about)["datetime"] == moment  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "time"),
    [("half past five", "05:30"), ("noon", "12:00"), ("5 p.m.", "17:00"), ("12 am", "00:00"), ("halb sieben", "06:30"), ("25:00", None)],
)
def test_times(text: str, time: str | None) -> None:
    assert values(text, "time").get("time") == time


def test_addresses_and_numbers_to_reach_somebody() -> None:
    text = "my mail is Ada@Example.COM, phone +49 170 1234567, see (www.example.org/a?b=1)."
    found = values(text, "email", "phone", "url", "number")
    assert found == {"email": "Ada@example.com", "phone": "+491701234567", "url": "https://www.example.org/a?b=1"}
    assert values("0170 1234567", "phone", language="de") == {"phone": "+491701234567"}
    assert values("not@mail, a..b@example.org, 12345", "email", "phone") == {}


@pytest.mark.parametrize(
    ("text", "language", "answer"),
    [
        ("Yes please!", "en", True),
        ("nope", "en", False),
        ("nein danke", "de", False),
        ("sí claro", "es", True),
        ("si tu veux", "fr", None),
        ("да", "ru", True),
        ("いいえ", "ja", False),
        ("not sure", "en", None),
        ("well, yes", "en", True),
        ("I think so, yes", "en", True),
        ("no idea", "en", None),
        ("I need my card right away", "en", None),
        ("why is the rate not correct", "en", None),
        ("I would have to think about whether that is ok with me", "en", None),
    ],
)
def test_yes_and_no(text: str, language: str, answer: bool | None) -> None:
    assert values(text, "yes_no", language=language).get("yes_no") is answer


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("my name is Ada Lovelace and I need help", "Ada Lovelace"),
        ("my name is ada", "ada"),
        ("I'm Bob", "Bob"),
        ("ich heiße Ludwig van Beethoven", "Ludwig van Beethoven"),
        ("Grace O'Malley", "Grace O'Malley"),
        ("I am tired", None),
        ("call me a cab", None),
        ("this is URGENT, please help", None),
        ("Hello", None),
        ("Yes", None),
        ("where is my order", None),
    ],
)
def test_names(text: str, name: str | None) -> None:
    assert values(text, "name").get("name") == name


@pytest.mark.parametrize(
    ("text", "city"),
    [
        ("MUNCHEN please", "München"),
        ("to munich", "München"),
        ("Sevila", "Sevilla"),
        ("我要去北京", "北京"),
        ("mucus", None),
        ("Berliner", "Berlin"),
        ("somewhere", None),
    ],
)
def test_lists(text: str, city: str | None) -> None:
    assert values(text, Slot("city", "list", CITIES)).get("city") == city


def test_roles_say_which_value_is_which() -> None:
    origin, target = Slot("origin", "list", CITIES, role="from"), Slot("target", "list", CITIES, role="destination")
    assert values("from Berlin to Paris", origin, target) == {"origin": "Berlin", "target": "Paris"}
    assert values("nach Paris von Berlin", origin, target, language="de") == {"origin": "Berlin", "target": "Paris"}
    assert values("Paris", origin, target) == {}
    assert values("Paris", target) == {"target": "Paris"}
    assert values("from Paris", target) == {}
    days = (Slot("first", "date", role="from"), Slot("last", "date", role="to"))
    assert values("from 3 May to 10 May", *days) == {"first": "2026-05-03", "last": "2026-05-10"}


def test_slots_of_one_kind_are_filled_in_order() -> None:
    assert values("2 adults and 3 children", Slot("adults", "number"), Slot("children", "number")) == {"adults": 2, "children": 3}


def test_characters_go_to_one_slot_only() -> None:
    assert values("table for 4 tomorrow evening", "number", "date") == {"number": 4, "date": "2026-03-11"}
    assert values("3 May for 4 people please at 7 pm", "number", "datetime") == {"number": 4, "datetime": "2026-05-03T19:00:00+00:00"}
    assert values("4 seats on 3 May at 19:00", "number", "datetime") == {"number": 4, "datetime": "2026-05-03T19:00:00+00:00"}


def test_every_hit_says_where_it_stands() -> None:
    text = "from Berlin at 17:30"
    found = extract(text, [Slot("city", "list", CITIES, role="from"), Slot("when", "time")], language="en", now=TUESDAY)
    assert [each.to_json() for each in found] == [
        {"name": "city", "type": "list", "text": "Berlin", "start": 5, "end": 11, "value": "Berlin", "role": "from"},
        {"name": "when", "type": "time", "text": "17:30", "start": 15, "end": 20, "value": "17:30", "role": None},
    ]


def test_patterns_give_their_first_group_and_never_hang() -> None:
    assert values("order AB-1234 please", Slot("order", "pattern", pattern="[A-Z]{2}-[0-9]{4}")) == {"order": "AB-1234"}
    assert values("order 77", Slot("order", "pattern", pattern="order ([0-9]+)")) == {"order": "77"}
    assert values("a" * 1900 + "!", Slot("bomb", "pattern", pattern="^(a+)+$")) == {}
    with pytest.raises(NodeFailure):
        values("x", Slot("ahead", "pattern", pattern="(?=a)b"))


def test_an_unknown_time_zone_is_utc() -> None:
    assert values("tomorrow at noon", "datetime", time_zone="Mars/Base") == {"datetime": "2026-03-11T12:00:00+00:00"}


@given(st.text(max_size=80) | st.lists(st.sampled_from(PIECES), max_size=8).map(" ".join), st.sampled_from(["en", "de", "fr", "ja", "xx"]))
@settings(max_examples=150, deadline=None)
def test_hits_lie_in_the_text_and_share_no_character(text: str, language: str) -> None:
    kinds = ("number", "amount", "date", "datetime", "time", "email", "phone", "url", "yes_no", "name")
    slots = [*(Slot(kind, kind) for kind in kinds), Slot("city", "list", CITIES), Slot("code", "pattern", pattern="[A-Z]+")]
    found = extract(text, slots, language=language, now=TUESDAY)
    taken = [place for each in found for place in range(each.start, each.end)]
    assert len(taken) == len(set(taken))
    for each in found:
        assert each.text == text[each.start : each.end] != ""
        assert each.value is not None
