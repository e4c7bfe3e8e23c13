"""Runs a conversation again from its stored inputs and compares every turn with what was stored: effects byte for byte, state by digest."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from flow_runtime import Flow, Input, effect_to_json, input_from_json, load_flow
from server.conversations.tables import contacts, conversations, inbox
from server.flows.library import library
from server.flows.tables import flow_versions
from server.kit.errors import not_found
from server.turns.tables import bot_variables_used, turns
from server.turns.take_turn import Conversation, Person, again, digest, encode


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a turn came out otherwise."""

    turn: int
    what: str
    stored: str
    replayed: str


@dataclass(frozen=True, slots=True)
class Replay:
    """What replaying came to."""

    turns: int
    inputs: int
    differences: tuple[Difference, ...]


async def replay(conn: AsyncConnection, tenant_id: UUID, conversation_id: UUID) -> Replay:
    """Replay a conversation; Problem 404. A turn that cannot be run again is a difference too."""
    stored = await stored_turns(conn, tenant_id, conversation_id)
    inputs = await stored_inputs(conn, tenant_id, conversation_id)
    conversation = await stored_conversation(conn, tenant_id, conversation_id)
    flows: dict[int, Flow] = {}
    differences: list[Difference] = []
    for row in stored:
        if row.flow_version not in flows:
            flows[row.flow_version] = await _flow(conn, tenant_id, conversation.flow_id, row.flow_version)
        given = inputs.get(row.turn, [])
        try:
            outcomes = again(flows[row.flow_version], replace(conversation, bot=row.bot), tuple(given))
        except Exception as error:
            differences.append(Difference(row.turn, "run", "a turn", f"{type(error).__name__}: {error}"))
            break
        differences += _compare(row, outcomes)
        conversation = replace(conversation, state=outcomes[-1].state, turn=row.turn)
    return Replay(len(stored), sum(len(given) for given in inputs.values()), tuple(differences))


def _compare(row: Any, outcomes: Sequence[Any]) -> list[Difference]:
    state = outcomes[-1].state
    pairs = {
        "effects": (encode(row.effects), encode([effect_to_json(effect) for outcome in outcomes for effect in outcome.effects])),
        "path": (encode(row.path), encode([visit.to_json() for outcome in outcomes for visit in outcome.trace])),
        "state": (row.state_digest.encode(), digest(state).encode()),
        "waiting_for": (encode(row.waiting_for), encode(state.waiting_for)),
    }
    return [
        Difference(row.turn, what, stored.decode(), replayed.decode()) for what, (stored, replayed) in pairs.items() if stored != replayed
    ]


async def stored_turns(conn: AsyncConnection, tenant_id: UUID, conversation_id: UUID) -> Sequence[Any]:
    """The turns in order, with what the variables of the whole bot held (`bot`)."""
    used = bot_variables_used
    same = and_(used.c.tenant_id == turns.c.tenant_id, used.c.conversation_id == turns.c.conversation_id, used.c.turn == turns.c.turn)
    query = select(turns, used.c.held.label("bot")).outerjoin(used, same)
    query = query.where(turns.c.tenant_id == tenant_id, turns.c.conversation_id == conversation_id).order_by(turns.c.turn)
    return (await conn.execute(query)).all()


async def stored_inputs(conn: AsyncConnection, tenant_id: UUID, conversation_id: UUID) -> dict[int, list[Input]]:
    """The inputs of each turn, in the order in which they were used."""
    query = (
        select(inbox.c.turn, inbox.c.input)
        .where(inbox.c.tenant_id == tenant_id, inbox.c.conversation_id == conversation_id, inbox.c.turn.is_not(None))
        .order_by(inbox.c.turn, inbox.c.turn_order)
    )
    found: dict[int, list[Input]] = {}
    for row in await conn.execute(query):
        found.setdefault(row.turn, []).append(input_from_json(row.input))
    return found


async def stored_conversation(conn: AsyncConnection, tenant_id: UUID, conversation_id: UUID) -> Conversation:
    """The conversation before its first turn, with the contact as the first state knew them."""
    row = (
        await conn.execute(
            select(conversations, contacts.c.external_id)
            .join(contacts, (contacts.c.tenant_id == conversations.c.tenant_id) & (contacts.c.id == conversations.c.contact_id))
            .where(conversations.c.tenant_id == tenant_id, conversations.c.id == conversation_id)
        )
    ).first()
    if row is None:
        raise not_found("conversation")
    last = row.state or {}
    known = last.get("contact") or {}
    who = Person(row.contact_id, row.external_id, known=known)
    began = Conversation(row.id, row.channel_id, row.flow_id, row.flow_version, who, row.is_test)
    return replace(began, channel=last.get("channel"), callback_url=last.get("callback_url"))


async def _flow(conn: AsyncConnection, tenant_id: UUID, flow_id: UUID, version: int) -> Flow:
    query = select(flow_versions.c.document).where(
        flow_versions.c.tenant_id == tenant_id, flow_versions.c.flow_id == flow_id, flow_versions.c.version == version
    )
    document = await conn.scalar(query)
    if document is None:
        raise not_found("flow version")
    return load_flow(document, library())
