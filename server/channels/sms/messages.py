"""Messages of the bot as text messages: words, numbered choices, links; pictures as MMS where the sender may."""

import re
from collections.abc import Mapping
from typing import Any

from server.channels.contract import Settings
from server.channels.sms.segments import in_messages
from server.channels.words import words_of

MOST_SEGMENTS = 10
MOST_MEDIA = 10

_LINK = re.compile(r"\[([^\[\]\n]{1,500})\]\((https?://[^\s()]{1,2000})\)")
_BOLD = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*")
_SHOWN = ("image", "audio", "video")

Part = dict[str, Any]


def parts_of(body: Mapping[str, Any], settings: Settings) -> list[Part]:
    """The messages to send, in order, without the number."""
    pictures = [one["url"] for one in body.get("media", ()) if one["kind"] in _SHOWN] if settings.get("mms") == "on" else []
    shown = [url for url in pictures if url.startswith("https://")][:MOST_MEDIA]
    others = [one for one in body.get("media", ()) if one["url"] not in shown]
    said = {**body, "media": others}
    silent = shown and not (body.get("text") or others or body.get("cards") or body.get("choices"))
    parts: list[Part] = [] if silent else [{"Body": text} for text in in_messages(as_plain(words_of(said)), most_segments(settings))]
    if not shown:
        return parts
    return [{"MediaUrl": shown}] if not parts else [*parts[:-1], {**parts[-1], "MediaUrl": shown}]


def as_plain(text: str) -> str:
    """Our Markdown without its marks; links stand beside their words."""
    return _BOLD.sub(r"\1", _LINK.sub(r"\1: \2", text))


def most_segments(settings: Settings) -> int:
    """How many segments one message may take."""
    given = str(settings.get("most_segments") or MOST_SEGMENTS)
    return min(int(given), MOST_SEGMENTS) if given.isascii() and given.isdigit() and int(given) else MOST_SEGMENTS
