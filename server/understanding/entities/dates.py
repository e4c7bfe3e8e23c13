"""Dates, by the library dateparser behind guards: times are read first, numeric dates next, weak words alone are refused."""

import re
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from server.understanding.entities import times
from server.understanding.entities.hits import Circumstances, Hit, first_ones

MAX_CHARACTERS = 250
"""dateparser is slow on long texts; a date is not asked for in an essay."""

JOINED_BY = 10
"""A date and a time this many characters apart are one hit; what stands between others (" for 4 people ") is not theirs."""

_NUMERIC = re.compile(
    r"(?<![\d.,/-])(?<!\d\s)(?:\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d{2})|\d{1,2}\.\d{1,2}\.)(?![\d/-])(?!\.\d)"
)
_NO_DATE_BEHIND = re.compile(r"(?:version|v|build|ip|release)\s*$", re.IGNORECASE)
_WEAK = re.compile(
    r"(?:(?:in|on|the|a|an|at|of|am|im|le|el|il|o|um|de|by|for|to|und|and)\s+)*"
    r"(?:may|mar|mär|march|sat|sun|mon|wed|thu|fri|tue|dec|jan|second|now|so|mi|mai|\d{1,5}|[^\W\d_]{1,3})\.?",
    re.IGNORECASE,
)
_DAY_ALONE = frozenset(["mon", "tue", "wed", "thu", "fri", "sat", "sun", "now", "may", "march", "so", "mo", "di", "mi", "do", "fr", "sa"])
_FILLERS = re.compile(
    r"^(?:(?:on|at|the|in|um|am|by|for|from|to|between|le|el|il|à|a|von|vom|bis|zum|du|au|del|al|dal)\s+)+"
    r"|(?:\s+(?:on|at|um|am|in|by|and|to|until|und|bis|à|a|al|au|e|y|et|de|von|from|for))+$|[\s,.;]+$",
    re.IGNORECASE,
)
_MONTH_FIRST = frozenset(("US", "PH", "PW", "FM", "MH"))


def find_dates(text: str, about: Circumstances) -> list[Hit]:
    """Every date as 2026-03-31. A date without its year is the next one."""
    return [Hit(hit.start, hit.end, hit.value.date().isoformat()) for hit in _moments(text, about)[0]]


def find_times(text: str, about: Circumstances) -> list[Hit]:
    """Every time of day as 17:30."""
    return [Hit(hit.start, hit.end, f"{hit.value:%H:%M}") for hit in times.find(text[:MAX_CHARACTERS], about)]


def find_datetimes(text: str, about: Circumstances, zone: ZoneInfo) -> list[Hit]:
    """Moments as 2026-03-31T17:30:00+02:00: each date with the time beside it; a time alone is the next such time."""
    days, clocks = _moments(text, about)
    if not days:
        return [Hit(clock.start, clock.end, _written(_next(clock.value, about.now), zone)) for clock in clocks]
    left = list(clocks)
    hits = []
    for day in days:
        clock = min(left, key=lambda clock: min(abs(clock.start - day.end), abs(day.start - clock.end)), default=None)
        if clock is None:
            hits.append(Hit(day.start, day.end, _written(_day_or_moment(day.value, about.now), zone)))
            continue
        left.remove(clock)
        moment = datetime.combine(day.value.date(), clock.value)
        together = max(clock.start - day.end, day.start - clock.end) <= JOINED_BY
        start, end = (min(day.start, clock.start), max(day.end, clock.end)) if together else (day.start, day.end)
        hits.append(Hit(start, end, _written(moment, zone)))
    return first_ones(hits)


def _written(moment: datetime, zone: ZoneInfo) -> str:
    return moment.replace(tzinfo=zone).isoformat(timespec="seconds")


def _day_or_moment(said: datetime, now: datetime) -> datetime:
    """Midnight for "tomorrow", which dateparser gives the time of now; "in two hours" as it is."""
    whole = now.replace(tzinfo=None, microsecond=0).time()
    return datetime.combine(said.date(), time()) if said.time() == whole else said


def _next(clock: time, now: datetime) -> datetime:
    moment = datetime.combine(now.date(), clock)
    return moment if moment > now.replace(tzinfo=None) else moment + timedelta(days=1)


def _moments(text: str, about: Circumstances) -> tuple[list[Hit], list[Hit]]:
    """The days (as datetimes; with a time only when it was said relative to now) and the times of day of a text."""
    text = text[:MAX_CHARACTERS]
    clocks = times.find(text, about)
    rest = _blanked(text, clocks)
    forms = list(_NUMERIC.finditer(rest))
    numeric = [hit for found in forms if (hit := _numeric(rest, found, about)) is not None]
    rest = _blanked(rest, [Hit(found.start(), found.end(), None) for found in forms])
    return first_ones([*numeric, *_in_words(rest, about)]), clocks


def _blanked(text: str, hits: list[Hit]) -> str:
    """The text with spaces where the hits are, so that places stay."""
    for hit in hits:
        text = text[: hit.start] + " " * (hit.end - hit.start) + text[hit.end :]
    return text


def _numeric(text: str, found: re.Match[str], about: Circumstances) -> Hit | None:
    if _NO_DATE_BEHIND.search(text, 0, found.start()):
        return None
    numbers = [int(part) for part in re.findall(r"\d+", found[0])]
    if len(str(numbers[0])) == 4 or found[0][:4].isdigit():
        year, month, day = numbers
    else:
        month_first = "/" in found[0] and about.country in _MONTH_FIRST
        first, second = numbers[:2]
        day, month = (second, first) if month_first else (first, second)
        if month > 12 and day <= 12:
            day, month = month, day
        year = numbers[2] if len(numbers) == 3 else about.now.year
    year = year + 2000 if year < 70 else year + 1900 if year < 100 else year
    try:
        moment = datetime(year, month, day)
        if len(numbers) == 2 and moment.date() < about.now.date():
            moment = datetime(year + 1, month, day)
    except ValueError:
        return None
    return Hit(found.start(), found.end(), moment)


def _in_words(text: str, about: Circumstances) -> Iterator[Hit]:
    from dateparser.search import search_dates

    if not text.strip():
        return
    try:
        found = search_dates(text, languages=[_known(about.language)], settings=_settings(about)) or []
    except (ValueError, TypeError, OverflowError, RecursionError, KeyError, IndexError, AttributeError):
        return  # dateparser stumbles over some texts; then it has found no date
    at = 0
    for words, moment in found:
        start = text.find(words, at)
        if start < 0:
            continue
        at = start + len(words)
        if _is_date(words, text) and _is_date(_trimmed(words), text):
            kept = _without_count(_trimmed(words), moment, about)
            begin = text.find(kept, start)
            yield Hit(begin, begin + len(kept), moment.replace(tzinfo=None))


def _is_date(words: str, text: str) -> bool:
    said = words.strip(" .,;!?")
    if _WEAK.fullmatch(said):
        return said.casefold() in _DAY_ALONE and said == text.strip(" .,;!?")
    return len(said) > 3 or not said.isalpha()


def _trimmed(words: str) -> str:
    before = None
    while before != words:
        before, words = words, _FILLERS.sub("", words).strip()
    return words or (before or "")


def _without_count(words: str, moment: datetime, about: Circumstances) -> str:
    """Without a number in front that the date does not need: the 4 in "4 tomorrow" counts something else."""
    import dateparser

    count = re.match(r"\d{1,2}\s+(?=[^\W\d_])", words)
    if count is None:
        return words
    rest = words[count.end() :]
    alone = dateparser.parse(rest, languages=[_known(about.language)], settings=_settings(about))
    return rest if alone is not None and alone.date() == moment.date() else words


def _known(language: str) -> str:
    from dateparser.data.languages_info import language_order

    return language if language in language_order else "en"


def _settings(about: Circumstances) -> dict[str, Any]:
    return {
        "RELATIVE_BASE": about.now.replace(tzinfo=None, microsecond=0),
        "PREFER_DATES_FROM": "future",
        "DATE_ORDER": "MDY" if about.country in _MONTH_FIRST else "DMY",
        "RETURN_AS_TIMEZONE_AWARE": False,
    }
