"""The calls of flows: plain data in and out, the same every time, in bounded time, without a connection."""

import socket
import subprocess
import sys
import time
from typing import Any

import msgspec
import pytest

from server.kit.calls import CallFailed
from server.understanding.perform import analyse_sentiment, detect_language, entities, look_over

ANSWERS = {"nlu.entities": entities, "nlu.language": detect_language, "nlu.sentiment": analyse_sentiment, "nlu.moderate": look_over}
NOW = "2026-03-10T12:00:00+00:00"
KINDS = ("number", "amount", "date", "datetime", "time", "email", "phone", "url", "text", "yes_no", "name")
SLOTS = [
    *({"name": kind, "type": kind} for kind in KINDS),
    {"name": "city", "type": "list", "entries": [{"value": "Paris", "words": ["paname"]}]},
    {"name": "code", "type": "pattern", "pattern": "^(a+)+$"},
]


def payload_of(kind: str, text: str) -> dict[str, Any]:
    """A call about that text."""
    return (
        {"text": text, "slots": SLOTS, "now": NOW, "time_zone": "Europe/Paris", "language": "fr"}
        if kind == "nlu.entities"
        else {"text": text}
    )


@pytest.fixture
def no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.usefixtures("no_sockets")
@pytest.mark.parametrize("kind", ANSWERS)
def test_nothing_is_asked_of_the_network(kind: str) -> None:
    ANSWERS[kind](payload_of(kind, "Demain à 17h, écrivez à ada@example.com ou https://x.example, 20 euros"))


@pytest.mark.parametrize("kind", ANSWERS)
@pytest.mark.parametrize(
    "text",
    ["", " ", "\x00", "😀", "我", "\ud800", "a" * 1_000_000, "1 " * 1000, "may " * 500, "a@" * 1000, "http://" * 300,
     "*" * 2000, "12:" * 700,
     "10/10/" * 340, "f u " * 500, "tomorrow " * 250, "+1 650 " * 280, "\u202e\u0301" * 1000, "i̇" * 1000],
    ids=lambda text: repr(text[:6]),
)  # fmt: skip
def test_any_text_is_answered_soon_and_the_same_twice(kind: str, text: str) -> None:
    ANSWERS[kind](payload_of(kind, "warm"))
    began = time.process_time()
    first = ANSWERS[kind](payload_of(kind, text))
    assert time.process_time() - began < 1.5
    assert first == ANSWERS[kind](payload_of(kind, text))
    msgspec.json.encode(first)


def test_entities() -> None:
    value = entities(payload_of("nlu.entities", "Paname demain"))
    assert value["values"]["city"] == "Paris"
    assert value["values"]["datetime"] == "2026-03-11T00:00:00+01:00"
    assert {found["name"] for found in value["found"]} == value["values"].keys()


def test_language_keeps_the_language_so_far_for_one_word() -> None:
    asked = {"text": "refund", "among": ["en", "fr"], "current": "fr"}
    assert detect_language(asked)["language"] == "fr"
    assert detect_language({"text": "where is my order", "among": ["en", "fr"], "current": "fr"})["language"] == "en"


def test_language_is_named_as_the_bot_names_it() -> None:
    assert detect_language({"text": "👍", "among": ["en", "de"], "current": "en-US"})["language"] == "en"
    assert detect_language({"text": "👍", "among": ["de"], "current": "en-US"})["language"] == "en-US"


def test_libraries_are_loaded_only_when_they_are_needed() -> None:
    libraries = "dateparser phonenumbers py3langid rapidfuzz vaderSentiment text_to_num price_parser numpy"
    code = f"import sys, server.understanding.perform; print([name for name in {libraries.split()} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("nlu.entities", {"text": "x"}),
        ("nlu.entities", {"text": "x", "slots": [{"name": "a", "type": "planet"}]}),
        ("nlu.entities", {"text": "x", "slots": [{"name": "a", "type": "pattern", "pattern": "(?=a)"}]}),
        ("nlu.language", {}),
        ("nlu.sentiment", {"text": None}),
        ("nlu.moderate", {"text": ["x"]}),
    ],
)
def test_a_call_that_makes_no_sense_is_refused(kind: str, payload: dict[str, Any]) -> None:
    with pytest.raises(CallFailed) as failed:
        ANSWERS[kind](payload)
    assert failed.value.end.error is not None
    assert failed.value.end.error.kind == "refused"
