"""`Idempotency-Key`: a POST to the API that is sent twice is done once, and answered twice with the first answer.

The key belongs to the member who sent it and lives for a day. The answer is kept sealed, because it may show a secret.
"""

import hashlib
from datetime import timedelta
from typing import Any

import msgspec
from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from server.kit import clock
from server.kit.db import Database
from server.kit.errors import Problem
from server.kit.secrets import Vault
from server.security.identity import Identity, identity_or_none
from server.security.tables import idempotency_keys

LASTS = timedelta(days=1)
GIVEN_UP_AFTER = timedelta(minutes=2)
LONGEST_KEY = 255
MOST_BYTES = 256 * 1024
_TABLE, _COLUMN = "idempotency_keys", "answer_sealed"


class Kept(msgspec.Struct):
    """An answer as it is kept."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Idempotency(ASGIMiddleware):
    """Behind the middleware that knows who asks; routes with `opt={"own_idempotency": True}` read the header themselves."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        connection = ASGIConnection[Any, Any, Any, Any](scope, receive, send)
        identity, key = identity_or_none(connection), connection.headers.get("idempotency-key")
        own = scope["route_handler"].opt.get("own_idempotency")
        if key is None or identity is None or own or scope.get("method") != "POST" or not scope["path"].startswith("/api/"):
            await next_app(scope, receive, send)
            return
        _check(key)
        state = connection.app.state
        body = await _body(connection, receive)
        once = _Once(state.db, state.vault, identity, key, _digest(scope, body))
        if (kept := await once.begin()) is not None:
            await _answer(send, kept)
            return
        await once.keep(scope, _again(body, receive), send, next_app)


class _Once:
    """One request with its key."""

    def __init__(self, db: Database, vault: Vault, identity: Identity, key: str, digest: bytes) -> None:
        self._db, self._vault = db, vault
        self._tenant_id, self._member_id = identity.tenant_id, identity.member_id
        self._key, self._digest = key, digest

    async def begin(self) -> Kept | None:
        """The answer to the same request that was here before; Problem 409 while it is being done, 422 when it was another one."""
        now = clock.now()
        mine = {"tenant_id": self._tenant_id, "member_id": self._member_id, "key": self._key}
        fresh = insert(idempotency_keys).values(**mine, digest=self._digest, created_at=now).on_conflict_do_nothing()
        old = idempotency_keys.c.tenant_id == self._tenant_id, idempotency_keys.c.created_at < now - LASTS
        left = *self._is(), idempotency_keys.c.answer_sealed.is_(None), idempotency_keys.c.created_at < now - GIVEN_UP_AFTER
        async with self._db.tenant(self._tenant_id) as conn:
            await conn.execute(delete(idempotency_keys).where(*old))
            await conn.execute(delete(idempotency_keys).where(*left))
            if await conn.scalar(fresh.returning(idempotency_keys.c.key)) is not None:
                return None
            row = (await conn.execute(select(idempotency_keys).where(*self._is()))).first()
            if row is None or (row.digest == self._digest and row.answer_sealed is None):
                raise Problem(409, "in_progress", "The same request is being done. Ask again in a moment.", headers={"Retry-After": "1"})
            if row.digest != self._digest:
                sentence = "This key was used for another request. Use a new key for a new request."
                raise Problem(422, "idempotency_key_reused", sentence, fields={"Idempotency-Key": sentence})
            return msgspec.json.decode(await self._open(conn, row.answer_sealed), type=Kept)

    async def keep(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Do the request and keep its answer if it succeeded; what failed may be tried again with the same key."""
        kept, whole = Kept(0, [], b""), True

        async def send_and_keep(message: Message) -> None:
            nonlocal whole
            if message["type"] == "http.response.start":
                kept.status = message["status"]
                kept.headers = [(name, value) for name, value in message["headers"] if name.lower() not in (b"set-cookie", b"x-request-id")]
            elif message["type"] == "http.response.body":
                whole = whole and len(kept.body) + len(message["body"]) <= MOST_BYTES
                kept.body += message["body"] if whole else b""
                if not message.get("more_body") and whole and 200 <= kept.status < 300:
                    await self._store(kept)
            await send(message)

        try:
            await next_app(scope, receive, send_and_keep)
        finally:
            if not (whole and 200 <= kept.status < 300):
                async with self._db.tenant(self._tenant_id) as conn:
                    await conn.execute(delete(idempotency_keys).where(*self._is()))

    async def _store(self, kept: Kept) -> None:
        async with self._db.tenant(self._tenant_id) as conn:
            text = msgspec.json.encode(kept).decode()
            sealed = await self._vault.seal(conn, self._tenant_id, _TABLE, _COLUMN, self._row(), text)
            await conn.execute(update(idempotency_keys).where(*self._is()).values(answer_sealed=sealed))

    async def _open(self, conn: AsyncConnection, sealed: bytes) -> str:
        return await self._vault.unseal(conn, self._tenant_id, _TABLE, _COLUMN, self._row(), sealed)

    def _row(self) -> str:
        return f"{self._member_id}:{self._key}"

    def _is(self) -> tuple[Any, Any, Any]:
        table = idempotency_keys.c
        return table.tenant_id == self._tenant_id, table.member_id == self._member_id, table.key == self._key


def _check(key: str) -> None:
    if not (0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        sentence = f"An Idempotency-Key has 1 to {LONGEST_KEY} plain characters, such as a UUID."
        raise Problem(400, "bad_idempotency_key", sentence, fields={"Idempotency-Key": sentence})


def _digest(scope: Scope, body: bytes) -> bytes:
    asked = scope["path"].encode() + b"?" + scope["query_string"] + b"\n"
    return hashlib.sha256(asked + body).digest()


async def _body(connection: ASGIConnection[Any, Any, Any, Any], receive: Receive) -> bytes:
    """The whole body, as far as the route takes one; Problem 413."""
    handler: Any = connection.scope["route_handler"]
    most: int = handler.resolve_request_max_body_size() or MOST_BYTES
    body, more = bytearray(), int(connection.headers.get("content-length") or 0) <= most
    while more:
        event: Any = await receive()
        if event["type"] == "http.disconnect":
            raise Problem(400, "disconnected", "The request ended before its body was there.")
        body += event.get("body", b"")
        if len(body) > most:
            break
        if not event.get("more_body"):
            return bytes(body)
    raise Problem(413, "too_large", "The request is larger than this server accepts. Send less at a time.")


def _again(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once more, then what comes after it."""
    given = False

    async def receive_again() -> Any:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again


async def _answer(send: Send, kept: Kept) -> None:
    start: Any = {"type": "http.response.start", "status": kept.status, "headers": [*kept.headers, (b"idempotent-replayed", b"true")]}
    await send(start)
    body: Any = {"type": "http.response.body", "body": kept.body, "more_body": False}
    await send(body)
