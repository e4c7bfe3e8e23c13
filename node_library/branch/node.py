"""Leaves by the first branch whose conditions are true."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.nodes import Step, Turn, slug


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    for branch in settings["branches"]:
        if turn.holds(branch["when"]):
            return Step(go=branch.get("name") or slug(branch["title"]))
    return Step(go="otherwise")
