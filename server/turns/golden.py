"""Golden files: stored conversations with the digests of what came of each turn, to prove that the runtime still does the same.

One file is one flow version: its document in the first line, then a conversation in each line, all JSON.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from flow_runtime import Flow, Outcome, effect_to_json, input_from_json, input_to_json, load_flow
from server.conversations.tables import conversations
from server.flows.library import library
from server.flows.queries import read_version
from server.turns.replay import Difference, stored_conversation, stored_inputs, stored_turns
from server.turns.take_turn import Conversation, Person, again, digest, encode

_NOBODY = UUID(int=0)


async def golden_lines(conn: AsyncConnection, tenant_id: UUID, flow_id: UUID, version: int, limit: int) -> list[str]:
    """The file of a flow version with its first conversations; Problem 404 when there is no such version."""
    document = await read_version(conn, tenant_id, flow_id, version)
    wanted = (
        select(conversations.c.id)
        .where(conversations.c.tenant_id == tenant_id, conversations.c.flow_id == flow_id, conversations.c.flow_version == version)
        .where(conversations.c.turn > 0)
        .order_by(conversations.c.started_at, conversations.c.id)
        .limit(limit)
    )
    flow = load_flow(document, library())
    ids = list(await conn.scalars(wanted))
    return [_line({"flow": document}), *[_line(await _conversation(conn, flow, tenant_id, one)) for one in ids]]


async def _conversation(conn: AsyncConnection, flow: Flow, tenant_id: UUID, conversation_id: UUID) -> dict[str, Any]:
    inputs = await stored_inputs(conn, tenant_id, conversation_id)
    began = await stored_conversation(conn, tenant_id, conversation_id)
    turns: list[dict[str, Any]] = []
    conversation = began
    for row in await stored_turns(conn, tenant_id, conversation_id):
        given = tuple(inputs[row.turn])
        outcomes = again(flow, replace(conversation, bot=row.bot), given)
        bot = {} if row.bot is None else {"bot": row.bot}
        turns.append({"inputs": [input_to_json(one) for one in given], **bot, **proofs_of(outcomes)})
        conversation = replace(conversation, state=outcomes[-1].state)
    known = {"contact": dict(began.contact.for_flow()), "channel": began.channel, "callback_url": began.callback_url}
    return {"id": str(began.id), **{name: value for name, value in known.items() if value}, "turns": turns}


def proofs_of(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """A digest of each thing that came of a turn."""
    effects = [effect_to_json(effect) for outcome in outcomes for effect in outcome.effects]
    path = [visit.to_json() for outcome in outcomes for visit in outcome.trace]
    return {"effects": _proof(effects), "path": _proof(path), "state": digest(outcomes[-1].state)}


def differences_in(lines: Iterable[str]) -> Iterator[tuple[str, Difference]]:
    """(conversation, difference) of every turn in a golden file that comes out otherwise now."""
    rest = iter(lines)
    flow = load_flow(json.loads(next(rest))["flow"], library())
    for line in rest:
        told = json.loads(line)
        for difference in _replayed(flow, told):
            yield told["id"], difference


def _replayed(flow: Flow, told: Mapping[str, Any]) -> Iterator[Difference]:
    who = Person(_NOBODY, "", known=told["contact"])
    began = Conversation(UUID(told["id"]), _NOBODY, _NOBODY, 1, who)
    conversation = replace(began, channel=told.get("channel"), callback_url=told.get("callback_url"))
    for number, turn in enumerate(told["turns"], start=1):
        given = tuple(input_from_json(one) for one in turn["inputs"])
        try:
            outcomes = again(flow, replace(conversation, bot=turn.get("bot")), given)
        except Exception as error:
            yield Difference(number, "run", "a turn", f"{type(error).__name__}: {error}")
            return
        for what, proof in proofs_of(outcomes).items():
            if proof != turn[what]:
                yield Difference(number, what, turn[what], proof)
        conversation = replace(conversation, state=outcomes[-1].state)


def _proof(value: Any) -> str:
    return hashlib.blake2b(encode(value), digest_size=16).hexdigest()


def _line(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
