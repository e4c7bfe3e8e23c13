"""The door of every route: who asks is known and allowed before anything of the request's body is read."""

from typing import Any

from litestar import Litestar, Request
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie, MutableScopeHeaders
from litestar.enums import MediaType, RequestEncodingType, ScopeType
from litestar.exceptions import ImproperlyConfiguredException
from litestar.handlers import BaseRouteHandler
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from server.kit.errors import Problem
from server.security import blocklist, csrf, sessions, tokens
from server.security.cookies import CookieJar, cookies_of
from server.security.identity import Identity, identity_of, identity_or_none, not_signed_in
from server.security.keys import keys_of
from server.security.roles import PERMISSIONS, allows
from server.security.strict_requests import refuse_doubled_names, refuse_unknown_parameters
from server.tenants import queries

Connection = ASGIConnection[Any, Any, Any, Any]
_FORMS = (RequestEncodingType.URL_ENCODED, RequestEncodingType.MULTI_PART)


class Identify(ASGIMiddleware):
    """Finds the member behind a request, by bearer token or by the cookies of the pages; refuses everybody else."""

    scopes = (ScopeType.HTTP, ScopeType.WEBSOCKET)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        connection = ASGIConnection[Any, Any, Any, Any](scope, receive, send)
        opt = scope["route_handler"].opt
        method = scope.get("method", "GET")
        if opt.get("public") or method == "OPTIONS":
            if opt.get("same_origin") and method not in csrf.SAFE_METHODS:
                csrf.check_origin(connection.headers, connection.app.state.settings.public_url, must_tell=opt["same_origin"] == "page")
            await next_app(scope, receive, send)
            return
        fresh_cookies = await _authenticate(connection)
        await next_app(scope, receive, _with_cookies(send, fresh_cookies) if fresh_cookies else send)


async def _authenticate(connection: Connection) -> list[Cookie]:
    """Put the identity on the connection; cookies to send when the session was renewed on the way."""
    sent = connection.headers.getall("authorization", [])
    if sent:
        _admit(connection, await _by_bearer(connection, sent))
        return []
    jar = cookies_of(connection, connection.app.state.settings)
    if jar is None or not {jar.access, jar.refresh} & connection.cookies.keys():
        raise not_signed_in()
    if connection.scope.get("method") not in csrf.SAFE_METHODS or connection.scope["type"] == ScopeType.WEBSOCKET:
        csrf.check_origin(connection.headers, connection.app.state.settings.public_url)
    identity, fresh_cookies = await _by_cookie(connection, jar)
    _admit(connection, identity)
    connection.state.by_cookie = True
    connection.state.csrf = csrf.make_token(keys_of(connection.app.state).csrf, identity.session_id)
    if _is_page_load(connection):
        connection.state.workspaces = await _workspaces(connection, identity)
    return fresh_cookies


def _is_page_load(connection: Connection) -> bool:
    headers = connection.headers
    fragment = headers.get("hx-request") == "true" and headers.get("hx-request-type") != "full"
    return MediaType.HTML in headers.get("accept", "") and not fragment and not connection.scope["path"].startswith("/api/")


async def _workspaces(connection: Connection, identity: Identity) -> list[dict[str, Any]]:
    """What the workspace menu of a page shows."""
    found = await queries.workspaces_of_account(connection.app.state.db, identity.account_id)
    return [{"id": str(one.tenant_id), "name": one.name, "current": one.tenant_id == identity.tenant_id} for one in found]


def _admit(connection: Connection, identity: Identity) -> None:
    connection.scope["user"] = identity
    connection.state.identity = identity


async def _by_bearer(connection: Connection, sent: list[str]) -> Identity:
    scheme, _, token = sent[0].partition(" ")
    if len(sent) != 1 or scheme.lower() != "bearer":
        raise not_signed_in("invalid_request")
    try:
        return await _by_access_token(connection, token)
    except tokens.InvalidToken:
        raise not_signed_in("invalid_token") from None


async def _by_cookie(connection: Connection, jar: CookieJar) -> tuple[Identity, list[Cookie]]:
    try:
        return await _by_access_token(connection, connection.cookies.get(jar.access, "")), []
    except tokens.InvalidToken:
        return await _renewed(connection, jar)


async def _by_access_token(connection: Connection, token: str) -> Identity:
    state = connection.app.state
    identity = tokens.read(keys_of(state).access, token)
    if await blocklist.is_revoked(state.db, state.redis, identity.tenant_id, identity.session_id):
        raise tokens.InvalidToken
    return identity


async def _renewed(connection: Connection, jar: CookieJar) -> tuple[Identity, list[Cookie]]:
    state = connection.app.state
    keys = keys_of(state)
    try:
        renewed = await sessions.renew(state.db, state.redis, keys.refresh, connection.cookies.get(jar.refresh, ""))
    except sessions.Refused:
        raise not_signed_in() from None
    return renewed.identity, jar.signed_in(tokens.issue(keys.access, renewed.identity), renewed.refresh_token)


def _with_cookies(send: Send, cookies: list[Cookie]) -> Send:
    async def send_with_cookies(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableScopeHeaders.from_message(message)
            sent = " ".join(headers.getall("set-cookie", []))
            for cookie in cookies:
                if f"{cookie.key}=" not in sent:  # a handler that signs in or out has the last word
                    headers.add("set-cookie", cookie.to_header(header=""))
        await send(message)

    return send_with_cookies


async def require_permission(connection: Connection, handler: BaseRouteHandler) -> None:
    """403 unless the member's role has the permission the route declares."""
    if handler.opt.get("public") or connection.scope.get("method") == "OPTIONS":
        return
    if not allows(identity_of(connection).role, handler.opt["permission"]):
        raise Problem(403, "not_allowed", "Your role does not allow this. Ask an owner of the workspace.")


async def require_csrf_token(connection: Connection, _: BaseRouteHandler) -> None:
    """403 for an unsafe request that carries cookies but not the token of a page of this session."""
    identity = identity_or_none(connection)
    if identity is None or not connection.state.get("by_cookie") or connection.scope.get("method") in csrf.SAFE_METHODS:
        return
    sent = connection.headers.get(csrf.HEADER)
    if sent is None and isinstance(connection, Request) and connection.content_type[0] in _FORMS:
        sent = str((await connection.form()).get(csrf.FIELD, ""))
    if not csrf.token_fits(keys_of(connection.app.state).csrf, identity.session_id, sent or ""):
        raise csrf.refuse_token()


async def require_json(connection: Connection, handler: BaseRouteHandler) -> None:
    """415 for a body that a form of another site could send to a route that reads JSON."""
    field = getattr(handler, "parsed_data_field", None)
    if field is None or connection.scope.get("method") in csrf.SAFE_METHODS:
        return
    wanted = getattr(field.kwarg_definition, "media_type", RequestEncodingType.JSON)
    sent = connection.headers.get("content-type", "").partition(";")[0].strip().lower()
    if wanted == RequestEncodingType.JSON and sent and sent != RequestEncodingType.JSON and not sent.endswith("+json"):
        raise Problem(415, "unsupported_media_type", "Send the body as application/json.")


def provide_identity(request: Request[Any, Any, Any]) -> Identity:
    """The `identity` argument of handlers."""
    return identity_of(request)


def check_permissions_declared(app: Litestar) -> None:
    """Refuse to start when a route says neither which permission it needs nor that it is public."""
    for route in app.routes:
        for handler in getattr(route, "route_handlers", None) or [route.route_handler]:  # type: ignore[union-attr]
            if _made_by_framework(handler):
                continue
            permission, public = handler.opt.get("permission"), handler.opt.get("public", False)
            if (permission in PERMISSIONS) == bool(public):
                raise ImproperlyConfiguredException(
                    f"{handler} at {route.path} must declare a known permission (opt={{'permission': ...}}) or opt={{'public': True}}"
                )


def _made_by_framework(handler: BaseRouteHandler) -> bool:
    """The answers to OPTIONS that the framework adds to every route; they only list the allowed methods."""
    return getattr(handler, "http_methods", None) == {"OPTIONS"} and handler.fn.__module__.startswith("litestar.")


middleware = [Identify()]
guards = [require_permission, require_json, require_csrf_token, refuse_unknown_parameters, refuse_doubled_names]
