"""Names that people give to things: what is shown must be what was written."""

import unicodedata

# They turn the direction of what follows around: a name with one reads differently from what it is (Unicode UAX 9, 2.1 to 2.4).
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


def is_visible(text: str) -> bool:
    """Whether there is anything to see in it: blanks, control and zero-width characters are nothing."""
    return any(unicodedata.category(letter)[0] not in "CZ" for letter in text)


def is_turned(text: str) -> bool:
    """Whether it has characters that turn the direction of writing around."""
    return not TURNING.isdisjoint(text)
