"""Runs another flow with inputs of its own, and keeps what it gives back. The interpreter does the running."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.nodes import Step, Subflow, Turn


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    inputs = {name: turn.value(value) for name, value in settings["inputs"].items()}
    outputs = {row["output"]: row["variable"] for row in settings["outputs"]}
    return Step(subflow=Subflow(settings["flow"], inputs, outputs))
