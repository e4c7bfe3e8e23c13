"""What a reader of one kind is told, and what it answers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """One value of a list and the words customers use for it."""

    value: str
    words: tuple[str, ...] = ()

    @property
    def phrases(self) -> tuple[str, ...]:
        """Everything that stands for the value."""
        return (self.value, *self.words)


@dataclass(frozen=True, slots=True)
class Slot:
    """A value somebody wants: its name, its kind, and for some kinds the list, the pattern (RE2) or the role ("from", "to")."""

    name: str
    type: str
    entries: tuple[Entry, ...] = ()
    pattern: str | None = None
    role: str | None = None


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Where and when the words were said. `now` is the moment in the customer's time zone."""

    language: str
    country: str | None
    now: datetime


@dataclass(frozen=True, slots=True)
class Hit:
    """A value and the part of the text it was read from."""

    start: int
    end: int
    value: Any

    def overlaps(self, other: "Hit") -> bool:
        """Whether both were read from some of the same characters."""
        return self.start < other.end and other.start < self.end


def first_ones(hits: list[Hit]) -> list[Hit]:
    """Hits in the order of the text; of overlapping ones the longest, of equally long ones the first found."""
    kept: list[Hit] = []
    for hit in sorted(hits, key=lambda hit: hit.start - hit.end):
        if not any(hit.overlaps(other) for other in kept):
            kept.append(hit)
    return sorted(kept, key=lambda hit: hit.start)
