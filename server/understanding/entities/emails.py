"""E-mail addresses, as people write them in a sentence."""

import re

from server.understanding.entities.hits import Circumstances, Hit

EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_]{2,24}(?![\w@-])")


def find(text: str, about: Circumstances) -> list[Hit]:
    """Every address, its domain in small letters. Nothing is looked up."""
    return [
        Hit(found.start(), found.end(), f"{found[0].rpartition('@')[0]}@{found[0].rpartition('@')[2].lower()}")
        for found in EMAIL.finditer(text)
        if ".." not in found[0] and not found[0].startswith(".") and ".@" not in found[0]
    ]
