"""POST /api/v2/chat/message: a customer's message in, the bot's answer out."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream
from litestar.status_codes import HTTP_200_OK

from server.channels.queries import Channel
from server.channels.web.origins import admit
from server.conversations.queries import find_conversation
from server.conversations.stream import words_of
from server.kit.answers import answer_error
from server.kit.db import Database
from server.kit.errors import Problem
from server.kit.live import Live, Subscription
from server.security.identity import Identity
from server.turns import metrics
from server.turns.chat import MOST_BYTES, answer_out, incoming_of, read_message, token_of
from server.turns.doors import Caller, Doors, doors_of
from server.turns.engine import Turns
from server.turns.hearing import Came, heard
from server.turns.schemas import AnswerOut, MessageIn, encode
from server.turns.threads import handlers as thread_handlers
from server.turns.trace import Trace, trace_of
from server.turns.units import Incoming
from server.turns.upload_routes import attached_files
from server.turns.upload_routes import handlers as upload_handlers

AnyRequest = Request[Any, Any, Any]

ROUTE = "/api/v2/chat/message"
PATIENCE_S = 60.0
_PASSED_ON = frozenset(("typing", "delta"))


@dataclass(frozen=True, slots=True)
class Asked:
    """A message that may be taken, and the headers its answer needs."""

    doors: Doors
    channel: Channel
    caller: Caller
    incoming: Incoming
    headers: Mapping[str, str]


@post(ROUTE, status_code=HTTP_200_OK, opt={"public": True}, request_max_body_size=MOST_BYTES)
async def take_message(request: AnyRequest, turns: NamedDependency[Turns], live: NamedDependency[Live]) -> Response[Any]:
    """Take a customer's message and answer it. Authorised by the channel's id and the conversation's token, or by a member's bearer token.

    With `Accept: text/event-stream` the answer comes as events: typing, delta, message, and done with the whole answer.
    """
    query: bytes = request.scope["query_string"]
    try:
        if "text/event-stream" in request.headers.get("accept", ""):
            asked = await _read(request.app.state, (request.headers, request.scope["client"]), query, await request.body())
            headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", **asked.headers}
            return Stream(_events(turns, live, asked), media_type="text/event-stream", headers=headers)
        answer, headers = await answer_message(request.app.state, (request.headers, request.scope["client"]), query, await request.body())
    except Problem as problem:
        return answer_error(request, problem)
    return Response(encode(answer), media_type="application/json", headers=headers)


async def answer_message(state: State, came: Came, query: bytes, body: bytes) -> tuple[AnswerOut, dict[str, str]]:
    """The answer to a posted message, and the headers it needs; so does a Problem."""
    asked = await _read(state, came, query, body)
    try:
        return await _take(state.turns, asked), dict(asked.headers)
    except Problem as problem:
        problem.headers |= asked.headers
        raise


async def _read(state: State, came: Came, query: bytes, body: bytes) -> Asked:
    headers, doors, public_url = came[0], doors_of(state), state.settings.public_url
    try:
        message = read_message(body, headers.get("content-type", ""), headers.get("idempotency-key"))
        caller = await doors.caller(headers.get("authorization"))
        channel = await _channel_for(doors, message, caller)
        cors = {} if caller.member else admit(headers, channel.allowed_origins, public_url)
        doors.check_contact(channel, caller, message.contact)
        attached = await attached_files(state, caller, message.attachments) if message.attachments else ((), None)
        incoming = incoming_of(message, channel, caller, attached)
        if caller.member is None and incoming.conversation_id is not None:
            state.turns.admission.check_visitor(incoming.conversation_id)
        incoming = await heard(state, channel, incoming, None if caller.member else came)
        return Asked(doors, channel, caller, incoming, cors)
    except Problem as problem:
        with suppress(Problem, ValueError, KeyError):  # a page of the channel that it names in the address may read why
            named = await doors.channel(UUID(parse_qs(query.decode("latin-1"))["channel"][0]))
            problem.headers |= admit(headers, named.allowed_origins, public_url)
        raise


async def _channel_for(doors: Doors, message: MessageIn, caller: Caller) -> Channel:
    if message.channel_id is not None:
        return await doors.channel(message.channel_id)
    return await _channel_of_bot(doors, message, caller)


async def _channel_of_bot(doors: Doors, message: MessageIn, caller: Caller) -> Channel:
    if message.bot is None:
        raise Problem(422, "invalid", "Say where: channel_id, or bot.", fields={"channel_id": "This field is needed."})
    if caller.member is None:
        raise Problem(401, "not_signed_in", "`bot` is for members: sign in, or send channel_id.", headers={"WWW-Authenticate": "Bearer"})
    return await doors.channel(await doors.channel_of_flow(caller.member, message.bot))


async def _take(turns: Turns, asked: Asked) -> AnswerOut:
    answer = await turns.take(asked.incoming)
    return answer_out(answer, asked.caller.token_text or asked.doors.sign(token_of(answer, asked.channel)))


async def _events(turns: Turns, live: Live, asked: Asked) -> AsyncIterator[bytes]:
    """What happens while the answer is made, then its messages, then all of it."""
    yield _frame("typing", {"on": True})
    incoming = asked.incoming
    try:
        if incoming.conversation_id is None:
            answer = await _take(turns, asked)
        else:
            async with live.subscribe(incoming.tenant_id, words_of(incoming.conversation_id)) as news:
                taking = asyncio.create_task(_take(turns, asked))
                try:
                    async for frame in _news_until(taking, news):
                        yield frame
                    answer = await taking
                finally:
                    taking.cancel()
    except Problem as problem:
        yield _frame("error", problem.body())
        return
    for message in answer.messages:
        yield _frame("message", message, message.seq)
    yield _frame("typing", {"on": False})
    yield _frame("done", answer)


async def _news_until(taking: "asyncio.Task[AnswerOut]", news: Subscription) -> AsyncIterator[bytes]:
    while not taking.done() and not news.ended:
        next_news = asyncio.ensure_future(news.wait(PATIENCE_S))
        try:
            await asyncio.wait((taking, next_news), return_when=asyncio.FIRST_COMPLETED)
            if next_news.done() and (told := next_news.result()) is not None and told["kind"] in _PASSED_ON:
                yield _frame(told["kind"], {name: value for name, value in told.items() if name != "kind"})
        finally:
            next_news.cancel()


def _frame(event: str, data: Mapping[str, Any] | msgspec.Struct, number: int | None = None) -> bytes:
    head = b"" if number is None else b"id: %d\n" % number
    return head + b"event: %s\ndata: %s\n\n" % (event.encode(), encode(data))


@get("/api/v2/chat/conversations/{conversation_id:uuid}/trace", opt={"permission": "conversations:read"})
async def show_trace(conversation_id: FromPath[UUID], db: NamedDependency[Database], identity: NamedDependency[Identity]) -> Trace:
    """Every turn of a conversation: inputs, path, variables set, calls with their answers."""
    async with db.tenant(identity.tenant_id) as conn:
        await find_conversation(conn, identity.tenant_id, conversation_id)
        return await trace_of(conn, identity.tenant_id, conversation_id)


handlers = [take_message, show_trace, *metrics.handlers, *upload_handlers, *thread_handlers]
