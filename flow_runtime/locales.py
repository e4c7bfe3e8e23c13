"""Whose language and clock a text is written for: the customer's, from the pinned CLDR (Babel) and tz database (tzdata).

Zones are read from the package, never from the machine, so that a conversation replays the same everywhere.
"""

import re
from collections.abc import Mapping
from datetime import UTC, tzinfo
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from msgspec import Struct

if TYPE_CHECKING:
    from babel import Locale

DEFAULT_LANGUAGE = "en"
_ZONE = re.compile(r"[A-Za-z0-9_+-]{1,32}(?:/[A-Za-z0-9_+-]{1,32}){0,2}")
_TAG = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}")


class Manner(Struct, frozen=True):
    """How to write for one customer: BCP 47 language and IANA time zone. What is not known falls back to English and UTC."""

    language: str = DEFAULT_LANGUAGE
    time_zone: str = "UTC"


HOME = Manner()
"""Nothing is known about the customer."""


def manner_of(contact: Mapping[str, Any], usual: Manner = HOME) -> Manner:
    """How to write for this contact; what it does not say is as usual."""
    return Manner(contact.get("language") or usual.language, contact.get("time_zone") or usual.time_zone)


@lru_cache(maxsize=256)
def zone(name: str) -> tzinfo:
    """The time zone, UTC when there is none of that name."""
    return find_zone(name) or UTC


def find_zone(name: str) -> ZoneInfo | None:
    """The time zone of that IANA name, or None."""
    if not _ZONE.fullmatch(name):
        return None
    resource = files("tzdata").joinpath("zoneinfo", *name.split("/"))
    try:
        with resource.open("rb") as file:
            return ZoneInfo.from_file(file, key=name)
    except (OSError, ValueError):
        return None


@lru_cache(maxsize=256)
def locale(language: str) -> "Locale":
    """What CLDR knows of the language: "de-AT", else "de", else English."""
    from babel import Locale, UnknownLocaleError

    tag = language.replace("_", "-") if _TAG.fullmatch(language) else DEFAULT_LANGUAGE
    while tag:
        try:
            return Locale.parse(tag, sep="-")
        except (UnknownLocaleError, ValueError):
            tag = tag.rpartition("-")[0]
    return Locale.parse(DEFAULT_LANGUAGE)


def fallbacks(language: str) -> list[str]:
    """The language and those it is a dialect of: "de-AT" is ["de-AT", "de"]."""
    parts = language.split("-")
    return ["-".join(parts[:length]) for length in range(len(parts), 0, -1)]
