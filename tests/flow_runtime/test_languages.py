"""What the customer reads comes in their language; a language tag leads to its language, and what is not translated stays as written."""

import pytest

from flow_runtime import NodeFailure, Step, Turn
from tests.flow_runtime.playing import OURS, Chat, Scripted, flow_of, say, scripted

GREETING = "Hello {{ contact.name }}!\nHow are you?"
TEXTS = {
    "de": {GREETING: "Hallo {{ contact.name }}!\nWie geht es?", "Bye.": " "},
    "pt-BR": {GREETING: "Oi {{ contact.name }}!"},
}
FLOW = flow_of(
    {"greet": say(GREETING), "bye": say("Bye.")},
    [("greet", "next", "bye")],
    languages={"default": "en", "others": ["de", "pt-BR"], "texts": TEXTS},
)


@pytest.mark.parametrize(
    ("language", "greeting"),
    [
        (None, "Hello Ada!\nHow are you?"),
        ("en", "Hello Ada!\nHow are you?"),
        ("de", "Hallo Ada!\nWie geht es?"),
        ("de-AT", "Hallo Ada!\nWie geht es?"),
        ("DE-at", "Hallo Ada!\nWie geht es?"),
        ("pt-br", "Oi Ada!"),
        ("pt", "Hello Ada!\nHow are you?"),
        ("fr", "Hello Ada!\nHow are you?"),
    ],
)
def test_the_contacts_language_picks_the_text(language: str | None, greeting: str) -> None:
    chat = Chat(FLOW, contact={"name": "Ada", "language": language})
    assert chat.opens() == [greeting, "Bye."]


def test_what_is_said_when_something_goes_wrong_is_translated_too() -> None:
    def fails(_: Turn) -> Step:
        raise NodeFailure("shop", "The shop is closed.")

    flow = scripted(
        fails,
        settings={"fallback_text": "Sorry."},
        languages={"default": "en", "texts": {"de": {"Sorry.": "Entschuldigung."}}},
    )
    assert Chat(flow, contact={"language": "de"}).opens() == ["Entschuldigung."]


def test_what_a_customer_says_is_never_looked_up() -> None:
    flow = flow_of(
        {"ask": ("ask_question", {"text": "Name?", "save_as": "name"}), "say": say("{{ name }}")},
        [("ask", "next", "say")],
        languages={"default": "en", "texts": {"de": {"Bye.": "{{ 1 / 0 }}"}}},
    )
    chat = Chat(flow, contact={"language": "de"})
    chat.opens()
    assert chat.hears("Bye.") == ["Bye."]


@pytest.mark.parametrize(
    ("contact", "settings", "seen"),
    [
        ({}, {}, ("en", "UTC")),
        ({}, {"time_zone": "Europe/Vienna"}, ("en", "Europe/Vienna")),
        ({"language": "de-AT", "time_zone": "Asia/Tokyo"}, {"time_zone": "Europe/Vienna"}, ("de-AT", "Asia/Tokyo")),
    ],
)
def test_a_node_knows_language_and_time_zone(contact: dict[str, str], settings: dict[str, str], seen: tuple[str, str]) -> None:
    met: list[tuple[str, str]] = []

    def does(turn: Turn) -> Step:
        met.append((turn.language, turn.time_zone))
        return Step(end="completed")

    Chat(scripted(does, settings=settings), contact=contact).opens()
    assert met == [seen]


def test_a_node_changes_the_language_for_the_texts_after_it_and_for_good() -> None:
    flow = flow_of(
        {"n": ("scripted", {}), "greet": say(GREETING), "bye": ("ask_question", {"text": "{{ contact.language }}", "save_as": "x"})},
        [("n", "next", "greet"), ("greet", "next", "bye")],
        library={**OURS, "scripted": Scripted(lambda turn: Step(go="next", language="de"))},
        languages={"default": "en", "others": ["de"], "texts": TEXTS},
    )
    chat = Chat(flow, contact={"name": "Ada", "language": "en"})
    assert chat.opens() == ["Hallo Ada!\nWie geht es?", "de"]
    assert chat.state.contact["language"] == "de"
