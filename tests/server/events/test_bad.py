"""What a reader failed on is tried again by itself, then waits for a person; nothing of it is lost and nothing is read twice."""

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.events.bad import PAUSES, replay
from server.events.logged import Logged
from server.events.read import read_all
from server.events.reader import Reader, makers, reads
from server.events.tables import bad_events
from server.kit.db import Database
from server.kit.tables import jobs
from tests.conftest import Workspace
from tests.server.events.logs import log, log_messages, make_tenant


class Picky:
    """A reader that cannot take some numbers, until it is mended."""

    def __init__(self) -> None:
        self.refuses = {2}
        self.read: list[int] = []

    async def take(self, conn: AsyncConnection, tenant_id: UUID, found: Sequence[Logged]) -> None:
        """Fail as a whole when one of them is among the events."""
        if self.refuses & {event.props["seq"] for event in found}:
            raise LookupError("what a customer wrote")
        self.read += [event.props["seq"] for event in found]


@pytest.fixture
def picky() -> Iterator[Picky]:
    reader = Picky()
    reads("picky", lambda resources: Reader("picky", reader.take))
    yield reader
    del makers["picky"]


def resources_of(db: Database) -> Any:
    """As much as a replay needs of what a process shares."""
    return SimpleNamespace(db=db)


async def row_of(db: Database, tenant_id: UUID) -> Any:
    async with db.tenant(tenant_id) as conn:
        return (await conn.execute(select(bad_events))).first()


async def planned(db: Database, tenant_id: UUID) -> list[float]:
    """In how many seconds each replay was planned, after it was written."""
    async with db.tenant(tenant_id) as conn:
        rows = await conn.execute(select(jobs).where(jobs.c.name == "events.replay").order_by(jobs.c.due_at))
        return [round((row.due_at - row.created_at).total_seconds()) for row in rows]


async def test_it_is_tried_again_and_then_forgotten(db: Database, picky: Picky) -> None:
    tenant_id = await make_tenant(db)
    await log_messages(db, tenant_id, 1, 2, 3)
    await read_all(db, Reader("picky", picky.take))
    assert picky.read == [1, 3]
    bad = await row_of(db, tenant_id)
    assert (bad.status, bad.attempts, bad.reason) == ("pending", 1, "LookupError in the reader picky")
    picky.refuses.clear()
    await replay(resources_of(db), tenant_id, "picky", bad.event_id)
    await replay(resources_of(db), tenant_id, "picky", bad.event_id)
    assert picky.read == [1, 3, 2]
    assert await row_of(db, tenant_id) is None


async def test_after_its_last_try_it_waits_for_a_person(db: Database, picky: Picky) -> None:
    tenant_id = await make_tenant(db)
    await log_messages(db, tenant_id, 2)
    await read_all(db, Reader("picky", picky.take))
    event_id = (await row_of(db, tenant_id)).event_id
    for _ in PAUSES:
        await replay(resources_of(db), tenant_id, "picky", event_id)
    assert (await row_of(db, tenant_id)).status == "dead"
    assert await planned(db, tenant_id) == [pause.total_seconds() for pause in PAUSES]


async def test_a_reader_that_is_not_there_any_more_is_named(db: Database, picky: Picky) -> None:
    tenant_id = await make_tenant(db)
    await log_messages(db, tenant_id, 2)
    await read_all(db, Reader("gone", picky.take))
    await replay(resources_of(db), tenant_id, "gone", (await row_of(db, tenant_id)).event_id)
    assert (await row_of(db, tenant_id)).reason == "This server has no reader called gone."


async def test_a_person_replays_and_drops_among_the_dead_letters(owner: Workspace, db: Database, picky: Picky) -> None:
    async with db.tenant(owner.tenant_id) as conn:
        await log(conn, owner.tenant_id, "message.sent", turn=1)
        await log(conn, owner.tenant_id, "message.lost")
    await read_all(db, Reader("picky", picky.take))
    metrics = (await owner.client.get("/api/v2/chat/metrics")).text
    assert 'chatloom_queue_rows{queue="events",status="dead"} 2' in metrics
    letters = (await owner.client.get("/api/v1/dead-letters?kind=event")).raise_for_status().json()["data"]
    assert {letter["what"] for letter in letters} == {"message.sent", "message.lost"}
    assert "no type of event" in next(letter["reason"] for letter in letters if letter["what"] == "message.lost")
    first, second = (f"/api/v1/dead-letters/{letter['id']}" for letter in letters)
    assert (await owner.client.post(f"{first}/replay")).status_code == 202
    assert (await owner.client.post(f"{first}/replay")).status_code == 404
    assert (await owner.client.delete(second)).status_code == 204
    assert (await owner.client.get("/api/v1/dead-letters?kind=event")).json()["data"] == []
    assert await planned(db, owner.tenant_id) == [0]
