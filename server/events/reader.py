"""Somebody who wants events: declared once, known by name."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from server.events.logged import Logged

if TYPE_CHECKING:
    from server.kit.jobs import Resources

Read = Callable[[AsyncConnection, UUID, Sequence[Logged]], Awaitable[None]]


class Later(Exception):
    """The reader cannot take anything now, and nothing is wrong with the events: the same is given to it again."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who wants every event. `read` gets them with the transaction that notes they were read; what it raises rolls both back.

    `among` selects the `tenant_id`s whose events it wants, as far as the sweeper may know them.
    """

    name: str
    read: Read
    among: str = "select tenant_id from tenants"


Make = Callable[["Resources"], Reader | None]
makers: dict[str, Make] = {}
_own_way: set[str] = set()


def reads(name: str, make: Make, *, woken: bool = True) -> None:
    """Let `make(resources)` be the reader called `name` in every process that reads; it makes none where it is switched off.

    Not `woken`: it gets its events in a way of its own, and from here only what was put aside and is tried again.
    """
    makers[name] = make
    if not woken:
        _own_way.add(name)


def reader_called(name: str, resources: "Resources") -> Reader | None:
    """The reader of this name; None when there is none (any more)."""
    make = makers.get(name)
    return None if make is None else make(resources)


def woken_readers(resources: "Resources") -> list[Reader]:
    """Every reader that is switched on and has to be woken."""
    return [reader for name, make in makers.items() if name not in _own_way and (reader := make(resources)) is not None]
