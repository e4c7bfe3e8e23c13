"""A model's reply for a flow: the conversation so far goes along, the text streams out as it is written, the cost is noted."""

import time
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from flow_runtime import CallError
from server.conversations.stream import words_of
from server.conversations.tables import messages
from server.kit.calls import CallEnd, OpenCall, Tools, performs
from server.kit.live import Live
from server.llm.gateway import gateway_of
from server.llm.messages import ChatMessage, ModelFailed, Provider, ReplyRequest, ReplyResult
from server.llm.providers import open_provider
from server.llm.usage import note_usage, told_usage

TELL_EVERY_S = 0.05
MOST_CHARACTERS_OF_HISTORY = 24_000


@performs("llm.reply", in_process=True)
async def reply(tools: Tools, call: OpenCall) -> CallEnd:
    """Ask the model; a failure is an answer too."""
    resources, gateway = tools.resources, tools.one(gateway_of)
    began = time.perf_counter()
    payload = dict(call.payload)
    history = int(payload.pop("history", 0))
    try:
        request = ReplyRequest.of(payload)
    except msgspec.ValidationError as error:
        return CallEnd(False, error=CallError("refused", f"The model cannot be asked this: {error}"))
    provider: Provider | None = None
    result: ReplyResult | ModelFailed
    try:
        async with resources.db.tenant(call.tenant_id) as conn:
            provider = await open_provider(conn, resources.vault, call.tenant_id, request.model)
            earlier = await _earlier(conn, call, history, request.messages[-1].content if request.messages else "")
        aloud = request.say and await resources.live.is_heard(call.tenant_id, words_of(call.conversation_id))
        telling = _Telling(resources.live, call) if aloud else None
        request = msgspec.structs.replace(request, messages=[*earlier, *request.messages])
        result = await gateway.reply(provider, request, None if telling is None else telling.hear, timeout_s=call.timeout_s, streamed=aloud)
        if telling is not None:
            await telling.flush()
    except ModelFailed as failed:
        result = failed
    return _end_of(call, provider, result, round((time.perf_counter() - began) * 1000))


def _end_of(call: OpenCall, provider: Provider | None, result: ReplyResult | ModelFailed, ms: int) -> CallEnd:
    note = note_usage(call, provider, result, ms)
    if isinstance(result, ModelFailed):
        may_retry = result.kind not in ("no_model", "refused")
        return CallEnd(False, error=CallError(result.kind, str(result)), also=note, may_retry=may_retry)
    return CallEnd(True, result.to_json(), usage=told_usage(result), also=note)


async def _earlier(conn: AsyncConnection, call: OpenCall, count: int, asked: str) -> list[ChatMessage]:
    """The last messages before the one that is answered now, oldest first."""
    rows = list(await conn.execute(_newest(call.tenant_id, call.conversation_id, count + 1)))
    if rows and rows[0].direction == "in" and rows[0].body.get("text", "").strip() == asked:
        rows = rows[1:]
    found: list[ChatMessage] = []
    room = MOST_CHARACTERS_OF_HISTORY
    for row in rows[:count]:
        text = str(row.body.get("text", ""))
        room -= len(text)
        if room < 0:
            break
        if text:
            found.append(ChatMessage("user" if row.direction == "in" else "assistant", text))
    return found[::-1]


def _newest(tenant_id: UUID, conversation_id: UUID, limit: int) -> Select[tuple[str, dict[str, Any]]]:
    return (
        select(messages.c.direction, messages.c.body)
        .where(messages.c.tenant_id == tenant_id, messages.c.conversation_id == conversation_id)
        .order_by(messages.c.seq.desc())
        .limit(limit)
    )


class _Telling:
    """Passes the text on as it grows, a few times a second instead of word by word."""

    def __init__(self, live: Live, call: OpenCall) -> None:
        self._live = live
        self._call = call
        self._told = 0
        self._waiting = ""
        self._last = 0.0

    async def hear(self, piece: str) -> None:
        """One more piece of the text."""
        self._waiting += piece
        if time.monotonic() - self._last >= TELL_EVERY_S:
            await self.flush()

    async def flush(self) -> None:
        """Tell what has not been told."""
        if not self._waiting:
            return
        news = {"kind": "delta", "call_id": self._call.id, "text": self._waiting, "from": self._told}
        self._told += len(self._waiting)
        self._waiting = ""
        self._last = time.monotonic()
        await self._live.publish(self._call.tenant_id, words_of(self._call.conversation_id), news)
