"""What a channel's widget looks like: the settings a page needs, checked, because they end up in other people's pages."""

import re
from collections.abc import Iterator

from server.channels.queries import Channel

LANGUAGES = ("en", "de", "es", "ar")
RIGHT_TO_LEFT = ("ar",)

_COLOR = re.compile(r"#[0-9a-f]{3}|#[0-9a-f]{6}|(?:rgb|hsl|oklch|oklab)\([0-9a-z%.,/ -]{1,60}\)", re.IGNORECASE)
_ALLOWED = {"theme": re.compile("light|dark|auto"), "accent": _COLOR, "lang": re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")}


def look_of(channel: Channel) -> dict[str, str]:
    """The widget's attributes: heading, accent, theme, lang. A value that is not what it should be is left out."""
    given = {"accent": channel.settings.get("accent"), "theme": channel.settings.get("theme"), "lang": channel.settings.get("language")}
    safe = {name: value for name, value in given.items() if isinstance(value, str) and _ALLOWED[name].fullmatch(value)}
    return {"heading": str(channel.settings.get("heading") or channel.name)[:80], **safe}


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
