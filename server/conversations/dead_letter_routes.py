"""Dead letters as JSON: list, try again and drop, one or many."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.status_codes import HTTP_200_OK, HTTP_202_ACCEPTED
from redis.asyncio import Redis

from server.conversations.dead_letters import (
    KINDS,
    PAGE,
    DeadLetter,
    drop_dead_letter,
    drop_dead_letters,
    list_dead_letters,
    replay_dead_letter,
    replay_dead_letters,
    ring_for,
)
from server.kit.db import Database
from server.kit.errors import Problem
from server.security.identity import Identity

READ = {"permission": "conversations:read"}
WRITE = {"permission": "conversations:write"}
MOST = 200


class DeadLetterOut(msgspec.Struct):
    """A message, job or event that could not be finished. `status` is dead, or maybe: the other side may have got it."""

    id: str
    kind: str
    status: str
    what: str
    reason: str | None
    attempts: int
    at: datetime
    conversation_id: UUID | None
    contact_name: str | None


class DeadLetterPage(msgspec.Struct):
    """Some dead letters, and the cursor of the next ones."""

    data: list[DeadLetterOut]
    next: str | None = None


class Replayed(msgspec.Struct):
    """How many are tried again."""

    replayed: int


class Dropped(msgspec.Struct):
    """How many were given up."""

    dropped: int


@get("/api/v1/dead-letters", opt=READ, tags=["operations"])
async def index(
    db: NamedDependency[Database],
    identity: NamedDependency[Identity],
    kind: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MOST)] = PAGE,
) -> DeadLetterPage:
    """What could not be finished, the newest first; `kind` is inbox, outbox, job or event."""
    async with db.tenant(identity.tenant_id) as conn:
        found, after = await list_dead_letters(conn, identity.tenant_id, kind=kind_of(kind), limit=limit, cursor=cursor)
    return DeadLetterPage([_out(letter) for letter in found], after)


@post("/api/v1/dead-letters/{letter_id:str}/replay", opt=WRITE, tags=["operations"], status_code=HTTP_202_ACCEPTED)
async def replay_one(
    letter_id: FromPath[str], db: NamedDependency[Database], redis: NamedDependency[Redis], identity: NamedDependency[Identity]
) -> Replayed:
    """Try one again. One that may have arrived is sent a second time."""
    async with db.tenant(identity.tenant_id) as conn:
        rings = await replay_dead_letter(conn, identity.tenant_id, letter_id)
    await ring_for(redis, identity.tenant_id, rings)
    return Replayed(1)


@post("/api/v1/dead-letters/replay", opt=WRITE, tags=["operations"], status_code=HTTP_202_ACCEPTED)
async def replay_many(
    db: NamedDependency[Database],
    redis: NamedDependency[Redis],
    identity: NamedDependency[Identity],
    kind: FromQuery[str | None] = None,
    letter: Annotated[list[str] | None, QueryParameter(max_items=MOST)] = None,
) -> Replayed:
    """Try again: those that `letter` names, or up to 500 of the kind, the newest first, but none that may have arrived."""
    async with db.tenant(identity.tenant_id) as conn:
        count, rings = await replay_dead_letters(conn, identity.tenant_id, kind_of(kind), letter or ())
    await ring_for(redis, identity.tenant_id, rings)
    return Replayed(count)


@delete("/api/v1/dead-letters", opt=WRITE, tags=["operations"], status_code=HTTP_200_OK)
async def drop_many(
    db: NamedDependency[Database],
    identity: NamedDependency[Identity],
    kind: FromQuery[str | None] = None,
    letter: Annotated[list[str] | None, QueryParameter(max_items=MOST)] = None,
) -> Dropped:
    """Give up for good: those that `letter` names, or up to 500 of the kind, the newest first."""
    async with db.tenant(identity.tenant_id) as conn:
        return Dropped(await drop_dead_letters(conn, identity.tenant_id, kind_of(kind), letter or ()))


@delete("/api/v1/dead-letters/{letter_id:str}", opt=WRITE, tags=["operations"])
async def drop(letter_id: FromPath[str], db: NamedDependency[Database], identity: NamedDependency[Identity]) -> None:
    """Give one up for good."""
    async with db.tenant(identity.tenant_id) as conn:
        await drop_dead_letter(conn, identity.tenant_id, letter_id)


def kind_of(text: str | None) -> str | None:
    """The kind that a query names, None for all; raises Problem 422."""
    if text and text not in KINDS:
        raise Problem(422, "bad_kind", "There is no such kind of dead letter.", fields={"kind": f"Use one of {', '.join(KINDS)}."})
    return text or None


def _out(letter: DeadLetter) -> DeadLetterOut:
    return DeadLetterOut(**{name: getattr(letter, name) for name in DeadLetterOut.__struct_fields__})


handlers: list[Any] = [index, replay_one, replay_many, drop, drop_many]
