"""Many turns in one commit: the turns that wait at this moment, of different conversations of one tenant, share their statements.

Each keeps its own outcome. A message that was here before, a conversation somebody else is at, a turn that fails: none disturbs the others.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from flow_runtime import (
    AgentDone,
    CallResult,
    ConversationStarted,
    EventReceived,
    Input,
    NotExpected,
    State,
    Triggered,
    input_from_json,
    input_to_json,
)
from server.conversations.inbox import Contact, contact_id_of
from server.kit import clock
from server.kit.db import ASYNCPG_ERRORS
from server.kit.errors import Problem, not_found
from server.kit.ids import uuid7
from server.turns import statements
from server.turns.commit import Commit
from server.turns.rows import LEASE_S, Saved, Source, add_turn, person
from server.turns.take_turn import Conversation, Person, Taken, take_turn
from server.turns.versions import Version, Versions

TRIES = 3

log = logging.getLogger(__name__)

Connection = Any


@dataclass(frozen=True, slots=True)
class Incoming:
    """One customer's message (or the opening of the widget) before it is stored.

    `key` is the sender's own id of it: the same key in the same channel is the same message. Without `conversation_id` a new conversation
    starts with `contact` on the live version of `flow_id`, or on `flow_version`. `channel` is the
    kind of channel; `pushes`: it must be sent its messages.
    """

    tenant_id: UUID
    channel_id: UUID
    flow_id: UUID | None
    key: str
    input: Input
    conversation_id: UUID | None = None
    contact: Contact | None = None
    client_message_id: str | None = None
    flow_version: int | None = None
    is_test: bool = False
    pushes: bool = False
    channel: str = "web"


@dataclass(frozen=True, slots=True)
class Known:
    """The message was here before."""

    conversation_id: UUID
    inbox_id: UUID


@dataclass(frozen=True, slots=True)
class Later:
    """The message has to be put into the inbox and wait there for its turn."""

    reason: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """There is nothing to do, as for a chat that is opened a second time."""

    conversation: Conversation


Result = Saved | Known | Later | Nothing


@dataclass(eq=False, slots=True)
class Fresh:
    """A message on its way through the fast path."""

    incoming: Incoming
    future: asyncio.Future[Result]
    conflicts: int = 0
    alone: bool = False

    @property
    def place(self) -> object:
        """Two units of one place never run at the same time."""
        return self.incoming.conversation_id or (self.incoming.channel_id, self.incoming.key)


@dataclass(eq=False, slots=True)
class Pending:
    """A conversation whose inbox has something for it. The future tells when there is nothing left to do."""

    conversation_id: UUID
    future: asyncio.Future[None]
    conflicts: int = 0
    alone: bool = False

    @property
    def place(self) -> object:
        """Two units of one place never run at the same time."""
        return self.conversation_id


Unit = Fresh | Pending


@dataclass(frozen=True, slots=True)
class Claimed:
    """An input whose turn can be taken: everything has been read. `turn` may be called in any thread."""

    conversation: Conversation
    given: Input
    version: int
    ready: Version

    def turn(self) -> Taken:
        """Take it; raises what goes wrong in it."""
        return take_turn(self.ready.flow, self.version, self.conversation, self.given, self.ready.answer)


@dataclass(frozen=True, slots=True)
class Apart:
    """A claimed input whose turn runs a plugin's code: it may take seconds, so no other turn waits for it."""

    unit: Pending
    row: asyncpg.Record
    claimed: Claimed


@dataclass(slots=True)
class Batch:
    """What a batch came to: turns that are committed now, units that go round again, and turns that are taken apart from the others."""

    saved: list[Saved] = field(default_factory=list)
    again: list[Unit] = field(default_factory=list)
    pause: list[tuple[UUID, float]] = field(default_factory=list)
    apart: list["Apart"] = field(default_factory=list)


class transaction:
    """A transaction of one tenant on a connection of the hot path."""

    def __init__(self, conn: Connection, tenant_id: UUID) -> None:
        self._conn = conn
        self._tenant_id = tenant_id

    async def __aenter__(self) -> None:
        await self._conn.execute(f"begin; set local app.tenant_id = '{self._tenant_id}'")

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if not self._conn.is_closed():
            await self._conn.execute("commit" if kind is None else "rollback")


async def take_fresh(conn: Connection, versions: Versions, tenant_id: UUID, units: Sequence[Fresh]) -> Batch:
    """One read and one write for all the messages."""
    batch = Batch()
    results: list[tuple[Fresh, Result]] = []
    async with transaction(conn, tenant_id):
        commit = Commit()
        for unit, row in zip(units, await _read(conn, tenant_id, units), strict=True):
            try:
                results.append((unit, await _take_one(conn, versions, commit, tenant_id, unit.incoming, row)))
            except Problem as problem:
                unit.future.set_exception(problem)
        written = await _write(conn, tenant_id, commit)
    for unit, result in results:
        if isinstance(result, Saved) and result.taken.conversation.id not in written:
            unit.conflicts += 1
            batch.again.append(unit)
            continue
        if isinstance(result, Saved):
            batch.saved.append(result)
        if not unit.future.done():
            unit.future.set_result(result)
    return batch


async def _read(conn: Connection, tenant_id: UUID, units: Sequence[Fresh]) -> list[asyncpg.Record]:
    asked = [unit.incoming for unit in units]
    rows: list[asyncpg.Record] = await conn.fetch(
        statements.READ,
        tenant_id,
        [incoming.conversation_id for incoming in asked],
        [incoming.channel_id for incoming in asked],
        [incoming.key for incoming in asked],
        [incoming.contact.external_id if incoming.contact and not incoming.conversation_id else None for incoming in asked],
        [incoming.flow_id for incoming in asked],
    )
    return rows


async def _write(conn: Connection, tenant_id: UUID, commit: Commit) -> set[UUID]:
    if not commit:
        return set()
    sql, columns = commit.statement()
    return {row["id"] for row in await conn.fetch(sql, tenant_id, *columns)}


async def _take_one(
    conn: Connection, versions: Versions, commit: Commit, tenant_id: UUID, incoming: Incoming, row: asyncpg.Record
) -> Result:
    if row["seen_id"] is not None:
        return _known(incoming, row)
    conversation = _conversation_for(incoming, row)
    if conversation.stored and (row["leased"] or row["queue"]):
        return Later("somebody else is at it")
    if conversation.state is not None and not conversation.state.accepts(incoming.input):
        return Nothing(conversation) if isinstance(incoming.input, ConversationStarted) else Later(f"waits for {conversation.waiting_for}")
    try:
        version = _version_for(conversation, row["published_version"], incoming.flow_version)
        ready = await versions.get(conn, incoming.tenant_id, conversation.flow_id, version)
        if ready.runs_plugins:
            return Later("runs a plugin")
        conversation = await _equipped(conn, versions, ready, tenant_id, conversation, incoming.input)
        taken = take_turn(ready.flow, version, conversation, incoming.input, ready.answer)
    except (Problem, *ASYNCPG_ERRORS):
        raise
    except Exception:
        log.exception("turn of conversation %s failed on the fast path", conversation.id)
        return Later("the turn failed")
    source = Source(uuid7(), incoming.key, False, incoming.client_message_id)
    return add_turn(commit, tenant_id, taken, source, pushes=incoming.pushes, known_contact=row["contact"] is not None)


async def _equipped(
    conn: Connection, versions: Versions, ready: Version, tenant_id: UUID, conversation: Conversation, given: Input
) -> Conversation:
    """The conversation with what its flow uses of the world around it."""
    if ready.gives_address and conversation.state is None:
        conversation = replace(conversation, callback_url=versions.address_of(tenant_id, conversation.id))
    if ready.quiet is not None:
        conversation = replace(conversation, quiet=ready.quiet)
    if ready.shares and not isinstance(given, CallResult | AgentDone):
        row = await conn.fetchrow(statements.BOT_VARIABLES, tenant_id, conversation.flow_id)
        conversation = replace(conversation, bot={} if row is None else msgspec.json.decode(row["held"]))
    return conversation


def _known(incoming: Incoming, row: asyncpg.Record) -> Known:
    same = dict(msgspec.json.decode(row["seen_input"]), at=None, seed=None) == _without_stamp(incoming.input)
    if not same:
        raise Problem(
            422, "client_message_id_used", "This client_message_id was used for another message. Give each message an id of its own."
        )
    return Known(row["seen_conversation_id"], row["seen_id"])


def _without_stamp(given: Input) -> dict[str, Any]:
    return dict(input_to_json(given), at=None, seed=None)


def _conversation_for(incoming: Incoming, row: asyncpg.Record) -> Conversation:
    if incoming.conversation_id is None:
        return _new_conversation(incoming, row)
    if row["id"] is None or row["channel_id"] != incoming.channel_id:
        raise not_found("conversation")
    found = person(row)
    assert found is not None
    return conversation_of(row, found)


def _new_conversation(incoming: Incoming, row: asyncpg.Record) -> Conversation:
    contact = incoming.contact
    if contact is None or incoming.flow_id is None:
        raise Problem(409, "no_flow", "This channel has no flow yet. Choose one in the channel's settings.")
    known = person(row)
    attributes = {**(known.attributes if known else {}), **(contact.attributes or {})}
    someone = Person(
        known.id if known else contact_id_of(incoming.channel_id, contact.external_id),
        contact.external_id,
        contact.name or (known.name if known else None),
        contact.language or (known.language if known else None),
        attributes,
    )
    return Conversation(
        uuid7(), incoming.channel_id, incoming.flow_id, 0, someone, is_test=incoming.is_test, stored=False, channel=incoming.channel
    )


def conversation_of(row: Mapping[str, Any], contact: Person) -> Conversation:
    """The conversation in a row of the turn's statements."""
    state = None if row["state"] is None else State.from_json(msgspec.json.decode(row["state"]))
    return Conversation(
        row["id"],
        row["channel_id"],
        row["flow_id"],
        row["flow_version"],
        contact,
        row["is_test"],
        row["status"],
        state,
        row["state_version"],
        row["lease_no"],
        row["turn"],
        row["last_seq"],
        row["waiting_for"],
        row["ended_at"],
        channel=row.get("channel"),
    )


def _version_for(conversation: Conversation, published: int | None, wanted: int | None = None) -> int:
    """The version of this turn: a conversation keeps the one it started with; one that begins (again) takes the live one."""
    begins = conversation.state is None or conversation.state.waiting_for == "ended"
    if not begins or conversation.is_test:
        version = conversation.flow_version or wanted
    else:
        version = wanted or published or conversation.flow_version
    if not version:
        raise Problem(409, "flow_not_published", "This bot is not published yet. Publish its flow, then try again.")
    return version


async def take_pending(conn: Connection, versions: Versions, tenant_id: UUID, units: Sequence[Pending]) -> Batch:
    """The next input of each conversation: one claim, then one write for all of them."""
    by_id = {unit.conversation_id: unit for unit in units}
    async with transaction(conn, tenant_id):
        claimed = await conn.fetch(statements.CLAIM, tenant_id, list(by_id), LEASE_S)
    for conversation_id in set(by_id) - {row["id"] for row in claimed}:
        _finish(by_id[conversation_id])
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
    async with transaction(conn, tenant_id):
        for row in claimed:
            unit = by_id[row["id"]]
            result = await _take_claimed(conn, versions, commit, tenant_id, row)
            if isinstance(result, Claimed):
                batch.apart.append(Apart(unit, row, result))
            else:
                results.append((unit, result))
        written = await _write(conn, tenant_id, commit)
    return _sorted(batch, results, written)


async def commit_apart(conn: Connection, tenant_id: UUID, apart: Apart, turn: Callable[[], Taken]) -> Batch:
    """The end of a turn that was taken apart from the others; `turn` gives what came of it, or raises what went wrong."""
    commit = Commit()
    try:
        async with transaction(conn, tenant_id):
            result = await _finish_turn(conn, commit, tenant_id, apart.row, apart.claimed, turn)
            written = await _write(conn, tenant_id, commit)
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
    """The write was refused as a whole: each conversation tries again by itself, so that the one at fault is found."""
    batch = Batch()
    async with transaction(conn, tenant_id):
        for row in claimed:
            unit = by_id[row["id"]]
            if unit.alone and (pause := await _failed(conn, tenant_id, row, error)) is not None:
                batch.pause.append((row["id"], pause))
                _finish(unit)
                continue
            if not unit.alone:
                await conn.execute(statements.NOTE, tenant_id, row["input_id"], str(error)[:2_000], 1)
                await conn.execute(statements.RELEASE, tenant_id, row["id"], row["lease_no"], 0.0)
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
    version = _version_for(conversation, row["published_version"])
    ready = await versions.get(conn, tenant_id, conversation.flow_id, version)
    return Claimed(await _equipped(conn, versions, ready, tenant_id, conversation, given), given, version, ready)


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
    return add_turn(commit, tenant_id, taken, source, pushes=row["pushes"], known_contact=True)


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
    await conn.execute(statements.NOTE, tenant_id, row["input_id"], reason, 0)
    await conn.execute(statements.RELEASE, tenant_id, row["id"], row["lease_no"], pause)
    return pause


async def _settle(conn: Connection, tenant_id: UUID, row: asyncpg.Record, status: str, reason: str) -> None:
    """End an input without a turn, and give the conversation back."""
    await conn.execute(statements.SETTLE, tenant_id, row["input_id"], status, reason, clock.now(), row["id"], row["lease_no"])
    await conn.execute(statements.RELEASE, tenant_id, row["id"], row["lease_no"], 0.0)


def _client_message_id(key: str | None) -> str | None:
    """The client's own id in the key of a message that came over the chat route."""
    return key.split(":", 2)[2] if key is not None and key.startswith("chat:") else None
