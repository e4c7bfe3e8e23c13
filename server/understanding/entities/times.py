"""Times of day: 17:30, 5 pm, 17 Uhr, 17h30, half past five, noon."""

import re
from datetime import time

from server.understanding.entities.hits import Circumstances, Hit, first_ones

_HOURS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_STUNDEN = ["eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn", "elf", "zwölf"]
_NUMBER = rf"\d{{1,2}}|{'|'.join(_HOURS)}"
_PM = r"\s?(?P<half>[ap])\.?\s?m\b\.?"

_FORMS = (
    re.compile(rf"(?<![\w.,:/-])(?P<hour>\d{{1,2}})[:.](?P<minute>[0-5]\d){_PM}", re.IGNORECASE),
    re.compile(
        r"(?<![\w.,:/-])(?P<hour>\d{1,2}):(?P<minute>[0-5]\d)(?::[0-5]\d)?(?![\w:])(?!\.\d)(?:\s?(?:uhr|h|o'clock)\b)?", re.IGNORECASE
    ),
    re.compile(rf"(?<![\w.,:/-])(?P<hour>{_NUMBER}){_PM}", re.IGNORECASE),
    re.compile(r"(?<![\w.,:/-])(?P<hour>\d{1,2})(?:[.:](?P<minute>[0-5]\d))?\s?uhr\b(?:\s?(?P<after>[0-5]\d)\b)?", re.IGNORECASE),
    re.compile(r"(?<![\w.,:/-])(?P<hour>\d{1,2})\s?h(?P<minute>[0-5]\d)?(?!\w)", re.IGNORECASE),
    re.compile(rf"\b(?P<hour>{_NUMBER})\s+o['’]?clock\b", re.IGNORECASE),
    re.compile(rf"\b(?P<part>half past|quarter past|quarter to)\s+(?P<hour>{_NUMBER})\b", re.IGNORECASE),
    re.compile(rf"\b(?P<part>halb|viertel nach|viertel vor)\s+(?P<hour>\d{{1,2}}|{'|'.join(_STUNDEN)})\b", re.IGNORECASE),
)
_NAMED = {
    "noon": time(12), "midday": time(12), "midnight": time(0), "mittags": time(12), "mitternacht": time(0), "midi": time(12),
    "minuit": time(0), "mediodía": time(12), "mediodia": time(12), "medianoche": time(0), "mezzogiorno": time(12), "mezzanotte": time(0),
    "meio-dia": time(12), "meia-noite": time(0),
}  # fmt: skip
_NAME = re.compile(rf"\b(?:{'|'.join(_NAMED)})\b", re.IGNORECASE)
_PARTS = {"half past": 30, "quarter past": 15, "quarter to": -15, "halb": -30, "viertel nach": 15, "viertel vor": -15}


def find(text: str, about: Circumstances) -> list[Hit]:
    """Every time of day as `datetime.time`. Hours up to 12 without am or pm are taken as they are written."""
    hits = [Hit(found.start(), found.end(), _NAMED[found[0].casefold()]) for found in _NAME.finditer(text)]
    for form in _FORMS:
        for found in form.finditer(text):
            moment = _time(found.groupdict())
            if moment is not None:
                hits.append(Hit(found.start(), found.end(), moment))
    return first_ones(hits)


def _time(said: dict[str, str | None]) -> time | None:
    word = (said["hour"] or "").casefold()
    hour = int(word) if word.isdigit() else (_HOURS if word in _HOURS else _STUNDEN).index(word) + 1
    minutes = int(said.get("minute") or said.get("after") or 0) + _PARTS.get((said.get("part") or "").casefold(), 0)
    half = (said.get("half") or "").casefold()
    if half and not 1 <= hour <= 12:
        return None
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    whole = hour * 60 + minutes
    return time(whole // 60 % 24, whole % 60) if hour <= 24 and 0 <= whole <= 24 * 60 else None
