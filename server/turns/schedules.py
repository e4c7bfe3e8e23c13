"""Schedules that are due: fired once, by whichever process looks first, then brought to everybody they are for, a batch at a time."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from redis.asyncio import Redis
from sqlalchemy import and_, select, update
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from flow_runtime import Triggered, input_to_json
from server.channels.tables import channels
from server.conversations.inbox import Arrival, Contact, accept, ring_doorbell
from server.conversations.tables import contacts, conversations
from server.flows.due import next_moment, quiet_until
from server.flows.tables import flow_versions, flows, schedule_runs, schedules
from server.kit import clock
from server.kit.db import Database
from server.kit.ids import uuid7
from server.kit.jobs import enqueue
from server.turns.take_turn import new_seed

RUN_JOB = "turns.run_schedule"
TOO_LATE = timedelta(minutes=15)
"""What was due while nobody was running is made up for this long; a later "Good morning" helps nobody."""

LIMIT = 500
BATCH = 100
PAUSE_S = 1.0


async def fire_schedules(db: Database) -> int:
    """Make a run, with its job, of every schedule that is due, and set when it is due next. Returns how many runs were made."""
    wanted = select(schedules.c.tenant_id, schedules.c.flow_id, schedules.c.trigger_id).where(schedules.c.next_at <= clock.now())
    async with db.sweep() as conn:
        due = [(row.tenant_id, row.flow_id, row.trigger_id) for row in await conn.execute(wanted.limit(LIMIT))]
    return sum([await _fire(db, *place) for place in due])


async def _fire(db: Database, tenant_id: UUID, flow_id: UUID, trigger_id: str) -> bool:
    """Only one process gets past the row's lock with the moment still due."""
    now = clock.now()
    one = (schedules.c.tenant_id == tenant_id, schedules.c.flow_id == flow_id, schedules.c.trigger_id == trigger_id)
    async with db.tenant(tenant_id) as conn:
        row = (await conn.execute(select(schedules).where(*one, schedules.c.next_at <= now).with_for_update(skip_locked=True))).first()
        if row is None:
            return False
        coming = next_moment(row.cron, row.time_zone, now)
        if coming is None:
            await conn.execute(schedules.delete().where(*one))
        else:
            await conn.execute(update(schedules).where(*one).values(next_at=coming))
        settings = await _live_settings(conn, tenant_id, flow_id)
        if settings is None or row.next_at < now - TOO_LATE:
            return False
        run_id = uuid7()
        run = {"tenant_id": tenant_id, "id": run_id, "flow_id": flow_id, "trigger_id": trigger_id, "due_at": row.next_at}
        made = insert(schedule_runs).values(**run, audience=row.audience, started_at=now)
        if (await conn.execute(made.on_conflict_do_nothing())).rowcount == 0:
            return False
        await enqueue(conn, tenant_id, RUN_JOB, {"run_id": str(run_id)}, due_at=quiet_until(settings, now))
        return True


async def _live_settings(conn: AsyncConnection, tenant_id: UUID, flow_id: UUID) -> dict[str, Any] | None:
    """The settings of the flow's live version; None for a flow that is deleted or not live."""
    same = and_(
        flow_versions.c.tenant_id == flows.c.tenant_id,
        flow_versions.c.flow_id == flows.c.id,
        flow_versions.c.version == flows.c.published_version,
    )
    query = select(flow_versions.c.document["settings"]).select_from(flows.join(flow_versions, same))
    row = (await conn.execute(query.where(flows.c.tenant_id == tenant_id, flows.c.id == flow_id, flows.c.deleted_at.is_(None)))).first()
    return None if row is None else row[0] or {}


async def run_schedule(db: Database, redis: Redis, tenant_id: UUID, run_id: UUID) -> None:
    """Tell everybody the run is for. One that was broken off goes on where it stopped: nobody is told twice."""
    while True:
        told = await _tell_batch(db, tenant_id, run_id)
        await ring_doorbell(redis, tenant_id, *told)
        if len(told) < BATCH:
            return
        await asyncio.sleep(PAUSE_S)


async def _tell_batch(db: Database, tenant_id: UUID, run_id: UUID) -> list[UUID]:
    """The conversations of the next batch; how far it came is noted with them."""
    same = (schedule_runs.c.tenant_id == tenant_id, schedule_runs.c.id == run_id)
    async with db.tenant(tenant_id) as conn:
        run = (await conn.execute(select(schedule_runs).where(*same, schedule_runs.c.status == "running").with_for_update())).first()
        if run is None:
            return []
        people = await _people(conn, run)
        told = [await _tell(conn, run, person) for person in people]
        values: dict[str, Any] = {"told": run.told + len(told)}
        if people:
            values["reached"] = people[-1].contact_id
        if len(people) < BATCH:
            values |= {"status": "done", "finished_at": clock.now()}
        await conn.execute(update(schedule_runs).where(*same).values(**values))
    return told


async def _people(conn: AsyncConnection, run: Any) -> Sequence[Any]:
    """The next contacts on the flow's live channels, each with their last conversation; `open` leaves out those without an open one."""
    c = conversations.c
    live = select(channels.c.id).where(channels.c.tenant_id == run.tenant_id, channels.c.flow_id == run.flow_id, channels.c.enabled)
    query = (
        select(c.contact_id, c.id, c.channel_id, c.status, c.state, contacts.c.external_id)
        .ext(distinct_on(c.contact_id))
        .join(contacts, and_(contacts.c.tenant_id == c.tenant_id, contacts.c.id == c.contact_id))
        .where(c.tenant_id == run.tenant_id, c.flow_id == run.flow_id, c.is_test.is_(False), c.channel_id.in_(live))
    )
    if run.audience == "open":
        query = query.where(c.status == "open")
    if run.reached is not None:
        query = query.where(c.contact_id > run.reached)
    return (await conn.execute(query.order_by(c.contact_id, c.started_at.desc()).limit(BATCH))).all()


async def _tell(conn: AsyncConnection, run: Any, person: Any) -> UUID:
    """Put the trigger into the inbox. A conversation that is over and does not know the trigger makes room for a new one."""
    given = Triggered(trigger_id=run.trigger_id, payload={"due_at": _iso(run.due_at)}, at=clock.now(), seed=new_seed())
    key = f"schedule:{run.id}:{person.contact_id}"
    knows = run.trigger_id in ((person.state or {}).get("hears") or {}).get("triggers", ())
    over = person.state is not None and person.state.get("waiting_for") == "ended"
    content = input_to_json(given)
    if over and not knows:
        who = Contact(person.external_id)
        arrival = Arrival(run.tenant_id, person.channel_id, key, content, contact=who, flow_id=run.flow_id, apart=True)
    else:
        arrival = Arrival(run.tenant_id, person.channel_id, key, content, person.id)
    return (await accept(conn, arrival)).conversation_id


def _iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
