"""Numbers in digits, read as the language writes them, and in words (by text2num, where it knows the language)."""

import re

from server.understanding.entities.hits import Circumstances, Hit, first_ones
from server.understanding.languages import DECIMAL_POINT

SPELT_OUT = frozenset(("de", "en", "es", "fr", "it", "nl", "pt"))
"""Languages whose number words text2num reads."""

MAX_DIGITS = 15
"""Longer ones name something (an order, an account), and would lose digits as a number."""

# Not inside a word, a date, a time, a version or an address; a unit may stand directly behind.
DIGITS = re.compile(
    r"(?<![\w.,:/@#])(?<!\w[-+−])[-+−]?"
    r"(?:\d{1,3}(?:(?P<group>[.,'’ \u00a0\u202f])\d{3})(?:(?P=group)\d{3})*(?:[.,]\d{1,6})?|\d+(?:[.,]\d{1,6})?)"
    r"(?=(?:kg|g|km|cm|mm|m|ml|l|x|h|min|st|er)?(?![\w@]))(?![.,:/'’-]\d)"
)
_TOKEN = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*|[^\w\s]")
_MINUS = frozenset(("minus", "moins", "menos", "meno", "min"))
_DECORATION = frozenset(("please", "bitte", "just", "only", "nur", "por", "favor", "s'il", "vous", "plait", "grazie", "thanks"))


def find(text: str, about: Circumstances) -> list[Hit]:
    """Every number, in digits or in words. "One" alone is a number only when it is all that was said."""
    return first_ones([*_in_digits(text, about.language), *_in_words(text, about.language)])


def _in_digits(text: str, language: str) -> list[Hit]:
    hits = []
    for found in DIGITS.finditer(text):
        value = value_of(found[0], language)
        if value is not None:
            hits.append(Hit(found.start(), found.end(), value))
    return hits


def value_of(digits: str, language: str) -> int | float | None:
    """The number that digits with separators stand for; None when there are too many digits.

    Of two kinds of separators the last one is the decimal sign. A single one in front of three digits is what the language makes of it.
    """
    sign = -1 if digits[0] in "-−" else 1
    plain = digits.lstrip("-+−")
    marks = [mark for mark in plain if not mark.isdigit()]
    if sum(character.isdigit() for character in plain) > MAX_DIGITS:
        return None
    decimal = _decimal_sign(plain, marks, language)
    whole, _, fraction = plain.rpartition(decimal) if decimal else (plain, "", "")
    number = "".join(str(int(character)) for character in whole if character.isdigit()) or "0"
    if not fraction:
        return sign * int(number)
    return sign * float(f"{number}.{''.join(str(int(character)) for character in fraction)}")


def _decimal_sign(plain: str, marks: list[str], language: str) -> str:
    if not marks or marks[-1] not in ".,":
        return ""
    last = marks[-1]
    if len(set(marks)) > 1:
        return last
    if len(marks) > 1:
        return ""
    three_behind = len(plain.rpartition(last)[2]) == 3
    grouping = "," if language in DECIMAL_POINT else "."
    return "" if three_behind and last == grouping else last


class _Token:
    """A word as text2num wants it."""

    def __init__(self, found: re.Match[str]) -> None:
        self.start, self.end, self._text = found.start(), found.end(), found[0]

    def text(self) -> str:
        return self._text.lower()

    def nt_separated(self, previous: "_Token") -> bool:
        return False

    def not_a_number_part(self) -> bool:
        return False


def _in_words(text: str, language: str) -> list[Hit]:
    if language not in SPELT_OUT:
        return []
    from text_to_num import find_numbers

    tokens = [_Token(found) for found in _TOKEN.finditer(text)]
    said = [token for token in tokens if token.text() not in _DECORATION and token.text().isalpha()]
    # Up to two a number word may be an article or a pronoun ("no one"); it counts when nothing else was said.
    lowest = 0.0 if len(said) == 1 else 2.0
    hits = []
    for number in find_numbers(tokens, language, lowest):
        words = tokens[number.start : number.end]
        if words and not number.is_ordinal and any(character.isalpha() for token in words for character in token.text()):
            minus = number.start > 0 and tokens[number.start - 1].text() in _MINUS
            value = -float(number.value) if minus else float(number.value)
            first = tokens[number.start - 1] if minus else words[0]
            hits.append(Hit(first.start, words[-1].end, int(value) if value.is_integer() else value))
    return hits
