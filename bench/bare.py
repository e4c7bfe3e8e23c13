"""The bare limit: what a hand-written handler needs for the same rows, in one transaction for each request.

No framework, no flow, no tenants (the connection passes by row-level security): read and lock the conversation, write everything in one
statement, commit. Run by uvicorn like the real server.
"""

import os
import secrets
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from server.kit.clock import now
from server.kit.ids import uuid7

TENANT = UUID(os.environ["BENCH_TENANT"])
CHANNEL = UUID(os.environ["BENCH_CHANNEL"])
FLOW = UUID(os.environ["BENCH_FLOW"])

_SELECT = "select state::text, turn, last_seq from conversations where tenant_id = $1 and id = $2 for update"
_WRITE = """
with c as (
    update conversations set state = $3::jsonb, state_version = state_version + 1, turn = $4, last_seq = $5, updated_at = $6
    where tenant_id = $1 and id = $2 returning id
),
i as (
    insert into inbox (tenant_id, id, conversation_id, channel_id, external_id, input, status, turn, turn_order, received_at, processed_at)
    select $1, $7, $2, $8, $9, $10::jsonb, 'processed', $4, 0, $6, $6
),
m as (
    insert into messages (tenant_id, conversation_id, seq, turn, direction, body, client_message_id, at)
    values ($1, $2, $5 - 2, $4, 'in', $11::jsonb, $9, $6), ($1, $2, $5 - 1, $4, 'out', $12::jsonb, null, $6),
        ($1, $2, $5, $4, 'out', $13::jsonb, null, $6)
),
t as (
    insert into turns (tenant_id, conversation_id, turn, flow_version, path, effects, state_digest, waiting_for, ms, at)
    values ($1, $2, $4, 1, $14::jsonb, $15::jsonb, '0', 'message', 0.1, $6)
)
insert into events (tenant_id, conversation_id, type, props, flow_id, flow_version, channel_id, at)
select $1, $2, e.type, e.props, $16, 1, $8, $6 from unnest($17::text[], $18::jsonb[]) as e(type, props)"""
_NEW = """
with p as (insert into contacts (tenant_id, id, channel_id, external_id) values ($1, $2, $3, $4))
insert into conversations (tenant_id, id, channel_id, contact_id, flow_id, flow_version, state, waiting_for)
values ($1, $2, $3, $2, $5, 1, '{"count": 0, "variables": {}}'::jsonb, 'message')"""
_VISITS: list[dict[str, Any]] = [
    {"node_id": node, "port": "next", "waiting_for": None, "set": {}, "call_id": None, "error": None}
    for node in ("ask", "count", "check", "answer", "ask")
]
_PATH = [[visit["node_id"], "next"] for visit in _VISITS]


class _Message(msgspec.Struct):
    client_message_id: str
    channel_id: UUID
    conversation_id: UUID | None = None
    text: str = ""
    start: bool = False


_decode = msgspec.json.Decoder(_Message).decode
_encode = msgspec.json.Encoder().encode


def _text(value: Any) -> str:
    return _encode(value).decode()


class App:
    """The handler."""

    pool: Any

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        body = b""
        while True:
            part = await receive()
            body += part.get("body", b"")
            if not part.get("more_body"):
                break
        message = _decode(body)
        answer = await (self._start(message) if message.conversation_id is None else self._turn(message, message.conversation_id))
        out = _encode(answer)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(out)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": out})

    async def _live(self, receive: Any, send: Any) -> None:
        while True:
            event = await receive()
            if event["type"] == "lifespan.startup":
                self.pool = await asyncpg.create_pool(os.environ["BENCH_DATABASE_URL"], min_size=16, max_size=16)
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.pool.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _start(self, message: _Message) -> dict[str, Any]:
        conversation_id = uuid7()
        async with self.pool.acquire() as conn:
            await conn.execute(_NEW, TENANT, conversation_id, CHANNEL, message.client_message_id, FLOW)
        return {"conversation_id": conversation_id, "token": "", "messages": []}

    async def _turn(self, message: _Message, conversation_id: UUID) -> dict[str, Any]:
        at = now()
        async with self.pool.acquire() as conn, conn.transaction():
            row = await conn.fetchrow(_SELECT, TENANT, conversation_id)
            state = msgspec.json.decode(row["state"])
            state["count"] += 1
            state["variables"]["wish"] = message.text
            said = {"type": "text", "text": f"You said: {message.text}. This is message {state['count']} of the conversation."}
            asked = {"type": "text", "text": "What can I do for you?"}
            turn, seq = row["turn"] + 1, row["last_seq"] + 3
            events = [
                ("message.received", {"turn": turn, "seq": seq - 2}),
                ("message.sent", {"turn": turn, "seq": seq - 1}),
                ("message.sent", {"turn": turn, "seq": seq}),
                ("turn.taken", {"turn": turn, "ms": 0.1, "path": _PATH, "nodes": 5}),
            ]
            given = {"kind": "message", "at": at, "seed": secrets.randbits(48), "text": message.text, "language": None}
            await conn.execute(
                _WRITE,
                TENANT,
                conversation_id,
                _text(state),
                turn,
                seq,
                at,
                uuid7(),
                CHANNEL,
                message.client_message_id,
                _text(given),
                _text({"type": "text", "text": message.text}),
                _text(said),
                _text(asked),
                _text(_VISITS),
                _text([said, asked]),
                FLOW,
                [kind for kind, _ in events],
                [_text(props) for _, props in events],
            )
        messages = [
            {"seq": seq - 2, "direction": "in", "body": {"type": "text", "text": message.text}, "at": at},
            {"seq": seq - 1, "direction": "out", "body": said, "at": at},
            {"seq": seq, "direction": "out", "body": asked, "at": at},
        ]
        return {"conversation_id": conversation_id, "turn": turn, "status": "answered", "messages": messages, "waiting_for": "message"}


app = App()
