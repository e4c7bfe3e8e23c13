"""Texts as intents are learned from and recognised in them."""

import re
import unicodedata

MAX_CHARACTERS = 2000

# Scripts written without spaces (Thai, kana, CJK, Hangul): each character becomes a word of its own.
_UNSPACED = re.compile("([\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff])")


def cleaned(text: str) -> str:
    """The text as the vectorizers read it."""
    return _UNSPACED.sub(r" \1 ", _composed(text)).strip()


def normalised(text: str) -> str:
    """The text for "is this the same sentence": letter case and spacing do not count."""
    return " ".join(_composed(text).casefold().split())


def _composed(text: str) -> str:
    whole = text[: 4 * MAX_CHARACTERS].encode("utf-8", "replace").decode()
    return unicodedata.normalize("NFKC", whole)[:MAX_CHARACTERS]
