"""Messages of the bot on X: all words in one direct message of at most 10 000 characters, or in posts that weigh at most 280.

How much a post weighs: docs.x.com/resources/fundamentals/counting-characters.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from server.channels.words import in_parts, unmarked, words_of

MOST_DIRECT = 10_000
MOST_POST = 280
LINK_WEIGHT = 23

_LINK = re.compile(r"https?://\S+")
_LIGHT = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))

Part = dict[str, Any]


def direct_parts(body: Mapping[str, Any]) -> list[Part]:
    """The direct messages that say it, in order: `text`, and at most one `picture`, which X wants uploaded."""
    return _parts(body, in_parts(_words(body), MOST_DIRECT))


def post_parts(body: Mapping[str, Any]) -> list[Part]:
    """The same as answers under a post."""
    return _parts(body, list(_light(_words(body))))


def with_link(part: Mapping[str, Any]) -> str:
    """The words of a part whose picture could not be uploaded: they say where it is."""
    picture = part["picture"]
    return "\n\n".join(words for words in (part["text"], f"{picture['alt'] or 'Image'}: {picture['url']}") if words)


def weight(text: str) -> int:
    """How much of a post's 280 the text takes: links 23, Latin letters 1, ideographs and emoji 2."""
    bare, links = _LINK.subn("", text)
    return LINK_WEIGHT * links + sum(1 if any(first <= ord(letter) <= last for first, last in _LIGHT) else 2 for letter in bare)


def _parts(body: Mapping[str, Any], texts: list[str]) -> list[Part]:
    """The pictures come with the last words; further ones by themselves."""
    parts: list[Part] = [{"text": text} for text in texts if text]
    for number, media in enumerate(_pictures(body)):
        picture = {"url": media["url"], "alt": media.get("alt", "")}
        if number == 0 and parts:
            parts[-1]["picture"] = picture
        else:
            parts.append({"text": "", "picture": picture})
    return parts


def _words(body: Mapping[str, Any]) -> str:
    others = [media for media in body.get("media", ()) if media["kind"] != "image"]
    rest = {**body, "media": others}
    if _pictures(body) and not any(rest.get(name) for name in ("text", "choices", "cards", "media")):
        return ""
    return unmarked(words_of(rest))


def _pictures(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [media for media in body.get("media", ()) if media["kind"] == "image"]


def _light(text: str) -> Iterator[str]:
    """Parts that fit into a post; what weighs too much is cut again, in halves."""
    for part in in_parts(text, MOST_POST):
        if weight(part) <= MOST_POST:
            yield part
        else:
            for half in in_parts(part, (len(part) + 1) // 2):
                yield from _light(half)
