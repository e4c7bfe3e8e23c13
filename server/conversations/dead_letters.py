"""Dead letters: messages and jobs that could not be finished, kept with the reason until somebody tries them again or drops them.

Four kinds: an `inbox` letter is a customer's input whose turn failed, an `outbox` letter a message that the other side did not take
(`dead`) or may have taken (`maybe`), a `job` letter work behind the scenes, an `event` letter an event that a reader of the log could
not use.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from redis.asyncio import Redis
from sqlalchemy import Select, Text, Uuid, and_, case, cast, func, literal, null, or_, select, tuple_, union_all, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.conversations.inbox import ring_doorbell
from server.conversations.tables import contacts, conversations, inbox, outbox
from server.events import bad
from server.events.tables import bad_events
from server.kit import clock
from server.kit.cursors import read_cursor, write_cursor
from server.kit.errors import not_found
from server.kit.jobs import ring
from server.kit.tables import jobs

PAGE = 50
Found = TypeVar("Found")
KINDS = ("inbox", "outbox", "job", "event")
AT_ONCE = 500
_UNSENT = ("dead", "maybe")
_CERTAIN = frozenset(("dead",))
_ANY = frozenset(_UNSENT)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One dead letter. `id` starts with its kind; `what` names the job, the kind of input, or the event; jobs and events belong to no
    conversation."""

    id: str
    kind: str
    status: str
    what: str
    reason: str | None
    attempts: int
    at: datetime
    conversation_id: UUID | None = None
    contact_name: str | None = None


@dataclass(frozen=True, slots=True)
class Rings:
    """Whom to tell after the commit that letters wait again."""

    conversation_ids: tuple[UUID, ...] = ()
    job_ids: tuple[UUID, ...] = ()


async def list_dead_letters(
    conn: AsyncConnection, tenant_id: UUID, *, kind: str | None = None, limit: int = PAGE, cursor: str | None = None
) -> tuple[list[DeadLetter], str | None]:
    """A page of them, the newest first, and where the next page starts."""
    letters = _letters(tenant_id, kind)
    query = select(letters).order_by(letters.c.at.desc(), letters.c.row_id.desc(), letters.c.seq).limit(limit + 1)
    if cursor is not None:
        at, row_id, seq = read_cursor(cursor, tuple[datetime, UUID, int])
        same = and_(letters.c.at == at, letters.c.row_id == row_id, letters.c.seq > seq)
        query = query.where(or_(tuple_(letters.c.at, letters.c.row_id) < tuple_(at, row_id), same))
    rows = (await conn.execute(query)).all()
    last = rows[limit - 1] if len(rows) > limit else None
    return [_letter(row) for row in rows[:limit]], write_cursor(last.at, last.row_id, last.seq) if last else None


async def count_dead_letters(conn: AsyncConnection, tenant_id: UUID) -> int:
    """How many there are."""
    return int(await conn.scalar(select(func.count()).select_from(_letters(tenant_id, None))) or 0)


async def replay_dead_letter(conn: AsyncConnection, tenant_id: UUID, letter_id: str) -> Rings:
    """Try one again, with its tries counted anew; call `ring_for` after the commit. Raises Problem 404 when it is none (any more)."""
    kind, key = _read(letter_id)
    return _known(await _revive(conn, tenant_id, kind, key))


async def replay_dead_letters(
    conn: AsyncConnection, tenant_id: UUID, kind: str | None = None, ids: Sequence[str] = ()
) -> tuple[int, Rings]:
    """Try those with these ids again, else the newest AT_ONCE, but none that may have arrived: those must be named.

    How many are tried, and whom to ring.
    """
    conversation_ids: dict[UUID, None] = {}
    job_ids: list[UUID] = []
    count = 0
    for key in await _chosen(conn, tenant_id, kind, ids, _CERTAIN):
        if (rings := await _revive(conn, tenant_id, *key)) is not None:
            count += 1
            conversation_ids.update(dict.fromkeys(rings.conversation_ids))
            job_ids += rings.job_ids
    return count, Rings(tuple(conversation_ids), tuple(job_ids))


async def drop_dead_letter(conn: AsyncConnection, tenant_id: UUID, letter_id: str) -> None:
    """Give one up for good; the row stays with its reason. Raises Problem 404 when it is none (any more)."""
    _known(await _drop(conn, tenant_id, *_read(letter_id)))


async def drop_dead_letters(conn: AsyncConnection, tenant_id: UUID, kind: str | None = None, ids: Sequence[str] = ()) -> int:
    """Give up those with these ids, else the newest AT_ONCE. How many there were."""
    chosen = await _chosen(conn, tenant_id, kind, ids, _ANY)
    return sum([await _drop(conn, tenant_id, *key) for key in chosen])


async def _chosen(
    conn: AsyncConnection, tenant_id: UUID, kind: str | None, ids: Sequence[str], statuses: frozenset[str]
) -> list[tuple[str, tuple[UUID, int]]]:
    if not ids:
        found, _ = await list_dead_letters(conn, tenant_id, kind=kind, limit=AT_ONCE)
        ids = [letter.id for letter in found if letter.status in statuses]
    return sorted(map(_read, dict.fromkeys(ids)))  # in the order of the messages: what was said first is sent first


async def _drop(conn: AsyncConnection, tenant_id: UUID, kind: str, key: tuple[UUID, int]) -> int:
    if kind == "event":
        return await bad.drop(conn, tenant_id, key[0])
    changed: dict[str, dict[str, Any]] = {
        "inbox": {"status": "ignored"},
        "outbox": {"status": "dropped"},
        "job": {"status": "dropped", "finished_at": clock.now()},
    }
    return int((await conn.execute(_of(tenant_id, kind, key).values(**changed[kind]))).rowcount)


async def ring_for(redis: Redis, tenant_id: UUID, rings: Rings) -> None:
    """Wake whoever takes the letters up. Losing it loses nothing."""
    await ring_doorbell(redis, tenant_id, *rings.conversation_ids)
    await ring(redis, tenant_id, *rings.job_ids)


async def _revive(conn: AsyncConnection, tenant_id: UUID, kind: str, key: tuple[UUID, int]) -> Rings | None:
    if kind == "event":
        job_id = await bad.try_again(conn, tenant_id, key[0])
        return None if job_id is None else Rings(job_ids=(job_id,))
    again: dict[str, Any] = {"status": "pending", "attempts": 0, "error": None}
    if kind != "inbox":
        again |= {"due_at": clock.now(), "lease_until": None}
    if kind == "job":
        again |= {"finished_at": None}
    if kind == "outbox":  # one that the provider took and then failed to deliver is sent as a whole
        parts = case((outbox.c.provider_id.is_not(None), 0), else_=outbox.c.parts_sent)
        again |= {"place_at": None, "provider_id": None, "parts_sent": parts}
    update_it = _of(tenant_id, kind, key).values(**again)
    if kind == "inbox":
        conversation_id = await conn.scalar(update_it.returning(inbox.c.conversation_id))
        return None if conversation_id is None else Rings((conversation_id,))
    if not (await conn.execute(update_it)).rowcount:
        return None
    return Rings((key[0],)) if kind == "outbox" else Rings(job_ids=(key[0],))


def _of(tenant_id: UUID, kind: str, key: tuple[UUID, int]) -> Any:
    if kind == "inbox":
        return update(inbox).where(inbox.c.tenant_id == tenant_id, inbox.c.id == key[0], inbox.c.status == "dead")
    if kind == "job":
        return update(jobs).where(jobs.c.tenant_id == tenant_id, jobs.c.id == key[0], jobs.c.status == "dead")
    place = (outbox.c.tenant_id == tenant_id, outbox.c.conversation_id == key[0], outbox.c.seq == key[1])
    return update(outbox).where(*place, outbox.c.status.in_(_UNSENT))


def _known(found: Found | None) -> Found:
    if not found:
        raise not_found("dead letter")
    return found


def _read(letter_id: str) -> tuple[str, tuple[UUID, int]]:
    kind, _, rest = letter_id.partition(":")
    row_id, _, number = rest.partition(":")
    try:
        key = UUID(row_id), int(number or 0)
    except ValueError:
        raise not_found("dead letter") from None
    if kind not in KINDS or (kind == "outbox") != bool(number):
        raise not_found("dead letter")
    return kind, key


def _letter(row: Any) -> DeadLetter:
    number = f":{row.seq}" if row.kind == "outbox" else ""
    letter_id = f"{row.kind}:{row.row_id}{number}"
    return DeadLetter(letter_id, row.kind, row.status, row.what, row.error, row.attempts, row.at, row.conversation_id, row.contact_name)


def _letters(tenant_id: UUID, kind: str | None) -> Any:
    chosen: Sequence[str] = KINDS if kind is None else (kind,)
    queries: dict[str, Select[Any]] = {
        "inbox": _dead_inputs(tenant_id),
        "outbox": _dead_messages(tenant_id),
        "job": _dead_jobs(tenant_id),
        "event": _dead_events(tenant_id),
    }
    return union_all(*(queries[one] for one in chosen)).subquery("letters")


def _dead_inputs(tenant_id: UUID) -> Select[Any]:
    return (
        select(
            literal("inbox").label("kind"),
            inbox.c.id.label("row_id"),
            literal(0).label("seq"),
            inbox.c.status,
            inbox.c.kind.label("what"),
            inbox.c.error,
            inbox.c.attempts,
            func.coalesce(inbox.c.processed_at, inbox.c.received_at).label("at"),
            inbox.c.conversation_id,
            contacts.c.name.label("contact_name"),
        )
        .select_from(inbox.join(conversations, _conversation_of(inbox)).join(contacts, _CONTACT))
        .where(inbox.c.tenant_id == tenant_id, inbox.c.status == "dead")
    )


def _dead_messages(tenant_id: UUID) -> Select[Any]:
    return (
        select(
            literal("outbox").label("kind"),
            outbox.c.conversation_id.label("row_id"),
            outbox.c.seq,
            outbox.c.status,
            literal("message").label("what"),
            outbox.c.error,
            outbox.c.attempts,
            outbox.c.due_at.label("at"),
            outbox.c.conversation_id,
            contacts.c.name.label("contact_name"),
        )
        .select_from(outbox.join(conversations, _conversation_of(outbox)).join(contacts, _CONTACT))
        .where(outbox.c.tenant_id == tenant_id, outbox.c.status.in_(_UNSENT))
    )


def _dead_jobs(tenant_id: UUID) -> Select[Any]:
    return select(
        literal("job").label("kind"),
        jobs.c.id.label("row_id"),
        literal(0).label("seq"),
        jobs.c.status,
        jobs.c.name.label("what"),
        jobs.c.error,
        jobs.c.attempts,
        func.coalesce(jobs.c.finished_at, jobs.c.created_at).label("at"),
        cast(null(), Uuid).label("conversation_id"),
        cast(null(), Text).label("contact_name"),
    ).where(jobs.c.tenant_id == tenant_id, jobs.c.status == "dead")


def _dead_events(tenant_id: UUID) -> Select[Any]:
    return select(
        literal("event").label("kind"),
        bad_events.c.id.label("row_id"),
        literal(0).label("seq"),
        bad_events.c.status,
        bad_events.c.type.label("what"),
        bad_events.c.reason.label("error"),
        bad_events.c.attempts,
        bad_events.c.at,
        cast(null(), Uuid).label("conversation_id"),
        cast(null(), Text).label("contact_name"),
    ).where(bad_events.c.tenant_id == tenant_id, bad_events.c.status == "dead")


def _conversation_of(table: Any) -> Any:
    return and_(conversations.c.tenant_id == table.c.tenant_id, conversations.c.id == table.c.conversation_id)


_CONTACT = and_(contacts.c.tenant_id == conversations.c.tenant_id, contacts.c.id == conversations.c.contact_id)
