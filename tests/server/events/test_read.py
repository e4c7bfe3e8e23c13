"""Every reader gets every event once, in the order of transactions, and one bad event costs itself only."""

from collections.abc import Sequence
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.events.logged import Logged
from server.events.read import read_all, read_portion
from server.events.reader import Later, Reader
from server.events.tables import bad_events
from server.kit.db import Database
from tests.server.events.logs import log, log_messages, make_tenant


class Notes:
    """A reader that remembers what it read; `fails_on` is a number that it cannot take."""

    def __init__(self, name: str = "notes", fails_on: int | None = None) -> None:
        self.read: list[int] = []
        self.fails_on = fails_on
        self.reader = Reader(name, self._read)

    async def _read(self, conn: AsyncConnection, tenant_id: UUID, found: Sequence[Logged]) -> None:
        numbers = [event.props["seq"] for event in found]
        if self.fails_on in numbers:
            raise LookupError("not this one")
        self.read += numbers


class TestReadAll:
    async def test_gives_each_event_once_to_each_reader(self, db: Database) -> None:
        tenant_id = await make_tenant(db)
        first, second = Notes("first"), Notes("second")
        await log_messages(db, tenant_id, 1, 2)
        assert await read_all(db, first.reader) == [tenant_id]
        await log_messages(db, tenant_id, 3)
        await read_all(db, first.reader)
        await read_all(db, second.reader)
        assert first.read == second.read == [1, 2, 3]
        assert await read_all(db, first.reader) == []

    async def test_waits_for_a_transaction_that_commits_late(self, db: Database) -> None:
        tenant_id, notes = await make_tenant(db), Notes()
        async with db.tenant(tenant_id) as late:
            await log(late, tenant_id, "message.sent", turn=1, seq=1)
            await log_messages(db, tenant_id, 2)
            await read_all(db, notes.reader)
            assert notes.read == []
        await read_all(db, notes.reader)
        assert notes.read == [1, 2]

    async def test_goes_on_behind_events_that_do_not_fit(self, db: Database) -> None:
        tenant_id, notes = await make_tenant(db), Notes()
        async with db.tenant(tenant_id) as conn:
            await log(conn, tenant_id, "message.lost")
            await log(conn, tenant_id, "message.sent", turn=1, seq="one")
            await log(conn, tenant_id, "message.sent", turn=1, seq=7)
        await read_all(db, notes.reader)
        assert notes.read == [7]
        async with db.tenant(tenant_id) as conn:
            reasons = (await conn.execute(select(bad_events.c.type, bad_events.c.reason).order_by(bad_events.c.event_id))).all()
        assert [reason.type for reason in reasons] == ["message.lost", "message.sent"]
        assert "no type of event" in reasons[0].reason
        assert "seq" in reasons[1].reason

    async def test_an_event_that_the_reader_cannot_take_costs_itself_only(self, db: Database) -> None:
        tenant_id, notes = await make_tenant(db), Notes(fails_on=5)
        await log_messages(db, tenant_id, *range(1, 10))
        await read_all(db, notes.reader)
        assert notes.read == [1, 2, 3, 4, 6, 7, 8, 9]
        async with db.tenant(tenant_id) as conn:
            assert (await conn.scalar(select(bad_events.c.reason))) == "LookupError in the reader notes"

    async def test_a_reader_that_can_take_nothing_now_gets_the_same_again(self, db: Database) -> None:
        tenant_id = await make_tenant(db)
        await log_messages(db, tenant_id, 1)

        async def not_now(conn: AsyncConnection, tenant_id: UUID, found: Sequence[Logged]) -> None:
            raise Later

        with pytest.raises(Later):
            await read_all(db, Reader("notes", not_now))
        notes = Notes()
        await read_all(db, notes.reader)
        assert notes.read == [1]

    async def test_a_tenant_with_very_many_keeps_no_other_waiting(self, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("server.events.read.BATCH", 2)
        busy, quiet, notes = await make_tenant(db), await make_tenant(db), Notes()
        await log_messages(db, busy, *range(1, 8))
        await log_messages(db, quiet, 99)
        await read_all(db, notes.reader)
        assert notes.read.index(99) <= 2
        assert sorted(notes.read) == [*range(1, 8), 99]

    async def test_only_the_tenants_that_are_asked_for_are_read(self, db: Database) -> None:
        first, second, notes = await make_tenant(db), await make_tenant(db), Notes()
        await log_messages(db, first, 1)
        await log_messages(db, second, 2)
        assert await read_all(db, notes.reader, {second}) == [second]
        assert notes.read == [2]

    async def test_a_database_that_is_away_puts_nothing_aside(self, db: Database) -> None:
        tenant_id = await make_tenant(db)
        await log_messages(db, tenant_id, 1)

        async def cut(conn: AsyncConnection, tenant_id: UUID, found: Sequence[Logged]) -> None:
            raise ConnectionResetError

        with pytest.raises(ConnectionResetError):
            await read_portion(db, Reader("notes", cut), tenant_id)
        notes = Notes()
        await read_all(db, notes.reader)
        assert notes.read == [1]
