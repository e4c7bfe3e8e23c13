"""Makes the HTTP calls of flows and says how they ended, and whether trying again is safe."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Self
from urllib.parse import urlencode

import msgspec

import server.integrations.code.perform  # noqa: F401  registers code.run
from flow_runtime import CallError as FlowCallError
from server.kit import clock
from server.kit.calls import CallEnd, OpenCall, Tools, performs
from server.kit.http import OutboundAnswer, OutboundClient, OutboundFailed, OutboundRefused

MAX_ANSWER_BYTES = 512_000
MAX_TIMEOUT_S = 60.0
MAX_WAIT_S = 300.0
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0

log = logging.getLogger(__name__)

_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_KEPT_PRIVATE = frozenset({"set-cookie", "authorization", "www-authenticate"})
_MAX_HEADER_TEXT = 2000


class IntegrationCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A call as a flow asks for it. A text `body` goes as it is, anything else as JSON."""

    call_id: str
    method: str
    url: str
    headers: dict[str, str] = {}
    body: Any = None
    timeout_s: float = 10.0

    @classmethod
    def of(cls, call_id: str, payload: Mapping[str, Any]) -> Self:
        """The call in the payload of a flow's effect; raises `msgspec.ValidationError`."""
        return msgspec.convert({**payload, "call_id": call_id}, cls)


class CallError(msgspec.Struct, frozen=True):
    """Why there is no good answer.

    kind: refused, unreachable, tls, timeout, disconnected, bad_answer, too_large, redirect, rate_limited, client_error, server_error.
    `maybe` means that the other side may have done what was asked although we do not know.
    """

    kind: str
    message: str
    may_retry: bool = False
    maybe: bool = False
    retry_after_s: float | None = None


class CallOutcome(msgspec.Struct, frozen=True):
    """How a call ended. `ok`: an answer came, whatever its status, and `value` holds its {status, headers, body}.

    `error` says why the answer is no good or did not come: a call whose error may be retried is made again before the flow hears of it.
    """

    ok: bool
    value: dict[str, Any] | None = None
    error: CallError | None = None

    def to_json(self) -> dict[str, Any]:
        """The fields of the flow's `CallResult`."""
        error = None if self.ok or self.error is None else {"kind": self.error.kind, "message": self.error.message}
        return {"ok": self.ok, "value": self.value, "error": error}


@performs("integration.call")
async def make_call(tools: Tools, call: OpenCall) -> CallEnd:
    """The call of a flow. Where the flow says nothing about trying again, it is made again as long as that is safe and its time lasts."""
    try:
        wanted = IntegrationCall.of(call.id, {**_plain(call.payload), "timeout_s": call.timeout_s})
    except msgspec.ValidationError as error:
        return CallEnd.failed("refused", f"The call cannot be made: {error}", may_retry=False)
    pause = FIRST_PAUSE_S
    while True:
        outcome = await perform(wanted, tools.resources.http)
        wait = None if call.retry_times else _pause_before_retry(outcome, pause)
        if wait is None or clock.now() + timedelta(seconds=wait) >= call.due_at:
            return _end_of(outcome)
        log.info("call %s is made again in %.1f s: %s", call.id, wait, outcome.error)
        await asyncio.sleep(wait)
        pause = min(pause * 3, LONGEST_PAUSE_S)


def _plain(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The payload with its body as it travels: a flow says whether the content is text, JSON or a form."""
    body = payload.get("body")
    if not (isinstance(body, dict) and body.keys() == {"type", "content"}):
        return dict(payload)
    if body["type"] != "form":
        return {**payload, "body": body["content"]}
    headers = {"Content-Type": "application/x-www-form-urlencoded", **payload.get("headers", {})}
    return {**payload, "headers": headers, "body": urlencode(body["content"])}


def _pause_before_retry(outcome: CallOutcome, pause: float) -> float | None:
    if outcome.error is None or not outcome.error.may_retry:
        return None
    return pause if outcome.error.retry_after_s is None else max(outcome.error.retry_after_s, pause)


def _end_of(outcome: CallOutcome) -> CallEnd:
    if outcome.error is None:
        return CallEnd(outcome.ok, outcome.value)
    again = outcome.error.kind not in ("refused", "client_error", "redirect", "tls")
    return CallEnd(outcome.ok, outcome.value, FlowCallError(outcome.error.kind, outcome.error.message), may_retry=again)


async def perform(call: IntegrationCall, http: OutboundClient) -> CallOutcome:
    """Make the call once. The call's id goes along as `Idempotency-Key`, so that a repeated call can be recognised."""
    method = call.method.upper()
    headers, body = _message(call, method)
    timeout_s = min(max(call.timeout_s, 0.1), MAX_TIMEOUT_S)
    try:
        answer = await http.request(method, call.url, headers=headers, body=body, timeout_s=timeout_s, max_bytes=MAX_ANSWER_BYTES)
    except OutboundRefused as refused:
        return CallOutcome(False, error=CallError("refused", str(refused)))
    except OutboundFailed as failed:
        return CallOutcome(False, error=_failure(failed, method))
    value = {"status": answer.status, "headers": _shown_headers(answer.headers), "body": _read_body(answer)}
    error = _complaint(answer, method)
    return CallOutcome(error is None or error.kind != "redirect", value, error)


def _message(call: IntegrationCall, method: str) -> tuple[dict[str, str], bytes | None]:
    """The headers and body that go out."""
    headers = dict(call.headers)
    given = {name.lower() for name in headers}
    body = None if call.body is None or call.body == "" else _encoded(call.body)
    if body is not None and "content-type" not in given:
        is_json = not isinstance(call.body, str) or call.body.lstrip().startswith(("{", "["))
        headers["Content-Type"] = "application/json" if is_json else "text/plain; charset=utf-8"
    if "accept" not in given:
        headers["Accept"] = "application/json, */*;q=0.5"
    if method not in _READING and "idempotency-key" not in given:
        headers["Idempotency-Key"] = call.call_id
    return headers, body


def _encoded(body: object) -> bytes:
    return body.encode("utf-8", "replace") if isinstance(body, str) else msgspec.json.encode(body)


def _failure(failed: OutboundFailed, method: str) -> CallError:
    """A call that never left may be made again; one that may have arrived only when repeating it changes nothing."""
    unknown = failed.sent and failed.kind in ("timeout", "disconnected")
    may_retry = failed.kind in ("unreachable", "timeout", "disconnected") and (not failed.sent or method in _REPEATABLE)
    return CallError(failed.kind, str(failed), may_retry=may_retry, maybe=unknown and method not in _READING)


def _complaint(answer: OutboundAnswer, method: str) -> CallError | None:
    """What the status says against the call; None for 2xx."""
    status = answer.status
    if 200 <= status < 300:
        return None
    if status == 429:
        wait_s = _retry_after(answer.headers.get("retry-after"))
        return CallError("rate_limited", "The service asks us to slow down (429).", may_retry=True, retry_after_s=wait_s)
    if status >= 500:
        wait_s = _retry_after(answer.headers.get("retry-after"))
        repeatable = method in _REPEATABLE
        sentence = f"The service has a problem of its own ({status})."
        return CallError("server_error", sentence, may_retry=repeatable, maybe=method not in _READING, retry_after_s=wait_s)
    if status >= 400:
        return CallError("client_error", f"The service did not accept the call ({status}).")
    sentence = f"The service points to another address ({status}), which is not followed. Call that address directly."
    return CallError("redirect", sentence)


def _retry_after(text: str | None) -> float | None:
    """The seconds to wait, at most MAX_WAIT_S; the header holds a number or a date."""
    if text is None:
        return None
    if text.strip().isascii() and text.strip().isdigit():
        return min(float(text), MAX_WAIT_S)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return min(max((_aware(moment) - clock.now()).total_seconds(), 0.0), MAX_WAIT_S)


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _shown_headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value[:_MAX_HEADER_TEXT] for name, value in headers.items() if name not in _KEPT_PRIVATE}


def _read_body(answer: OutboundAnswer) -> Any:
    """JSON as values, everything else as text."""
    kind, _, parameters = answer.headers.get("content-type", "").lower().partition(";")
    if not answer.body:
        return ""
    if kind.strip() == "application/json" or kind.strip().endswith("+json") or (not kind and answer.body.lstrip()[:1] in (b"{", b"[")):
        try:
            return _storable(msgspec.json.decode(answer.body))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
    charset = parameters.partition("charset=")[2].strip(' "').partition(";")[0] or "utf-8"
    try:
        return _storable(answer.body.decode(charset, "replace"))
    except LookupError:
        return _storable(answer.body.decode("utf-8", "replace"))


def _storable(value: Any) -> Any:
    """The value without NUL characters, which the database cannot hold."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, list):
        return [_storable(part) for part in value]
    if isinstance(value, dict):
        return {_storable(name): _storable(part) for name, part in value.items()}
    return value
