"""Fills slots from a text: reads the kinds that are asked for, settles who gets which characters, and gives roles their values."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from server.understanding.entities import amounts, dates, emails, lists, names, numbers, patterns, phones, roles, urls, yes_no
from server.understanding.entities.hits import Circumstances, Hit, Slot
from server.understanding.languages import country_of, primary
from server.understanding.words import bounded

Reader = Callable[[str], list[Hit]]

# The earlier kind keeps characters that two kinds claim: a list knows better than a number, a date better than a name.
KINDS = ("email", "url", "list", "pattern", "phone", "datetime", "date", "time", "amount", "number", "name", "yes_no", "text")
MAX_SLOTS = 50


@dataclass(frozen=True, slots=True)
class Found:
    """A value that went to a slot, and where it stands in the text."""

    name: str
    type: str
    text: str
    start: int
    end: int
    value: Any
    role: str | None

    def to_json(self) -> dict[str, Any]:
        """The value a flow receives."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class _Asked:
    """Slots that are filled by the same reading."""

    type: str
    slots: tuple[Slot, ...]
    read: Reader


def extract(
    text: str, slots: Sequence[Slot], *, language: str | None = None, region: str | None = None, time_zone: str | None = None, now: datetime
) -> list[Found]:
    """What the text says for the slots, in the order of the text. `now` is aware; an unknown time zone counts as UTC.

    Raises NodeFailure when a slot's pattern is not one that RE2 can run.
    """
    text = bounded(text)
    zone = _zone(time_zone)
    about = Circumstances(primary(language), country_of(language, region), now.astimezone(zone))
    blocked = [*emails.find(text, about), *urls.find(text, about)]
    found: list[Found] = []
    for asked in _grouped(slots[:MAX_SLOTS], about, zone):
        own = () if asked.type in ("email", "url", "list", "pattern", "text") else blocked
        taken = [Hit(each.start, each.end, None) for each in found if each.type != "text"]
        free = [hit for hit in asked.read(text) if not any(hit.overlaps(other) for other in (*own, *taken))]
        found += _given_out(text, asked, free, [hit.end for hit in taken], about.language)
    return sorted(found, key=lambda each: (each.start, each.name))


def _zone(name: str | None) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def _grouped(slots: Iterable[Slot], about: Circumstances, zone: ZoneInfo) -> list[_Asked]:
    """The slots by what must be read for them, the kinds that keep their characters first."""
    groups: dict[Any, list[Slot]] = {}
    for slot in slots:
        groups.setdefault((slot.type, slot.entries, slot.pattern), []).append(slot)
    order = sorted(groups.values(), key=lambda group: KINDS.index(group[0].type))
    return [_Asked(group[0].type, tuple(group), _reader(group[0], about, zone)) for group in order]


def _reader(slot: Slot, about: Circumstances, zone: ZoneInfo) -> Reader:
    if slot.type == "list":
        return partial(lists.find, entries=slot.entries)
    if slot.type == "pattern":
        return partial(patterns.find, pattern=slot.pattern or "")
    if slot.type == "datetime":
        return partial(dates.find_datetimes, about=about, zone=zone)
    read = _BY_KIND[slot.type]
    return lambda text: read(text, about)


def _whole_text(text: str, about: Circumstances) -> list[Hit]:
    said = text.strip()
    return [Hit(text.find(said), text.find(said) + len(said), said)] if said else []


_BY_KIND: dict[str, Callable[[str, Circumstances], list[Hit]]] = {
    "email": emails.find,
    "url": urls.find,
    "phone": phones.find,
    "date": dates.find_dates,
    "time": dates.find_times,
    "amount": amounts.find,
    "number": numbers.find,
    "name": names.find,
    "yes_no": yes_no.find,
    "text": _whole_text,
}


def _given_out(text: str, asked: _Asked, hits: Sequence[Hit], ends: Sequence[int], language: str) -> list[Found]:
    """Which slot of a group gets which hit: those with a role by the role, the others in the order of the text."""
    borders = [0, *ends, *(hit.end for hit in hits)]
    marked = [(hit, roles.role_of(text, hit, max(end for end in borders if end <= hit.start), language)) for hit in hits]
    with_role = [slot for slot in asked.slots if _role(slot)]
    plain = [slot for slot in asked.slots if not _role(slot)]
    found = []
    for slot in with_role:
        fitting = next((pair for pair in marked if pair[1] == _role(slot)), None)
        if fitting is None and len(asked.slots) == 1:
            fitting = next((pair for pair in marked if pair[1] is None), None)
        if fitting is not None:
            marked.remove(fitting)
            found.append(_found(text, slot, *fitting))
    for slot, pair in zip(plain, marked, strict=False):
        found.append(_found(text, slot, *pair))
    return found


def _role(slot: Slot) -> str | None:
    return roles.NAMES.get((slot.role or "").strip().casefold())


def _found(text: str, slot: Slot, hit: Hit, role: str | None) -> Found:
    return Found(slot.name, slot.type, text[hit.start : hit.end], hit.start, hit.end, hit.value, role)
