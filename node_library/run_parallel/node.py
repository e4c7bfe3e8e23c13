"""Sends the flow down several paths at once. The interpreter follows them and joins them again."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.nodes import Fork, Step, Turn, slug


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    ports = tuple(branch.get("name") or slug(branch["title"]) for branch in settings["branches"])
    return Step(fork=Fork(ports, settings["join"]))
