"""The short way in for the busiest route: a message posted as JSON and answered as JSON goes past the framework.

The route itself stands in routes.py, with the rest of the API; it answers the same through the framework, and streams. This door takes only
what is plainly such a post, uses the very same functions, and lets everything else through.
"""

import logging
from typing import Any

from litestar import Litestar
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from server.kit.answers import problem_of, request_id_of
from server.kit.errors import Problem
from server.turns.chat import MOST_BYTES
from server.turns.routes import ROUTE, answer_message
from server.turns.schemas import encode

log = logging.getLogger(__name__)
_JSON = b"application/json"
_PROBLEM = b"application/problem+json"


class FastDoor:
    """Wraps the application's own handler."""

    def __init__(self, app: Litestar) -> None:
        self._app = app
        self._next: ASGIApp = app.asgi_handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP and scope["path"] == ROUTE and scope.get("method") == "POST":
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            if "text/event-stream" not in headers.get("accept", ""):
                await self._take(scope, headers, receive, send)
                return
        await self._next(scope, receive, send)

    async def _take(self, scope: Scope, headers: dict[str, str], receive: Receive, send: Send) -> None:
        request_id = request_id_of(headers.get("x-request-id", ""))
        try:
            body = await _body(receive)
            answer, more = await answer_message(self._app.state, (headers, scope["client"]), scope["query_string"], body)
            status, kind, content = 200, _JSON, encode(answer)
        except Exception as error:
            problem = problem_of(error)
            if problem.status >= 500 and not isinstance(error, Problem):
                log.error("request failed", exc_info=error, extra={"request_id": request_id, "path": scope["path"]})
            status, kind, content, more = problem.status, _PROBLEM, encode(problem.body(request_id)), problem.headers
        sent = [(b"content-type", kind), (b"content-length", b"%d" % len(content)), (b"x-request-id", request_id.encode())]
        sent += [(name.lower().encode(), value.encode("latin-1")) for name, value in more.items()]
        start: Any = {"type": "http.response.start", "status": status, "headers": sent}
        await send(start)
        await send({"type": "http.response.body", "body": content, "more_body": False})


async def _body(receive: Receive) -> bytes:
    """The whole body, as far as a message may be long."""
    body = bytearray()
    while True:
        event: Any = await receive()
        if event["type"] == "http.disconnect":
            raise Problem(400, "disconnected", "The request ended before its body was there.")
        body += event.get("body", b"")
        if len(body) > MOST_BYTES:
            raise Problem(413, "too_large", f"A message has at most {MOST_BYTES // 1024} kB.", headers={"Connection": "close"})
        if not event.get("more_body"):
            return bytes(body)
