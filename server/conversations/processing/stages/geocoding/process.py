"""Asks a server with Nominatim's API (https://nominatim.org/release-docs/latest/api/Reverse/) for the address of a place."""

from typing import Any
from urllib.parse import urlencode

import msgspec
from msgspec import structs

from flow_runtime import Location
from server.conversations.processing.contract import Aids, Result, Said, Settings, StageFailed
from server.kit.http import OutboundFailed, OutboundRefused

TIMEOUT_S = 3.5
MOST_BYTES = 100_000
MOST_CHARACTERS = 500
_PARTS = ("road", "house_number", "suburb", "city", "town", "village", "postcode", "state", "country", "country_code")


async def process(said: Said, settings: Settings, aids: Aids) -> Result:
    """The address. It becomes the place's name, where the place has none."""
    place = said.input
    assert isinstance(place, Location)
    told = await _ask(place, settings, aids)
    label = told.get("display_name")
    if not isinstance(label, str) or not label:
        return Result({"address": None})
    label = _line(label)
    parts = told.get("address")
    known = {name: _line(parts[name]) for name in _PARTS if isinstance(parts.get(name), str)} if isinstance(parts, dict) else {}
    return Result({"address": label, "parts": known}, None if place.label else structs.replace(place, label=label))


async def _ask(place: Location, settings: Settings, aids: Aids) -> dict[str, Any]:
    if not settings["server"]:
        raise StageFailed("No server is set.")
    asked = {"format": "jsonv2", "lat": place.latitude, "lon": place.longitude, "zoom": settings["detail"]}
    if settings["language"]:
        asked["accept-language"] = settings["language"]
    try:
        answer = await aids.http.request(
            "GET", f"{settings['server'].rstrip('/')}/reverse?{urlencode(asked)}", timeout_s=TIMEOUT_S, max_bytes=MOST_BYTES
        )
        told = msgspec.json.decode(answer.body) if answer.status == 200 else None
    except (OutboundRefused, OutboundFailed) as error:
        raise StageFailed(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise StageFailed("The server's answer is not JSON.") from None
    if not isinstance(told, dict):
        raise StageFailed(f"The server answered with status {answer.status}.")
    return told


def _line(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())[:MOST_CHARACTERS]
