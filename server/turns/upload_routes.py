"""Files of customers over HTTP: sent before the message that has them, fetched by links that soon end."""

import asyncio
import mimetypes
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, BinaryIO
from urllib.parse import quote
from uuid import UUID

from litestar import Request, Response, get, post, route
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Stream
from litestar.status_codes import HTTP_201_CREATED, HTTP_204_NO_CONTENT
from msgspec import Struct
from sqlalchemy import Row

from flow_runtime import File
from server.channels.queries import find_channel
from server.channels.web.origins import admit, preflight
from server.conversations.one_file import MOST_BYTES, receive_file, too_large
from server.conversations.processing.contract import Aids
from server.conversations.processing.plan import Plan, plan_of
from server.conversations.processing.run import annotations_of
from server.conversations.uploads import (
    LINK_LASTS,
    LINK_OF_A_FLOW_LASTS,
    FileLinks,
    Owner,
    files_of,
    find_upload,
    keep_upload,
    use_uploads,
)
from server.kit import clock
from server.kit.answers import answer_error
from server.kit.db import Database
from server.kit.errors import Problem, not_found
from server.kit.secrets import Vault
from server.kit.settings import Settings
from server.turns.doors import Caller, doors_of

AnyRequest = Request[Any, Any, Any]

ROUTE = "/api/v2/chat/uploads"
AROUND_THE_FILE = 64 * 1024
CHUNK = 256 * 1024
_PUBLIC = {"public": True}


class UploadOut(Struct):
    """A file that was kept. `media_type` is what its content says; `url` opens it until `url_ends_at`, for whoever has it."""

    id: UUID
    name: str
    media_type: str
    size: int
    url: str
    url_ends_at: datetime


@post(ROUTE, status_code=HTTP_201_CREATED, opt=_PUBLIC, request_max_body_size=MOST_BYTES + AROUND_THE_FILE)
async def take_upload(request: AnyRequest, db: NamedDependency[Database], settings: NamedDependency[Settings]) -> Response[Any]:
    """Keep a file of a customer: multipart/form-data with the field `file`, and the conversation's token or a member's.

    Say it with a message: `attachments: [id]`. A file that no message has is forgotten after a day. A widget on another site names its
    channel in the address, `?channel=`.
    """
    cors: dict[str, str] = {}
    try:
        caller = await doors_of(request.app.state).caller(request.headers.get("authorization"))
        cors = await _cors(request, caller)
        owner, plan = _owner_of(caller), await _plan(request, caller)
        if (request.content_length or 0) > MOST_BYTES + AROUND_THE_FILE:
            raise too_large()
        received = await receive_file(request.headers.get("content-type", ""), request.stream())
        with received.content:
            row = await keep_upload(db, files_of(settings), owner, received, plan, Aids(request.app.state.http, settings.clamd))
    except Exception as error:
        return _refused(request, error, cors)
    return Response(_out(request.app.state, row), status_code=HTTP_201_CREATED, headers=cors)


@get(f"{ROUTE}/{{upload_id:uuid}}", opt=_PUBLIC)
async def show_upload(request: AnyRequest, upload_id: FromPath[UUID], db: NamedDependency[Database]) -> Response[Any]:
    """A file's name, kind and size, and a fresh link to it; for its conversation's token or a member's."""
    cors: dict[str, str] = {}
    try:
        caller = await doors_of(request.app.state).caller(request.headers.get("authorization"))
        cors = await _cors(request, caller)
        owner = _owner_of(caller)
        async with db.tenant(owner.tenant_id) as conn:
            row = await find_upload(conn, owner, upload_id)
    except Exception as error:
        return _refused(request, error, cors)
    return Response(_out(request.app.state, row), headers={"Cache-Control": "no-store", **cors})


@get("/files/{token:str}", opt=_PUBLIC)
async def show_file(
    request: AnyRequest, token: FromPath[str], db: NamedDependency[Database], settings: NamedDependency[Settings]
) -> Response[Any]:
    """The content of a file, by a link that was made for it."""
    tenant_id, upload_id = links_of(request.app.state).read(token, clock.now())
    async with db.tenant(tenant_id) as conn:
        row = await find_upload(conn, Owner(tenant_id), upload_id)
    try:
        content = await asyncio.to_thread(files_of(settings).open, row.key)
    except FileNotFoundError:
        raise not_found("file") from None
    return Stream(_chunks(content), media_type=row.media_type, headers=_file_headers(row))


@route([ROUTE, f"{ROUTE}/{{upload_id:uuid}}"], http_method=["OPTIONS"], opt=_PUBLIC, include_in_schema=False)
async def ask_before_upload(
    request: AnyRequest,
    channel: FromQuery[UUID],
    db: NamedDependency[Database],
    settings: NamedDependency[Settings],
    upload_id: FromPath[UUID | None] = None,
) -> Response[None]:
    """A browser on another site asks whether it may send a file; the widget names the channel in the address."""
    found = await find_channel(db, channel)
    return Response(None, status_code=HTTP_204_NO_CONTENT, headers=preflight(request.headers, found.allowed_origins, settings.public_url))


async def attached_files(state: State, caller: Caller, ids: Sequence[UUID]) -> tuple[tuple[File, ...], dict[str, Any] | None]:
    """The uploads of a message as the flow will see them, and what the stages of processing found in them; Problem 401 or 422."""
    owner, links = _owner_of(caller), links_of(state)
    async with state.db.tenant(owner.tenant_id) as conn:
        rows = await use_uploads(conn, owner, list(dict.fromkeys(ids)))
    files = tuple(
        File(links.url(owner.tenant_id, row.id, LINK_OF_A_FLOW_LASTS), row.media_type, row.name, row.size, str(row.id)) for row in rows
    )
    return files, annotations_of([row.annotations for row in rows])


def links_of(state: State) -> FileLinks:
    """The file links of a running application."""
    links = state.get("file_links")
    if links is None:
        vault: Vault = state.vault
        links = state.file_links = FileLinks(vault, state.settings.public_url)
    assert isinstance(links, FileLinks)
    return links


async def _cors(request: AnyRequest, caller: Caller) -> dict[str, str]:
    if caller.token is None:
        return {}
    channel = await doors_of(request.app.state).channel(caller.token.channel_id)
    return admit(request.headers, channel.allowed_origins, request.app.state.settings.public_url)


async def _plan(request: AnyRequest, caller: Caller) -> Plan:
    """The stages for files of the conversation's channel; for a member's file those that are on by themselves."""
    settings = {} if caller.token is None else (await doors_of(request.app.state).channel(caller.token.channel_id)).settings
    return plan_of(settings, "file")


def _owner_of(caller: Caller) -> Owner:
    if caller.member is not None:
        return Owner(caller.member.tenant_id, member_id=caller.member.member_id)
    if caller.token is not None:
        return Owner(caller.token.tenant_id, caller.token.conversation_id)
    raise Problem(
        401,
        "token_needed",
        "Start the conversation first, then send its token as `Authorization: Bearer <token>`.",
        headers={"WWW-Authenticate": "Bearer"},
    )


def _refused(request: AnyRequest, error: Exception, cors: dict[str, str]) -> Response[Any]:
    if isinstance(error, Problem):
        error.headers |= cors
    return answer_error(request, error)


def _out(state: State, row: Row[Any]) -> UploadOut:
    now = clock.now()
    url = links_of(state).url(row.tenant_id, row.id, LINK_LASTS, now)
    return UploadOut(row.id, row.name, row.media_type, row.size, url, now + LINK_LASTS)


def _file_headers(row: Row[Any]) -> dict[str, str]:
    """A browser keeps it or shows it as a picture, and never takes it for a page of ours."""
    plain = f"file{mimetypes.guess_extension(row.media_type) or ''}"
    return {
        "Content-Length": str(row.size),
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(row.name, safe='')}",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": f"private, max-age={int(LINK_LASTS.total_seconds())}",
    }


async def _chunks(content: BinaryIO) -> AsyncIterator[bytes]:
    with content:
        while chunk := await asyncio.to_thread(content.read, CHUNK):
            yield chunk


handlers = [take_upload, show_upload, show_file, ask_before_upload]
