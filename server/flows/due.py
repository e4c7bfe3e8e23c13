"""When the schedule triggers of a flow are due: five cron fields, in a time zone."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError
from sqlalchemy import case, delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from flow_runtime import Problem
from flow_runtime.checks.triggers import cron_fault
from server.flows.document import Document
from server.flows.tables import schedules
from server.kit import clock

_HOW = 'Give minute, hour, day of the month, month and day of the week, as in "0 9 * * 1-5".'


def next_moment(cron: str, time_zone: str, after: datetime) -> datetime | None:
    """The next due minute after a moment, in UTC; None when there is none. Raises ValueError with a sentence.

    Where the clocks are put forward, what was due in the missing hour is due right after it; where they are put back, once.
    """
    try:
        coming = CronSim(cron, after.astimezone(_zone(time_zone)))
    except CronSimError:
        if cron_fault(cron) is None:  # such as the 31st of February alone
            return None
        raise ValueError(f'"{cron}" is no schedule. {_HOW}') from None
    try:
        return next(coming).astimezone(UTC)
    except StopIteration:
        return None


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f'There is no time zone "{name}". Use a name such as Europe/Berlin.') from None


def is_time_zone(name: str) -> bool:
    """Whether this is the name of a time zone (IANA)."""
    try:
        return bool(_zone(name))
    except ValueError:
        return False


def quiet_until(settings: Mapping[str, Any], at: datetime) -> datetime | None:
    """The end of the flow's quiet hours if the moment lies in them, in UTC; None when it does not."""
    hours = settings.get("quiet_hours")
    if not hours:
        return None
    try:
        zone: tzinfo = _zone(settings.get("time_zone") or "UTC")
    except ValueError:  # as old documents may name it: nobody is to be kept from writing by it
        zone = UTC
    local = at.astimezone(zone)
    begins, ends = time.fromisoformat(hours["from"]), time.fromisoformat(hours["to"])
    now = local.time().replace(tzinfo=None)
    quiet = begins <= now < ends if begins <= ends else now >= begins or now < ends
    if not quiet:
        return None
    day = local.date() if now < ends else local.date() + timedelta(days=1)
    return datetime.combine(day, ends, local.tzinfo).astimezone(UTC)


def triggers_of(document: Document) -> Iterator[tuple[Mapping[str, Any], str]]:
    """(schedule trigger, its time zone) of a document."""
    usual = document.get("settings", {}).get("time_zone") or "UTC"
    for trigger in document["triggers"]:
        if trigger.get("type") == "schedule" and isinstance(trigger.get("cron"), str):
            yield trigger, trigger.get("time_zone") or usual


def problems_of_schedules(document: Document) -> list[Problem]:
    """Schedules that can never be due."""
    found: list[Problem] = []
    for trigger, time_zone in triggers_of(document):
        try:
            if next_moment(trigger["cron"], time_zone, clock.now()) is not None:
                continue
            sentence = f'The schedule "{trigger["cron"]}" is never due: there is no such day.'
        except ValueError as error:
            sentence = str(error)
        fix = "Open the trigger and correct its schedule or its time zone."
        found.append(Problem("bad_schedule", "error", trigger["node"], f"triggers.{trigger['id']}", sentence, fix))
    return found


async def install_schedules(conn: AsyncConnection, tenant_id: UUID, flow_id: UUID, document: Document) -> None:
    """The schedules of the version that goes live take the place of those before. One that did not change keeps its next moment."""
    rows = []
    for trigger, time_zone in triggers_of(document):
        due = next_moment(trigger["cron"], time_zone, clock.now())
        if due is not None:
            named = {"tenant_id": tenant_id, "flow_id": flow_id, "trigger_id": trigger["id"], "time_zone": time_zone, "next_at": due}
            rows.append({**named, "cron": trigger["cron"], "audience": trigger.get("audience", "open")})
    old = schedules.c
    kept = [row["trigger_id"] for row in rows]
    await conn.execute(delete(schedules).where(old.tenant_id == tenant_id, old.flow_id == flow_id, old.trigger_id.not_in(kept)))
    if not rows:
        return
    new = insert(schedules).values(rows)
    same = (old.cron == new.excluded.cron) & (old.time_zone == new.excluded.time_zone)
    taken: dict[str, Any] = {name: new.excluded[name] for name in ("cron", "time_zone", "audience")}
    taken["next_at"] = case((same, old.next_at), else_=new.excluded.next_at)
    await conn.execute(new.on_conflict_do_update(constraint="schedules_pkey", set_=taken))
