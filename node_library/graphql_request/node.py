"""Sends a GraphQL query over HTTP and keeps its data; see https://spec.graphql.org/October2021/#sec-Response-Format."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.effects import Call
from flow_runtime.inputs import CallError, Input
from flow_runtime.nodes import FAILED, Step, Turn
from flow_runtime.printing import as_header
from flow_runtime.results import kept, part, result_of


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    variables = {name: turn.value(value) for name, value in settings["variables"].items()}
    payload = {
        "method": "POST",
        "url": turn.render_url(settings["url"]),
        "headers": {name: as_header(name, turn.value(value)) for name, value in settings["headers"].items()},
        "body": {"query": settings["query"], "variables": variables},
        "timeout_s": settings["timeout_s"],
    }
    return Step(effects=(Call("integration.call", payload, timeout_s=settings["timeout_s"]),), wait_for="call")


def resume(settings: Mapping[str, Any], turn: Turn, input: Input) -> Step:
    answer, error = result_of(input, "status", "body")
    error = error or _error_in(answer["body"], answer["status"])
    if error is not None:
        return Step(go=FAILED, error=error)
    return Step(set=kept(settings, answer["body"]["data"]), go="ok")


def _error_in(body: Any, status: Any) -> CallError | None:
    """What the service says went wrong: with any error the data may have holes."""
    if isinstance(body, dict) and body.get("errors"):
        said = part(body, "errors.0.message")
        return CallError("graphql_errors", said[:500] if isinstance(said, str) else "The service reports an error.")
    if status != 200:
        return CallError("http_status", f"The answer was {status}.")
    return None if isinstance(body, dict) and "data" in body else CallError("bad_answer", "The answer is not one of GraphQL.")
