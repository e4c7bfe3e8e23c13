"""Texts cut into words that know where they stand, and folded so that case, accents and width do not count."""

import re
import unicodedata
from dataclasses import dataclass

MAX_CHARACTERS = 2000
"""More of a text than this is not read."""

_WORD = re.compile(r"\w+(?:['’]\w+)*")
_UNSPACED = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


@dataclass(frozen=True, slots=True)
class Word:
    """One word: as it is compared, and its place in the text."""

    folded: str
    start: int
    end: int


def bounded(text: str) -> str:
    """As much of the text as is read, without halves of surrogate pairs."""
    return text[:MAX_CHARACTERS].encode("utf-8", "replace").decode()


def fold(text: str) -> str:
    """The text for comparing: no accents, no capitals, full-width letters as ordinary ones, spaces made one."""
    plain = "".join(character for character in unicodedata.normalize("NFKD", text) if not unicodedata.combining(character))
    return " ".join(plain.replace("’", "'").casefold().split())


def words_of(text: str) -> list[Word]:
    """The words of a text, in order."""
    return [Word(fold(found[0]), found.start(), found.end()) for found in _WORD.finditer(text)]


def is_unspaced(text: str) -> bool:
    """Whether the text is in a script that puts no spaces between words (Chinese, Japanese, Thai)."""
    return _UNSPACED.search(text) is not None
