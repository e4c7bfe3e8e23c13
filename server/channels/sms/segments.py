"""How carriers count a text (3GPP TS 23.038 and 23.040): in segments of 160 letters of their alphabet, or of 70 when it has others."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from server.channels.words import in_parts

GSM_7 = frozenset(
    "@\u00a3$\u00a5\u00e8\u00e9\u00f9\u00ec\u00f2\u00c7\n\u00d8\u00f8\r\u00c5\u00e5\u0394_\u03a6\u0393\u039b\u03a9\u03a0\u03a8\u03a3\u0398\u039e"
    "\u00c6\u00e6\u00df\u00c9 !\"#\u00a4%&'()*+,-./0123456789:;<=>?\u00a1ABCDEFGHIJKLMNOPQRSTUVWXYZ\u00c4\u00d6\u00d1\u00dc\u00a7\u00bf"
    "abcdefghijklmnopqrstuvwxyz\u00e4\u00f6\u00f1\u00fc\u00e0"
)
EXTENDED = frozenset("^{}\\[~]|\u20ac\f")
"""Letters that take two places."""
MOST_CHARACTERS = 1_600

_ALONE, _JOINED = {"GSM-7": 160, "UCS-2": 70}, {"GSM-7": 153, "UCS-2": 67}
_PLAIN = str.maketrans(
    {
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033", '"'),
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u0060\u00b4", "'"),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2022", "-"),
        **dict.fromkeys("\u00a0\u2002\u2003\u2009\u202f\t", " "),
        **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u00ad", ""),
        "\u2026": "...",
        "\u2122": "(TM)",
    }
)

Encoding = Literal["GSM-7", "UCS-2"]


@dataclass(frozen=True, slots=True)
class Counted:
    """What a text costs: the alphabet it needs, the places it takes in it, and the segments that are paid."""

    encoding: Encoding
    units: int
    segments: int


def counted(text: str) -> Counted:
    """Count a text. A letter of two places is never divided between two segments."""
    encoding: Encoding = "GSM-7" if all(letter in GSM_7 or letter in EXTENDED for letter in text) else "UCS-2"
    widths = [_width(letter, encoding) for letter in text]
    units = sum(widths)
    if units <= _ALONE[encoding]:
        return Counted(encoding, units, 1)
    segments, used = 1, 0
    for width in widths:
        if used + width > _JOINED[encoding]:
            segments, used = segments + 1, 0
        used += width
    return Counted(encoding, units, segments)


def in_plain_letters(text: str) -> str:
    """The text with typewriter's quotes and dashes when that saves the dearer alphabet; otherwise as it is."""
    plain = text.translate(_PLAIN)
    return plain if counted(plain).encoding == "GSM-7" else text


def in_messages(text: str, most_segments: int) -> list[str]:
    """The text in messages of at most so many segments and 1 600 characters each; at least one."""
    return list(_cut(in_plain_letters(text), most_segments))


def _cut(text: str, most_segments: int) -> Iterator[str]:
    for size in (153, 76, 67, 33, 16):
        parts = in_parts(text, min(MOST_CHARACTERS, size * most_segments))
        if all(counted(part).segments <= most_segments for part in parts):
            break
    yield from parts


def _width(letter: str, encoding: Encoding) -> int:
    if encoding == "UCS-2":
        return 2 if ord(letter) > 0xFFFF else 1
    return 2 if letter in EXTENDED else 1
