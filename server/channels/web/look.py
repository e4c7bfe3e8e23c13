"""What a channel's widget looks like: the settings a page needs, checked, because they end up in other people's pages."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from server.channels.queries import Channel

LANGUAGES = ("en", "ar", "de", "es", "fr", "it", "nl", "pt")
RIGHT_TO_LEFT = ("ar",)

_COLOR = re.compile(r"#[0-9a-f]{3}|#[0-9a-f]{6}|(?:rgb|hsl|oklch|oklab)\([0-9a-z%.,/ -]{1,60}\)", re.IGNORECASE)
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_ALLOWED = {"theme": re.compile("light|dark|auto"), "accent": _COLOR, "lang": _LANGUAGE, "uploads": re.compile("on|off")}
_WORD = re.compile("[a-z]{1,20}")
MOST_WORD_CHARACTERS = 200


def look_of(channel: Channel) -> dict[str, str]:
    """The widget's attributes: heading, accent, theme, lang, uploads, wording. A value that is not what it should be is left out."""
    given = {name: channel.settings.get("language" if name == "lang" else name) for name in _ALLOWED}
    safe = {name: value for name, value in given.items() if isinstance(value, str) and _ALLOWED[name].fullmatch(value)}
    wording = wording_of(channel.settings.get("wording"))
    own = {"wording": msgspec.json.encode(wording).decode()} if wording else {}
    return {"heading": str(channel.settings.get("heading") or channel.name)[:80], **safe, **own}


def wording_of(given: Any) -> Mapping[str, Mapping[str, str]]:
    """The channel's own words, {language: {word: text}}, from an object or its JSON; what is not of that form is left out."""
    if isinstance(given, str):
        try:
            given = msgspec.json.decode(given)
        except msgspec.DecodeError:
            return {}
    languages = given.items() if isinstance(given, dict) else ()
    found = {language: _words(words) for language, words in languages if _LANGUAGE.fullmatch(language) and isinstance(words, dict)}
    return {language: words for language, words in found.items() if words}


def _words(given: Mapping[str, Any]) -> dict[str, str]:
    return {name: text[:MOST_WORD_CHARACTERS] for name, text in given.items() if _WORD.fullmatch(name) and isinstance(text, str) and text}


def preferred_language(accept_language: str) -> str:
    """The language of the widget's own words that a browser would like best, from its `Accept-Language` header."""
    return next((tag for _, tag in sorted(_wishes(accept_language), key=lambda wish: -wish[0]) if tag in LANGUAGES), "en")


def direction_of(language: str) -> str:
    """`rtl` or `ltr`."""
    return "rtl" if language.split("-")[0] in RIGHT_TO_LEFT else "ltr"


def _wishes(accept_language: str) -> Iterator[tuple[float, str]]:
    for part in accept_language[:500].split(","):
        tag, _, parameter = part.partition(";")
        weight = parameter.strip().removeprefix("q=")
        yield float(weight) if re.fullmatch(r"[01](\.\d{1,3})?", weight) else 1.0, tag.strip().split("-")[0].lower()
