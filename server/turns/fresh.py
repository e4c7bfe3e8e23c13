"""Messages on the fast path: those that wait at this moment, of different conversations of one tenant, share one read and one write.

Each keeps its own outcome. A message that was here before, a conversation somebody else is at, a turn that fails: none disturbs the others.
"""

import logging
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from flow_runtime import ConversationStarted, input_to_json
from server.conversations.inbox import contact_id_of
from server.kit.db import ASYNCPG_ERRORS
from server.kit.errors import Problem, not_found
from server.kit.ids import uuid7
from server.turns import statements
from server.turns.commit import Commit, Connection, Reads
from server.turns.prepare import conversation_of, equipped, version_for
from server.turns.rows import Saved, Source, add_turn, person
from server.turns.take_turn import Conversation, Person, take_turn
from server.turns.units import Batch, Fresh, Incoming, Known, Later, Nothing, Result
from server.turns.versions import Versions

_BESIDE = dict.fromkeys(("at", "seed", "annotations", "language", "label"))

log = logging.getLogger(__name__)


async def take_fresh(conn: Connection, versions: Versions, tenant_id: UUID, units: Sequence[Fresh]) -> Batch:
    """One read and one write for all the messages."""
    batch = Batch()
    results: list[tuple[Fresh, Result]] = []
    commit = Commit()
    for unit, row in zip(units, await _read(conn, tenant_id, units), strict=True):
        try:
            results.append((unit, await _take_one(conn, versions, commit, tenant_id, unit, row)))
        except Problem as problem:
            unit.future.set_exception(problem)
    written = await commit.write(conn, tenant_id)
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


async def _take_one(conn: Connection, versions: Versions, commit: Commit, tenant_id: UUID, unit: Fresh, row: asyncpg.Record) -> Result:
    incoming = unit.incoming
    if row["seen_id"] is not None:
        return _known(incoming, row)
    conversation = _conversation_for(incoming, row)
    if conversation.stored and (row["leased"] or row["queue"]):
        return Later("somebody else is at it")
    if unit.suspected:
        return Later("a process died with it in its hands", elsewhere=True)
    if conversation.state is not None and not conversation.state.accepts(incoming.input):
        return Nothing(conversation) if isinstance(incoming.input, ConversationStarted) else Later(f"waits for {conversation.waiting_for}")
    try:
        version = version_for(conversation, row["published_version"], incoming.flow_version)
        ready = await versions.get(Reads(conn, tenant_id), tenant_id, conversation.flow_id, version)
        if ready.runs_plugins:
            return Later("runs a plugin")
        conversation = await equipped(conn, versions, ready, tenant_id, conversation, incoming.input)
        taken = take_turn(ready.flow, version, conversation, incoming.input, ready.answer)
    except (Problem, *ASYNCPG_ERRORS):
        raise
    except Exception:
        log.exception("turn of conversation %s failed on the fast path", conversation.id)
        return Later("the turn failed")
    source = Source(uuid7(), incoming.key, False, incoming.client_message_id)
    return add_turn(commit, tenant_id, taken, source, pushes=incoming.pushes, known_contact=row["contact"] is not None, lane=incoming.lane)


def _known(incoming: Incoming, row: asyncpg.Record) -> Known:
    if _said(msgspec.json.decode(row["seen_input"])) != _said(input_to_json(incoming.input)):
        raise Problem(
            422, "client_message_id_used", "This client_message_id was used for another message. Give each message an id of its own."
        )
    return Known(row["seen_conversation_id"], row["seen_id"])


def _said(given: dict[str, Any]) -> dict[str, Any]:
    """What was said, without its moment, its luck and what was found in it; a file that the server keeps has a new link each time."""
    others = [{**file, "url": None} if file["id"] else file for file in given.get("others", ())]
    kept = {"url": None} if given.get("id") else {}
    return {**given, **kept, "others": others, **_BESIDE}


def _conversation_for(incoming: Incoming, row: asyncpg.Record) -> Conversation:
    if incoming.conversation_id is None:
        return _new_conversation(incoming, row)
    if row["id"] is None or row["channel_id"] != incoming.channel_id:
        raise not_found("conversation")
    if row["status"] == "closed" and not incoming.resumes:
        raise Problem(410, "conversation_over", "This conversation is over. Start a new one.")
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
