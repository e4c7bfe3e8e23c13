"""What a turn is taken with: the stored conversation, the version of its flow, and what the flow uses of the world around it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

import msgspec

from flow_runtime import AgentDone, CallResult, Input, State
from server.kit.errors import Problem
from server.turns import statements
from server.turns.commit import Connection
from server.turns.take_turn import Conversation, Person
from server.turns.versions import Version, Versions


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


def version_for(conversation: Conversation, published: int | None, wanted: int | None = None) -> int:
    """The version of this turn: a conversation keeps the one it started with; one that begins (again) takes the live one."""
    begins = conversation.state is None or conversation.state.waiting_for == "ended"
    if not begins or conversation.is_test:
        version = conversation.flow_version or wanted
    else:
        version = wanted or published or conversation.flow_version
    if not version:
        raise Problem(409, "flow_not_published", "This bot is not published yet. Publish its flow, then try again.")
    return version


async def equipped(
    conn: Connection, versions: Versions, ready: Version, tenant_id: UUID, conversation: Conversation, given: Input
) -> Conversation:
    """The conversation with what its flow uses of the world around it."""
    if ready.gives_address and conversation.state is None:
        conversation = replace(conversation, callback_url=versions.address_of(tenant_id, conversation.id))
    if ready.quiet is not None:
        conversation = replace(conversation, quiet=ready.quiet)
    if ready.shares and not isinstance(given, CallResult | AgentDone):
        row = await conn.fetchrow(statements.BOT_VARIABLES, tenant_id, conversation.flow_id)
        conversation = replace(conversation, bot={} if row["held"] is None else msgspec.json.decode(row["held"]))
    return conversation
