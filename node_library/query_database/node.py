"""Runs a query with parameters and keeps its rows. Values never become part of the query's text."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.effects import Call
from flow_runtime.inputs import CallError, Input
from flow_runtime.nodes import FAILED, Step, Turn
from flow_runtime.results import kept, result_of


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    parameters = {name: turn.value(value) for name, value in settings["parameters"].items()}
    payload = {"connection": settings["connection"], "query": settings["query"], "parameters": parameters}
    return Step(effects=(Call("database.query", payload, timeout_s=settings["timeout_s"]),), wait_for="call")


def resume(settings: Mapping[str, Any], turn: Turn, input: Input) -> Step:
    answer, error = result_of(input, "rows")
    rows = answer.get("rows")
    if error is None and not isinstance(rows, list):
        error = CallError("bad_answer", "The answer has no rows.")
    if error is not None:
        return Step(go=FAILED, error=error)
    only_first = settings["keep"] == "first"
    return Step(set=kept(settings, (rows[0] if rows else None) if only_first else rows), go="ok" if rows else "none")
