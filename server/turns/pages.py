"""The widget's doors: the script a web page embeds, the hosted page, and the stream of a conversation's events."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, route
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Stream
from litestar.status_codes import HTTP_204_NO_CONTENT

from server.channels.queries import Channel, find_channel
from server.channels.web.loader import loader_of
from server.channels.web.look import direction_of, look_of, preferred_language
from server.channels.web.origins import admit, frame_ancestors, preflight
from server.conversations.stream import Seats, check_conversation, event_stream
from server.conversations.token import ConversationToken, bearer, read_token, token_key
from server.kit import clock, pages
from server.kit.answers import answer_error
from server.kit.db import Database
from server.kit.errors import Problem
from server.kit.live import Live
from server.kit.secrets import Vault
from server.kit.settings import Settings
from server.turns.visitor_routes import handlers as visitor_handlers

AnyRequest = Request[Any, Any, Any]

_PUBLIC = {"public": True}
_LOADER_AGE_S = 300
_ASKED_FOR = [f"/w/{{channel_id:uuid}}/{door}" for door in ("events", "messages", "identity")]


@get("/widget/{name:str}", opt=_PUBLIC, include_in_schema=False)
async def widget_script(name: FromPath[str], db: NamedDependency[Database]) -> Response[str]:
    """The script of `<script src="https://.../widget/{channel_id}.js" async>`."""
    channel = await find_channel(db, _channel_id(name))
    headers = {
        "Cache-Control": f"public, max-age={_LOADER_AGE_S}",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(loader_of(channel, pages.asset("widget.js")), media_type="text/javascript", headers=headers)


@get("/w/{channel_id:uuid}", opt=_PUBLIC, include_in_schema=False)
async def hosted_page(request: AnyRequest, channel_id: FromPath[UUID], db: NamedDependency[Database]) -> Response[str]:
    """A page with nothing but the chat: to link to, to scan, or to frame where a site allows no scripts of others."""
    channel = await find_channel(db, channel_id)
    look = look_of(channel)
    language = look.get("lang") or preferred_language(request.headers.get("accept-language", ""))
    headers = {"Content-Security-Policy": _page_policy(request, channel)}
    return pages.render(
        request, "widget/page.html", headers=headers, channel=channel, look=look | {"lang": language}, direction=direction_of(language)
    )


@get("/w/{channel_id:uuid}/events", opt=_PUBLIC)
async def events(
    request: AnyRequest,
    channel_id: FromPath[UUID],
    conversation: FromQuery[UUID],
    db: NamedDependency[Database],
    live: NamedDependency[Live],
    vault: NamedDependency[Vault],
    settings: NamedDependency[Settings],
) -> Response[Any]:
    """A conversation's events from the one after `Last-Event-ID` on: messages (numbered), typing, delta, turn, standing."""
    channel = await find_channel(db, channel_id)
    cors = admit(request.headers, channel.allowed_origins, settings.public_url)
    try:
        token = read_token(token_key(vault), bearer(request.headers.get("authorization")), clock.now())
        if (token.tenant_id, token.channel_id, token.conversation_id) != (channel.tenant_id, channel.id, conversation):
            raise Problem(404, "conversation_not_found", "This token does not open that conversation. Start a new one.")
        await check_conversation(db, token)
        seats, address = _seats(request.app.state), request.client.host if request.client else ""
        seats.check(token, address)
    except Problem as problem:
        problem.headers |= cors
        return answer_error(request, problem)
    after, in_line = _number(request.headers.get("last-event-id", "")), channel.settings.get("line") == "on"
    return Stream(
        _seated(seats, token, address, event_stream(db, live, token.tenant_id, token.conversation_id, after, in_line=in_line)),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no", **cors},
    )


@route(
    _ASKED_FOR,
    http_method=["OPTIONS"],
    opt=_PUBLIC,
    include_in_schema=False,
)
async def ask_before_events(
    request: AnyRequest, channel_id: FromPath[UUID], db: NamedDependency[Database], settings: NamedDependency[Settings]
) -> Response[None]:
    """A browser on another site asks whether it may listen, read on, or say who is there."""
    return await _preflight(request, channel_id, db, settings)


@route("/api/v2/chat/message", http_method=["OPTIONS"], opt=_PUBLIC, include_in_schema=False)
async def ask_before_message(
    request: AnyRequest, channel: FromQuery[UUID], db: NamedDependency[Database], settings: NamedDependency[Settings]
) -> Response[None]:
    """A browser on another site asks whether it may write; the widget names the channel in the address."""
    return await _preflight(request, channel, db, settings)


async def _preflight(request: AnyRequest, channel_id: UUID, db: Database, settings: Settings) -> Response[None]:
    channel = await find_channel(db, channel_id)
    headers = preflight(request.headers, channel.allowed_origins, settings.public_url)
    return Response(None, status_code=HTTP_204_NO_CONTENT, headers=headers)


async def _seated(seats: Seats, token: ConversationToken, address: str, frames: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    with seats.take(token, address):
        async for frame in frames:
            yield frame


def _seats(state: State) -> Seats:
    seats = state.get("widget_seats")
    if seats is None:
        seats = state.widget_seats = Seats()
    assert isinstance(seats, Seats)
    return seats


def _channel_id(name: str) -> UUID:
    try:
        return UUID(name.removesuffix(".js"))
    except ValueError:
        raise Problem(400, "malformed", "This is not the address of a widget: it ends with a channel's id and `.js`.") from None


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _page_policy(request: AnyRequest, channel: Channel) -> str:
    own = pages.content_security_policy(pages.csp_nonce(request))
    shown = own.replace("img-src 'self'", "media-src https:; img-src 'self' https:")
    return shown.replace("frame-ancestors 'none'", frame_ancestors(channel.allowed_origins))


handlers = [widget_script, hosted_page, events, ask_before_events, ask_before_message, *visitor_handlers]
