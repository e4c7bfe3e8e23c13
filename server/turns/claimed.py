"""Inputs that wait in the inbox: the next one of each conversation is claimed by a lease, and their turns share one write.

A turn that fails is tried again after a pause, then put aside as dead with its reason; none disturbs the others of its batch.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from uuid import UUID

import asyncpg
import msgspec

from flow_runtime import EventReceived, Input, NotExpected, State, Triggered, input_from_json
from server.kit import clock
from server.kit.db import ASYNCPG_ERRORS, is_away
from server.turns import statements
from server.turns.commit import Commit, Connection, Reads, transaction
from server.turns.fast_lane import SETTING, Rule, rule_of
from server.turns.prepare import conversation_of, equipped, version_for
from server.turns.rows import LEASE_S, Saved, Source, add_turn, person
from server.turns.take_turn import Taken
from server.turns.units import Apart, Batch, Claimed, Pending
from server.turns.versions import Versions

TRIES = 3
ALONE = "The last try is made with no other last try beside it."
ASK_AGAIN_S = 0.5

log = logging.getLogger(__name__)

# An input that kills the process takes the tries of all that are under way with it. Its last try is made alone, so that it dies alone.
_last_try = asyncio.Lock()


async def take_pending(conn: Connection, versions: Versions, tenant_id: UUID, units: Sequence[Pending]) -> Batch:
    """The next input of each conversation: one claim, then one write for all of them."""
    by_id = {unit.conversation_id: unit for unit in units}
    claimed = await conn.fetch(statements.CLAIM, tenant_id, list(by_id), LEASE_S)
    for conversation_id in set(by_id) - {row["id"] for row in claimed}:
        _finish(by_id[conversation_id])
    last = [row for row in claimed if row["attempts"] == TRIES]
    if not last:
        return await _take_together(conn, versions, tenant_id, by_id, claimed)
    if len(claimed) == 1 and not _last_try.locked():
        async with _last_try:
            return await _take_together(conn, versions, tenant_id, by_id, claimed)
    batch = await _take_together(conn, versions, tenant_id, by_id, [row for row in claimed if row["attempts"] != TRIES])
    for row in last:
        unit = by_id[row["id"]]
        if _last_try.locked():
            await _put_back(conn, tenant_id, row, ALONE, tries_back=1, pause=ASK_AGAIN_S)
            batch.pause.append((row["id"], ASK_AGAIN_S))
            _finish(unit)
        else:
            await _put_back(conn, tenant_id, row, ALONE, tries_back=1)
            unit.alone = True
            batch.again.append(unit)
    return batch


async def _take_together(
    conn: Connection, versions: Versions, tenant_id: UUID, by_id: Mapping[UUID, Pending], claimed: Sequence[asyncpg.Record]
) -> Batch:
    if not claimed:
        return Batch()
    try:
        return await _take_all_claimed(conn, versions, tenant_id, by_id, claimed)
    except asyncpg.PostgresError as error:
        return await _give_back(conn, tenant_id, by_id, claimed, error)


async def _take_all_claimed(
    conn: Connection, versions: Versions, tenant_id: UUID, by_id: Mapping[UUID, Pending], claimed: Sequence[asyncpg.Record]
) -> Batch:
    batch, commit = Batch(), Commit()
    results: list[tuple[Pending, Saved | float | None]] = []
    for row in claimed:
        unit = by_id[row["id"]]
        result = await _take_claimed(conn, versions, commit, tenant_id, row)
        if isinstance(result, Claimed):
            batch.apart.append(Apart(unit, row, result))
        else:
            results.append((unit, result))
    written = await commit.write(conn, tenant_id)
    return _sorted(batch, results, written)


async def commit_apart(conn: Connection, tenant_id: UUID, apart: Apart, turn: Callable[[], Taken]) -> Batch:
    """The end of a turn that was taken apart from the others; `turn` gives what came of it, or raises what went wrong."""
    commit = Commit()
    try:
        result = await _finish_turn(conn, commit, tenant_id, apart.row, apart.claimed, turn)
        written = await commit.write(conn, tenant_id)
    except asyncpg.PostgresError as error:
        return await _give_back(conn, tenant_id, {apart.unit.conversation_id: apart.unit}, [apart.row], error)
    return _sorted(Batch(), [(apart.unit, result)], written)


def _sorted(batch: Batch, results: Sequence[tuple[Pending, Saved | float | None]], written: set[UUID]) -> Batch:
    """What follows for each unit."""
    for unit, result in results:
        if isinstance(result, float):
            batch.pause.append((unit.conversation_id, result))
            _finish(unit)
            continue
        if isinstance(result, Saved) and unit.conversation_id in written:
            batch.saved.append(result)
        batch.again.append(unit)
    return batch


async def _give_back(
    conn: Connection, tenant_id: UUID, by_id: Mapping[UUID, Pending], claimed: Sequence[asyncpg.Record], error: Exception
) -> Batch:
    """The write was refused as a whole: each conversation tries again by itself, so that the one at fault is found.

    When none is at fault, as on a full disk, they keep their try, and the error is raised.
    """
    if is_away(error):
        with suppress(*ASYNCPG_ERRORS):
            for row in claimed:
                await _put_back(conn, tenant_id, row, str(error)[:2_000], tries_back=1)
        raise error
    batch = Batch()
    for row in claimed:
        unit = by_id[row["id"]]
        if unit.alone and (pause := await _failed(conn, tenant_id, row, error)) is not None:
            batch.pause.append((row["id"], pause))
            _finish(unit)
            continue
        if not unit.alone:
            await _put_back(conn, tenant_id, row, str(error)[:2_000], tries_back=1)
        unit.alone = True
        batch.again.append(unit)
    return batch


def _finish(unit: Pending) -> None:
    if not unit.future.done():
        unit.future.set_result(None)


async def _take_claimed(
    conn: Connection, versions: Versions, commit: Commit, tenant_id: UUID, row: asyncpg.Record
) -> Saved | float | Claimed | None:
    """The turn; or how long to pause before the input is tried again; or None for an input that is settled without a turn.

    One that runs a plugin is only made ready here.
    """
    if row["attempts"] > TRIES:
        await _settle(conn, tenant_id, row, "dead", f"the process died {TRIES} times while taking this turn")
        return None
    try:
        claimed = await _read_claimed(conn, versions, tenant_id, row)
    except ASYNCPG_ERRORS:
        raise
    except Exception as error:
        return await _failed(conn, tenant_id, row, error)
    return claimed if claimed.ready.runs_plugins else await _finish_turn(conn, commit, tenant_id, row, claimed, claimed.turn)


async def _read_claimed(conn: Connection, versions: Versions, tenant_id: UUID, row: asyncpg.Record) -> Claimed:
    found = person(row)
    assert found is not None
    conversation = conversation_of(row, found)
    given = input_from_json(msgspec.json.decode(row["input"]))
    version = version_for(conversation, row["published_version"])
    ready = await versions.get(Reads(conn, tenant_id), tenant_id, conversation.flow_id, version)
    return Claimed(await equipped(conn, versions, ready, tenant_id, conversation, given), given, version, ready)


async def _finish_turn(
    conn: Connection, commit: Commit, tenant_id: UUID, row: asyncpg.Record, claimed: Claimed, turn: Callable[[], Taken]
) -> Saved | float | None:
    try:
        taken = turn()
    except ASYNCPG_ERRORS:
        raise
    except NotExpected as reason:
        state = claimed.conversation.state
        early = state is not None and _comes_early(claimed.given, state)
        await _settle(conn, tenant_id, row, "early" if early else "ignored", str(reason))
        return None
    except Exception as error:
        return await _failed(conn, tenant_id, row, error)
    source = Source(row["input_id"], row["input_key"], True, _client_message_id(row["input_key"]))
    return add_turn(commit, tenant_id, taken, source, pushes=row["pushes"], known_contact=True, lane=_lane_of(row))


def _lane_of(row: asyncpg.Record) -> Rule | None:
    return None if row["lane"] is None else rule_of({SETTING: msgspec.json.decode(row["lane"])})


def _comes_early(given: Input, state: State) -> bool:
    """Whether the flow may listen to this later on, although it does not now."""
    if isinstance(given, EventReceived):
        return state.waiting_for != "ended"
    return isinstance(given, Triggered) and given.trigger_id in state.hears.get("triggers", ())


async def _failed(conn: Connection, tenant_id: UUID, row: asyncpg.Record, error: Exception) -> float | None:
    reason = f"{type(error).__name__}: {error}"[:2_000]
    log.warning("turn of conversation %s failed, try %d of %d: %s", row["id"], row["attempts"], TRIES, reason)
    if row["attempts"] >= TRIES:
        await _settle(conn, tenant_id, row, "dead", reason)
        return None
    pause = float(row["attempts"])
    await _put_back(conn, tenant_id, row, reason, pause=pause)
    return pause


async def _put_back(
    conn: Connection, tenant_id: UUID, row: asyncpg.Record, reason: str, *, tries_back: int = 0, pause: float = 0.0
) -> None:
    """Note why this try came to nothing, and give the conversation back: at once, or after a pause of so many seconds."""
    async with transaction(conn, tenant_id):
        await conn.execute(statements.NOTE, tenant_id, row["input_id"], reason, tries_back)
        await conn.execute(statements.RELEASE, tenant_id, row["id"], row["lease_no"], pause)


async def _settle(conn: Connection, tenant_id: UUID, row: asyncpg.Record, status: str, reason: str) -> None:
    """End an input without a turn, and give the conversation back."""
    async with transaction(conn, tenant_id):
        await conn.execute(statements.SETTLE, tenant_id, row["input_id"], status, reason, clock.now(), row["id"], row["lease_no"])
        await conn.execute(statements.RELEASE, tenant_id, row["id"], row["lease_no"], 0.0)


def _client_message_id(key: str | None) -> str | None:
    """The client's own id in the key of a message that came over the chat route."""
    return key.split(":", 2)[2] if key is not None and key.startswith("chat:") else None
