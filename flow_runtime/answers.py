"""Reading a customer's answer as what was asked for: a number, an e-mail address, a date, one of a list ... or None when it is not that.

Dates and times are read in the customer's language and time zone. A day without a year is the next one that comes.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from flow_runtime.conditions import as_number, matches
from flow_runtime.locales import DEFAULT_LANGUAGE, locale, zone
from flow_runtime.phrases import phrase, yes_or_no
from flow_runtime.printing import as_text

LONGEST = 4_000
_EMAIL = r"^[^\s@,;<>]{1,64}@[^\s@,;<>]{1,190}\.[^\s@,;<>.]{2,63}$"
_NUMBER = re.compile(r"(?<![\w.,+-])[+-]?\d{1,15}(?:[.,]\d{1,10})?(?![\w.,]*\d)(?!\w)")
_ISO_DATE = re.compile(r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})")
_DOTTED_DATE = re.compile(r"(?P<d>\d{1,2})\.\s?(?P<m>\d{1,2})\.(?:\s?(?P<y>\d{4}))?")
_SLASHED_DATE = re.compile(r"(?P<first>\d{1,2})/(?P<second>\d{1,2})(?:/(?P<y>\d{4}))?")
_NAMED_DATE = re.compile(
    r"(?:(?P<d1>\d{1,2})(?:st|nd|rd|th|er|º)?\.?\s+(?:of\s+|de\s+)?(?P<m1>[^\W\d_]{3,12})\.?|(?P<m2>[^\W\d_]{3,12})\.?\s+(?P<d2>\d{1,2})(?:st|nd|rd|th)?)"
    r"(?:,?\s+(?:de\s+)?(?P<y>\d{4}))?"
)
_TIME = re.compile(r"(?P<h>\d{1,2})(?:(?:[:.h])(?P<m>\d{2}))?\s*(?P<half>[ap]\.?m\.?|uhr|h)?", re.IGNORECASE)
_DAYS_AHEAD: Mapping[str, int] = {
    **dict.fromkeys(("today", "heute", "hoy", "aujourd'hui"), 0),
    **dict.fromkeys(("tomorrow", "morgen", "mañana", "demain"), 1),
    **dict.fromkeys(("day after tomorrow", "übermorgen", "pasado mañana", "après-demain"), 2),
}
_LEADING = re.compile(r"^(?:on|at|next|this|the|am|um|nächsten?|el|la|le|à|a las)\s+", re.IGNORECASE)
_MONTH_FIRST = frozenset(("en-us", "en"))


class Asked(Struct, frozen=True):
    """What was asked for: the kind of answer, its rules, and for whom.

    `options` are those of `one_of`, as (value, label); `pattern` is RE2 and must match the whole answer; `now` is UTC.
    """

    kind: str
    now: datetime
    language: str = DEFAULT_LANGUAGE
    time_zone: str = "UTC"
    minimum: float | None = None
    maximum: float | None = None
    pattern: str = ""
    options: Sequence[tuple[str, str]] = ()

    @property
    def today(self) -> date:
        """The customer's day."""
        return self.now.astimezone(zone(self.time_zone)).date()


def read_answer(text: str, asked: Asked) -> Any:
    """The answer as its kind, or None when it does not fit. Dates are ISO 8601 text, times "14:30", yes and no True and False."""
    words = text.strip()[:LONGEST]
    return _READERS[asked.kind](words, asked) if words else None


def pick_option(text: str, options: Sequence[tuple[str, str]]) -> str | None:
    """The value of the option that is meant: by its value, its label, its number, or because only its label stands in the text."""
    words = _bare(text)
    if not words:
        return None
    for number, (value, label) in enumerate(options, start=1):
        if words in (_bare(label), _bare(value), str(number)):
            return value
    named = picked_options(text, options) if len(words) <= 200 else []
    return named[0] if len(named) == 1 else None


def picked_options(text: str, options: Sequence[tuple[str, str]]) -> list[str]:
    """The values of all options that are named in the text, by label or number ("1 and 3"), in the order of the options."""
    words = f" {_bare(re.sub(r'[,;/&+]', ' ', text))} "
    numbers = set(words.split()) if re.fullmatch(r"[\d\s]+", re.sub(r"\b(?:and|und|y|et)\b", " ", words)) else set()
    return [value for number, (value, label) in enumerate(options, start=1) if f" {_bare(label)} " in words or str(number) in numbers]


def _bare(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" .,!?()")


def _number(text: str, asked: Asked) -> float | int | None:
    number = as_number(text)
    if number is None:
        found = _NUMBER.findall(text[:200])
        number = as_number(found[0]) if len(found) == 1 else None
    low, high = asked.minimum, asked.maximum
    if number is None or (low is not None and number < low) or (high is not None and number > high):
        return None
    return int(number) if float(number).is_integer() and abs(number) < 2**53 else number


def _email(text: str, _: Asked) -> str | None:
    found = [word for piece in text.split() if matches(word := piece.strip("<>()[],;:.!?\"'"), _EMAIL)]
    return found[0] if len(found) == 1 else None


def _phone(text: str, _: Asked) -> str | None:
    digits = re.sub(r"[\s().\-/]", "", text)
    return digits if matches(digits, r"^\+?[0-9]{6,15}$") else None


def _url(text: str, _: Asked) -> str | None:
    address = text if "://" in text else f"https://{text}"
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    fits = parts.scheme in ("http", "https") and "." in parts.netloc.strip(".") and not re.search(r"\s", text)
    return address if fits else None


def _date(text: str, asked: Asked) -> str | None:
    found = _day(text, asked)
    return None if found is None else found.isoformat()


def _day(text: str, asked: Asked) -> date | None:
    words = _LEADING.sub("", text[:60].strip(" .,!?").casefold())
    if words in _DAYS_AHEAD:
        return asked.today + timedelta(days=_DAYS_AHEAD[words])
    if (weekday := _weekday(words, asked.language)) is not None:
        return asked.today + timedelta(days=(weekday - asked.today.weekday() - 1) % 7 + 1)
    found = (_real(*written, asked) for written in _written_dates(text[:60].strip(), words, asked))
    return next((day for day in found if day is not None), None)


def _written_dates(text: str, words: str, asked: Asked) -> Iterator[tuple[str | None, int, int]]:
    """(year, month, day) for each way the text can be read as a written date."""
    for form in (_ISO_DATE, _DOTTED_DATE):
        if found := form.fullmatch(text):
            yield found["y"], int(found["m"]), int(found["d"])
    if found := _SLASHED_DATE.fullmatch(text):
        first, second = int(found["first"]), int(found["second"])
        month_first = (asked.language.casefold() in _MONTH_FIRST and first <= 12) or second > 12
        yield (found["y"], first, second) if month_first else (found["y"], second, first)
    if found := _NAMED_DATE.fullmatch(words):
        month = _month(found["m1"] or found["m2"], asked.language)
        if month is not None:
            yield found["y"], month, int(found["d1"] or found["d2"])


def _real(year: str | None, month: int, number: int, asked: Asked) -> date | None:
    """The day if there is one; without a year the next that comes."""
    try:
        if year is not None:
            return date(int(year), month, number)
        this_year = date(asked.today.year, month, number)
        return this_year if this_year >= asked.today else date(asked.today.year + 1, month, number)
    except ValueError:
        return None


def _weekday(word: str, language: str) -> int | None:
    """Monday is 0, as CLDR's names in the customer's language or in English have it."""
    return next((number for one in (language, DEFAULT_LANGUAGE) for number, name in _names(one, "days") if word == name), None)


def _month(word: str, language: str) -> int | None:
    return next((number for one in (language, DEFAULT_LANGUAGE) for number, name in _names(one, "months") if word == name), None)


def _names(language: str, of: str) -> Iterator[tuple[int, str]]:
    """Long and short names with their numbers."""
    known: Any = getattr(locale(language), of)["format"]
    for width in ("wide", "abbreviated"):
        for number, name in known[width].items():
            yield number, name.casefold().rstrip(".")


def _time(text: str, _: Asked) -> str | None:
    found = _TIME.fullmatch(_LEADING.sub("", text.strip(" .,!?")[:40]))
    if found is None or (found["m"] is None and found["half"] is None):
        return None
    hour, minute, half = int(found["h"]), int(found["m"] or 0), (found["half"] or "").casefold().replace(".", "")
    if half in ("am", "pm"):
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "pm" else 0)
    return f"{hour:02}:{minute:02}" if hour < 24 and minute < 60 else None


def _datetime(text: str, asked: Asked) -> str | None:
    """A day and a time, in either order, as an instant with the customer's offset."""
    try:
        given = datetime.fromisoformat(text[:40])
        return given.replace(tzinfo=given.tzinfo or zone(asked.time_zone)).isoformat() if len(text) > 10 else None
    except ValueError:
        words = re.sub(r"\s+(?:at|um|a las|à)\s+|,\s*", " ", text[:80]).split()
    for cut in range(1, len(words)):
        for day, moment in ((words[:cut], words[cut:]), (words[cut:], words[:cut])):
            found, clock = _day(" ".join(day), asked), _time(" ".join(moment), asked)
            if found is not None and clock is not None:
                return datetime.combine(found, time.fromisoformat(clock), zone(asked.time_zone)).isoformat()
    return None


def _one_of(text: str, asked: Asked) -> str | None:
    return pick_option(text, asked.options)


_READERS: Mapping[str, Callable[[str, Asked], Any]] = {
    "text": lambda text, _: text,
    "number": _number,
    "email": _email,
    "phone": _phone,
    "url": _url,
    "date": _date,
    "time": _time,
    "datetime": _datetime,
    "yes_no": lambda text, _: yes_or_no(text),
    "pattern": lambda text, asked: text if matches(text, rf"^(?:{asked.pattern})$") else None,
    "one_of": _one_of,
}

KINDS = tuple(_READERS)
"""Every kind of answer that can be asked for."""


def spoken(value: Any, asked: Asked) -> str:
    """An answer read back: yes and no in words, days and times as the customer writes them at home."""
    from babel.dates import format_date, format_datetime, format_time

    if isinstance(value, bool):
        return phrase("yes" if value else "no", asked.language)
    place = locale(asked.language)
    match asked.kind:
        case "date":
            return format_date(date.fromisoformat(value), "full", place)
        case "time":
            return format_time(time.fromisoformat(value), "short", locale=place)
        case "datetime":
            moment = datetime.fromisoformat(value).astimezone(zone(asked.time_zone)).replace(tzinfo=None)
            return format_datetime(moment, "medium", locale=place)
        case _:
            return as_text(value)
