"""What is flagged, what is not, and where it stands."""

import pytest

from server.understanding.moderation.moderate import moderate
from server.understanding.moderation.personal_data import find


@pytest.mark.parametrize(
    ("text", "language", "categories"),
    [
        ("what the fuck", "en", ["profanity"]),
        ("f*ck you", "en", ["profanity"]),
        ("sh1t", "en", ["profanity"]),
        ("F U C K this", "en", ["profanity"]),
        ("fuuuuck", "en", ["profanity"]),
        ("Das ist Scheiße", "de", ["profanity"]),
        ("you are an idiot", "en", ["insult"]),
        ("halt die Klappe", "de", ["insult"]),
        ("I will kill you", "en", ["threat"]),
        ("te voy a matar", "es", ["threat"]),
        ("I want to kill myself", "en", ["self_harm"]),
        ("ich will nicht mehr leben", "de", ["self_harm"]),
        ("send nudes", "en", ["sexual"]),
        ("HELLO WHERE IS MY ORDER NOW", "en", ["shouting"]),
        ("buy buy buy buy buy buy", "en", ["spam"]),
        ("http://a.example http://b.example www.c.example", "en", ["spam"]),
        ("merde alors", None, ["profanity"]),
        ("class assessment with a cocktail in Scunthorpe", "en", []),
        ("ich fand das dick aufgetragen", "de", []),
        ("kill the process 8 times a day", "en", []),
        ("OK SMS", "en", []),
        ("a b c d", "en", []),
        ("where is my order?", None, []),
    ],
)
def test_categories(text: str, language: str | None, categories: list[str]) -> None:
    assert moderate(text, language).categories == categories


def test_only_the_categories_asked_for_are_looked_for() -> None:
    assert moderate("fuck you, idiot", "en", ["insult"]).categories == ["insult"]
    assert moderate("fuck", "en", []).to_json() == {"flagged": False, "categories": [], "matches": []}


def test_an_authors_words_are_found_disguised_too() -> None:
    found = moderate("try A c m e or 4cme corp", "en", [], ["acme", "acme corp"])
    assert [(match.category, match.text) for match in found.matches] == [("words", "A c m e"), ("words", "4cme")]
    assert moderate("mega deal", "en", [], ["mega deal"]).matches[0].text == "mega deal"


def test_a_match_says_where_it_stands_and_does_not_repeat_personal_data() -> None:
    text = "pay with 4111 1111 1111 1111, idiot"
    matches = [match.to_json() for match in moderate(text, "en").matches]
    assert matches == [
        {"category": "personal_data", "text": "", "start": 9, "end": 28, "kind": "payment_card"},
        {"category": "insult", "text": "idiot", "start": 30, "end": 35, "kind": None},
    ]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("ada@example.com", "email"),
        ("DE89 3704 0044 0532 0130 00", "iban"),
        ("5500 0000 0000 0004", "payment_card"),
        ("529.982.247-25", "cpf"),
        ("12345678Z", "dni"),
        ("536-90-4399", "ssn"),
        ("AB 12 34 56 C", "national_insurance"),
        ("192.168.1.20", "ip_address"),
        ("2001:db8::1", "ip_address"),
        ("sk-abcdefghijklmnop1234", "secret"),
        ("my password is hunter2!", "secret"),
        ("I was born on 3 May 1990", "birth_date"),
        ("+44 20 7946 0018", "phone"),
        ("4111 1111 1111 1112", None),
        ("DE89 3704 0044 0532 0130 02", None),
        ("529.982.247-26", None),
        ("order 12345678", None),
        ("version 1.2.3", None),
        ("000-12-3456", None),
        ("my password is wrong", None),
        ("99999999999999999", None),
    ],
)
def test_personal_data(text: str, kind: str | None) -> None:
    assert [detail.kind for detail in find(text)] == ([] if kind is None else [kind])
