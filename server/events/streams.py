"""The log told on as Redis Streams, one for each topic: `events:message`, `events:conversation` and so on, for programs beside this server.

Each entry has the fields `tenant`, `id`, `type` and `event`, the JSON that webhooks get. Redis also holds how far each tenant's events have
come, written by the script that adds them: so a relay that was killed between Redis and PostgreSQL adds nothing twice, and one that finds
less in Redis than PostgreSQL knows (somebody flushed it, or it came back with an old file) adds what is missing, for the last hour.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from redis.asyncio import Redis
from sqlalchemy import literal_column, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from server.events.catalogue import BadEvent
from server.events.logged import Logged, logged, told
from server.events.read import read_all
from server.events.reader import Later, Reader, reads
from server.events.tables import event_readers
from server.kit import clock
from server.kit.db import Database
from server.kit.jobs import Resources
from server.kit.tables import events

PLACES = "events:places"
NEWS = "events:news"
"""The stream that wakes the readers of this server: one entry for many events, with their tenant only."""
ENTRIES = 20_000
"""About how many entries a stream keeps."""
AGAIN = timedelta(hours=1)
"""What happened longer ago is not told again when Redis has lost it."""
MISSING_AT_ONCE = 20_000
ANSWER_WITHIN_S = 5.0
NAME = "streams"

log = logging.getLogger(__name__)

# KEYS: the places, the news. ARGV: tenant, its new place (empty: as it is), the
# length of a stream, then topic, id, type and JSON of each event.
_SCRIPT = b"""
for i = 4, #ARGV, 4 do
  redis.call('XADD', 'events:' .. ARGV[i], 'MAXLEN', '~', ARGV[3], '*',
    'tenant', ARGV[1], 'id', ARGV[i + 1], 'type', ARGV[i + 2], 'event', ARGV[i + 3])
end
redis.call('XADD', KEYS[2], 'MAXLEN', '~', 1000, '*', 'tenant', ARGV[1])
if ARGV[2] ~= '' then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end
"""

Place = tuple[int, int]


def stream_of(topic: str) -> str:
    """The key of a topic's stream."""
    return f"events:{topic}"


class Relay:
    """Adds to the streams what is new in the log. Any number of processes may run one."""

    def __init__(self, db: Database, redis: Redis) -> None:
        self._db = db
        self._redis = redis
        self.reader = Reader(NAME, self._read)

    async def run(self) -> None:
        """Everything that is new, of every tenant; raises Later while Redis is away."""
        if not await self._ask(self._redis.exists(PLACES)):
            await self._begin()
        await read_all(self._db, self.reader)

    async def _begin(self) -> None:
        """Redis is empty: go back to what happened AGAIN ago, of every tenant. What is older is history, and not told."""
        async with self._db.sweep() as conn:
            tenants: list[UUID] = list((await conn.execute(text("select tenant_id from tenants"))).scalars())
        for tenant_id in tenants:
            async with self._db.tenant(tenant_id) as conn:
                await _go_back(conn, tenant_id)
        await self._ask(self._redis.hset(PLACES, "", "0-0"))

    async def _read(self, conn: AsyncConnection, tenant_id: UUID, found: Sequence[Logged]) -> None:
        there = _place(await self._ask(self._redis.hget(PLACES, str(tenant_id))))
        first = (found[0].tx, found[0].id)
        if there < first:
            wanted = [*await _between(conn, tenant_id, there, first), *found]
        elif await _is_in_log(conn, tenant_id, there):
            wanted = [event for event in found if (event.tx, event.id) > there]
        else:  # Redis tells of a log that was there before this one was restored
            wanted = list(found)
        since = clock.now() - AGAIN
        await self._add(tenant_id, [event for event in wanted if event.at > since], b"%d-%d" % (found[-1].tx, found[-1].id))

    async def add_late(self, conn: AsyncConnection, tenant_id: UUID, found: Sequence[Logged]) -> None:
        """Add events that were put aside, however old they are; the place stays."""
        await self._add(tenant_id, found, b"")

    async def _add(self, tenant_id: UUID, wanted: Sequence[Logged], place: bytes) -> None:
        command = [b"EVAL", _SCRIPT, b"2", PLACES.encode(), NEWS.encode(), str(tenant_id).encode(), place, b"%d" % ENTRIES]
        for event in wanted:
            command += (event.topic.encode(), b"%d" % event.id, event.type.encode(), msgspec.json.encode(told(event)))
        await self._ask(self._send(command))

    async def _send(self, command: Sequence[bytes]) -> None:
        """A long command, written as Redis reads it: the client's own way costs more than everything else here."""
        packed = b"*%d\r\n" % len(command) + b"".join([b"$%d\r\n%s\r\n" % (len(part), part) for part in command])
        pool = self._redis.connection_pool
        connection = await pool.get_connection()  # type: ignore[no-untyped-call]
        try:
            await connection.send_packed_command(packed)
            await connection.read_response()
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        finally:
            await pool.release(connection)

    async def _ask(self, command: Any) -> Any:
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await command
        except Exception as error:  # on a bad line the client raises what its parser stumbles over
            raise Later(f"Redis does not take events: {error!r}") from error


def _place(told_place: Any) -> Place:
    if told_place is None:
        return 0, 0
    tx, _, number = (told_place.decode() if isinstance(told_place, bytes) else str(told_place)).partition("-")
    return int(tx), int(number)


async def _between(conn: AsyncConnection, tenant_id: UUID, there: Place, first: Place) -> list[Logged]:
    """What Redis should have had already, but has not; of the last hour."""
    query = (
        select(events)
        .where(events.c.tenant_id == tenant_id, _at > _literal(there), _at < _literal(first), events.c.at > clock.now() - AGAIN)
        .order_by(events.c.tx, events.c.id)
        .limit(MISSING_AT_ONCE)
    )
    found = []
    for row in (await conn.execute(query)).all():
        try:
            found.append(logged(row))
        except BadEvent:
            log.info("event %d was put aside before", row.id)
    return found


async def _is_in_log(conn: AsyncConnection, tenant_id: UUID, place: Place) -> bool:
    query = select(events.c.id).where(events.c.tenant_id == tenant_id, _at == _literal(place))
    return (await conn.execute(query)).first() is not None


async def _go_back(conn: AsyncConnection, tenant_id: UUID) -> None:
    """Set the tenant's place behind the newest event that is older than AGAIN, but never forward of where it is."""
    old = select(events.c.tx, events.c.id).where(events.c.tenant_id == tenant_id, events.c.at <= clock.now() - AGAIN)
    row = (await conn.execute(old.order_by(events.c.at.desc(), events.c.tx.desc(), events.c.id.desc()).limit(1))).first()
    place = {"last_tx": text(f"'{int(row.tx) if row else 0}'::xid8"), "last_event_id": row.id if row else 0, "at": clock.now()}
    new = insert(event_readers).values(tenant_id=tenant_id, reader=NAME, **place).on_conflict_do_nothing()
    if not (await conn.execute(new)).rowcount:
        mine = (event_readers.c.tenant_id == tenant_id, event_readers.c.reader == NAME)
        await conn.execute(update(event_readers).where(*mine).values(place))


_at = tuple_(events.c.tx, events.c.id)


def _literal(place: Place) -> Any:
    return tuple_(literal_column(f"'{place[0]}'::xid8"), literal_column(str(place[1])))


def _late(resources: Resources) -> Reader | None:
    return Reader(NAME, Relay(resources.db, resources.redis).add_late) if resources.settings.event_streams else None


reads(NAME, _late, woken=False)
