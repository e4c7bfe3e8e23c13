"""Web addresses: those that begin with http://, https:// or www."""

import re

from server.understanding.entities.hits import Circumstances, Hit

_URL = re.compile(r"(?<![\w@])(?:https?://|www\.)[^\s<>\"'“”]{3,1900}", re.IGNORECASE)
_CLOSING = {")": "(", "]": "[", "}": "{"}


def find(text: str, about: Circumstances) -> list[Hit]:
    """Every address, with https:// in front of one that begins with www. The sentence's own punctuation is left out."""
    hits = []
    for found in _URL.finditer(text):
        url = _without_punctuation(found[0])
        value = f"https://{url}" if url.casefold().startswith("www.") else url
        if "." in url or "localhost" in url:
            hits.append(Hit(found.start(), found.start() + len(url), value))
    return hits


def _without_punctuation(url: str) -> str:
    while url and (url[-1] in ".,;:!?" or (url[-1] in _CLOSING and url.count(url[-1]) > url.count(_CLOSING[url[-1]]))):
        url = url[:-1]
    return url
