"""The tests every kind of channel passes: `complaints(folder)` is empty for a folder that may be used."""

import importlib.util
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from flow_runtime import ChannelLimits
from server.channels.about import About
from server.channels.cases import Cases, complaints_about, read_cases, try_verify
from server.channels.contract import PREVIOUS, Adapter

LIMITS = frozenset(field.name for field in fields(ChannelLimits)) - {"kind", "title", "buttons"}
LONG_TEXT = " ".join(f"word{number}" for number in range(4_000))
SAID: Mapping[str, Mapping[str, Any]] = {
    "a text": {"type": "text", "text": "Hello <b>&</b> *you* _there_ [link](https://example.com)"},
    "a long text": {"type": "text", "text": LONG_TEXT},
    "one long word": {"type": "text", "text": "x" * 50_000},
    "choices": {"type": "text", "text": "Which?", "choices": [{"value": "s", "label": "Small"}, {"value": "l", "label": "Large"}]},
    "thirty choices": {
        "type": "text",
        "text": "Which?",
        "choices": [{"value": f"value{n}", "label": f"Choice {n} " + "long " * 20} for n in range(30)],
    },
    "cards": {
        "type": "text",
        "text": "",
        "cards": [
            {
                "title": f"Shoe {n}",
                "text": "It fits.",
                "image_url": "https://example.com/shoe.png",
                "alt": "A shoe",
                "buttons": [{"label": "Take it", "value": f"shoe{n}"}, {"label": "See it", "url": "https://example.com/shoe"}],
            }
            for n in range(12)
        ],
    },
    "files": {
        "type": "text",
        "text": "Look",
        "media": [{"kind": kind, "url": f"https://example.com/{kind}", "alt": kind} for kind in ("image", "audio", "video", "file")],
    },
    "a question for a file": {"type": "text", "text": "Send a photo", "asks": "file", "asks_about": {"accept": ["image/*"]}},
    "a question for a place": {"type": "text", "text": "Where are you?", "asks": "location", "asks_about": {}},
    "a template": {"type": "text", "text": "Hi Ada", "template": {"name": "hello", "language": "en_US", "parameters": ["Ada"]}},
}
"""Everything a bot may say, as stored in the transcript."""


def complaints(folder: Path) -> list[str]:
    """Everything that keeps the folder from being a good channel, in sentences."""
    try:
        about = msgspec.json.decode((folder / "channel.json").read_bytes(), type=About)
    except (OSError, msgspec.DecodeError) as error:
        return [f"channel.json: {error}"]
    found = [*_about(folder, about), *_help(folder)]
    if about.kind == "web":  # pulls its messages: there is no other side to prove, to read or to send to
        return found
    try:
        adapter, cases = _adapter(folder), read_cases(folder)
    except (OSError, ImportError, AttributeError, SyntaxError, ValueError) as error:
        return [*found, f"{type(error).__name__}: {error}"]
    return [*found, *_proof(adapter, cases), *_rendering(adapter, cases), *complaints_about(adapter, cases)]


def _adapter(folder: Path) -> Adapter:
    spec = importlib.util.spec_from_file_location(f"channel_{folder.name}", folder / "adapter.py")
    if spec is None or spec.loader is None:
        raise ImportError("adapter.py cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    adapter = module.adapter
    if not isinstance(adapter, Adapter):
        raise ValueError("adapter.py: `adapter` is not an Adapter")
    return adapter


def _about(folder: Path, about: About) -> Iterator[str]:
    if about.kind != folder.name:
        yield f"channel.json: the kind is {about.kind}, the folder {folder.name}"
    if not about.summary:
        yield "channel.json: a summary says in one sentence whom the channel reaches"
    for name in about.limits.keys() - LIMITS:
        yield f"channel.json: there is no limit {name}; there are {', '.join(sorted(LIMITS))}"
    for field in (*about.settings, *about.secrets):
        if not field.help:
            yield f"channel.json: {field.name} has no help: say where to find it"
        try:
            re.compile(field.pattern or "")
        except re.error as error:
            yield f"channel.json: the pattern of {field.name}: {error}"
    names = [field.name for field in (*about.settings, *about.secrets)]
    for name in {name for name in names if names.count(name) > 1}:
        yield f"channel.json: {name} is there twice"


def _help(folder: Path) -> Iterator[str]:
    text = (folder / "help.md").read_text(encoding="utf-8") if (folder / "help.md").is_file() else ""
    if not text.startswith("# ") or len(text) < 300:
        yield "help.md: begins with a heading and leads from nothing to a channel that works"


def _proof(adapter: Adapter, cases: Cases) -> Iterator[str]:
    good = [case for case in cases.requests if case.expect.get("refused") in (None, "Unusable")]
    if not good:
        yield "cases.json: there is no request that is proven"
    for case in good:
        settings, secrets, asked = {**cases.settings, **case.settings}, {**cases.secrets, **case.secrets}, case.request
        strange = dict.fromkeys(asked.headers, "\u00e9\u0000")
        tries = [
            ("is taken without a secret", asked, dict.fromkeys(secrets, ""), "NotConfigured"),
            ("is not taken while a secret is rotated", asked, {name + PREVIOUS: value for name, value in secrets.items()}, None),
            ("is taken without any header", replace(asked, headers={}), secrets, "NotProven"),
            ("headers of other than ASCII letters are not refused", replace(asked, headers=strange), secrets, "NotProven"),
            ("is taken although headers came twice", replace(asked, doubled=tuple(asked.headers)), secrets, "NotProven"),
        ]
        if cases.proves == "body":
            tries.append(("is taken with another body", replace(asked, body=asked.body + " "), secrets, "NotProven"))
        for complaint, request, known, expected in tries:
            if try_verify(adapter, request, settings, known) != expected:
                yield f"{case.name}: {complaint}"


def _rendering(adapter: Adapter, cases: Cases) -> Iterator[str]:
    for name, body in SAID.items():
        try:
            parts = adapter.render(body, cases.settings)
            text = json.dumps(list(parts))
        except Exception as error:
            yield f"render: {name}: {type(error).__name__}: {error}"
            continue
        if not parts:
            yield f"render: {name}: nothing would be sent"
        if list(adapter.render(body, cases.settings)) != list(parts):
            yield f"render: {name}: is not the same twice"
        for word in _words(body):
            if word not in text:
                yield f"render: {name}: {word!r} is lost"
                break


def _words(body: Mapping[str, Any]) -> Iterator[str]:
    """What must reach the customer whatever the channel can show."""
    if body.get("template"):
        return  # the provider has its words
    if len(body["text"]) < 50_000:
        yield from re.findall(r"\w+", body["text"])
    for choice in body.get("choices", ()):
        yield " ".join(choice["label"].split()[:2])
    for card in body.get("cards", ()):
        yield card["title"]
    for media in body.get("media", ()):
        yield media["url"]
