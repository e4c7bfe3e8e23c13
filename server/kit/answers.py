"""How errors leave the building: problem+json for programs, a page for people, always with the request's id."""

import logging
import re
from typing import Any

import msgspec
from litestar import MediaType, Request, Response
from litestar.datastructures import MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException, ValidationException
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from server.kit import pages
from server.kit.db import is_away
from server.kit.errors import Problem
from server.kit.ids import uuid7

log = logging.getLogger(__name__)
_WELL_FORMED_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
_WORDS = {
    400: ("bad_request", "The request could not be read. Check its syntax and try again."),
    401: ("not_signed_in", "Sign in and try again."),
    403: ("not_allowed", "Your role does not allow this. Ask an owner of the workspace."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not answer to that method."),
    413: ("too_large", "The request is larger than this server accepts. Send less at a time."),
    415: ("unsupported_media_type", "Send the body as application/json."),
    429: ("too_many_requests", "Too many requests. Wait a moment and try again."),
}


class RequestId(ASGIMiddleware):
    """Takes or makes the `X-Request-ID` of a request and sends it back."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        given = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"x-request-id"), "")
        request_id = request_id_of(given)
        scope["state"]["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableScopeHeaders.from_message(message).setdefault("X-Request-ID", request_id)
            await send(message)

        await next_app(scope, receive, send_with_id)


def request_id_of(given: str) -> str:
    """The id of a request: the one its sender gave, or a new one."""
    return given if _WELL_FORMED_ID.fullmatch(given) else uuid7().hex


def problem_of(error: Exception) -> Problem:
    """Any exception as a Problem; one we did not foresee is a 500 that tells nothing of the inside."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, ValidationException):
        malformed = isinstance(error.__cause__, msgspec.DecodeError) and not isinstance(error.__cause__, msgspec.ValidationError)
        detail = "The body is not valid JSON." if malformed else "Some values cannot be used. Correct them and send again."
        return Problem(400 if malformed else 422, "malformed" if malformed else "invalid", detail, fields=_fields(error))
    if isinstance(error, HTTPException):
        code, detail = _WORDS.get(error.status_code, ("refused", "The request was refused."))
        return Problem(error.status_code, code, detail, headers=dict(error.headers or {}))
    if is_away(error) and not (isinstance(error, OSError) and error.filename):  # with a name it is about a file of ours
        log.warning("the database is away: %r", error)
        return Problem(
            503, "database_away", "The server cannot reach its database now. Try again in a moment.", headers={"Retry-After": "1"}
        )
    if isinstance(error, RecursionError) and "deserializing" in str(error):
        return Problem(400, "too_deep", "The body is nested too deeply.")
    return Problem(500, "server_error", "Something went wrong on our side. Try again; if it stays, give the request id to your operator.")


def answer_error(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """The response for `error`: an HTML page for a browser's navigation, problem+json for everything else."""
    problem = problem_of(error)
    request_id = request.scope["state"].get("request_id")
    if problem.status >= 500:
        log.error("request failed", exc_info=error, extra={"request_id": request_id, "path": request.scope["path"]})
    if _wants_page(request):
        return pages.error_page(request, problem)
    return Response(problem.body(request_id), status_code=problem.status, headers=problem.headers, media_type="application/problem+json")


def _wants_page(request: Request[Any, Any, Any]) -> bool:
    return MediaType.HTML in request.headers.get("accept", "") and not request.scope["path"].startswith(("/api/", "/hooks/"))


def _fields(error: ValidationException) -> dict[str, str]:
    extra: Any = error.extra
    if not isinstance(extra, list):
        return {}
    return {str(item.get("key", "body")): str(item.get("message", "")) for item in extra if isinstance(item, dict)}
