"""Sends a request and keeps the answer. The server does the sending; see the effect `Call("integration.call", ...)`."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from flow_runtime.effects import Call
from flow_runtime.inputs import CallError, CallResult, Input
from flow_runtime.nodes import FAILED, Step, Turn
from flow_runtime.printing import as_header, as_text
from flow_runtime.results import kept


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    headers = {name: as_header(name, turn.value(value)) for name, value in settings["headers"].items()}
    if settings["body_type"] == "form":
        headers = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    payload = {
        "method": settings["method"],
        "url": _url(settings, turn),
        "headers": headers,
        "body": _body(settings, turn),
        "timeout_s": settings["timeout_s"],
    }
    return Step(effects=(Call("integration.call", payload, timeout_s=settings["timeout_s"]),), wait_for="call")


def resume(settings: Mapping[str, Any], turn: Turn, input: Input) -> Step:
    if not isinstance(input, CallResult) or not input.ok or not isinstance(input.value, dict):
        error = input.error if isinstance(input, CallResult) else None
        return Step(go=FAILED, error=error or CallError("no_answer", "There was no answer."))
    status, body = input.value.get("status"), input.value.get("body")
    if not isinstance(status, int) or not 200 <= status < 400:
        whole = {settings["save_as"]: body} if settings["save_as"] else {}
        return Step(set=whole, go=FAILED, error=CallError("http_status", f"The answer was {status}."))
    return Step(set=kept(settings, body), go="ok")


def _url(settings: Mapping[str, Any], turn: Turn) -> str:
    url = turn.render_url(settings["url"])
    query = urlencode({name: as_text(turn.value(value)) for name, value in settings["query"].items()})
    return f"{url}{'&' if '?' in url else '?'}{query}" if query else url


def _body(settings: Mapping[str, Any], turn: Turn) -> dict[str, Any] | str | None:
    """What is sent: an object goes out as JSON, a text as it is."""
    kind = settings["body_type"]
    if kind == "none":
        return None
    if kind == "text":
        return turn.render(settings["body"])
    fields = {name: turn.value(value) for name, value in settings["fields"].items()}
    return fields if kind == "json" else urlencode({name: as_text(value) for name, value in fields.items()})
