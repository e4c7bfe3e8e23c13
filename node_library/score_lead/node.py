"""Counts the points of the rules that hold and leaves by the highest level reached."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.conditions import as_number
from flow_runtime.nodes import Step, Turn, slug


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    name = settings["save_as"]
    so_far = as_number(turn.scope.get(name)) if name and settings["add"] else None
    score = _whole((so_far or 0) + sum(rule["points"] for rule in settings["rules"] if _holds(rule, turn)))
    reached = [level for level in settings["levels"] if score >= level["at_least"]]
    best = max(reached, key=lambda level: level["at_least"], default=None)
    return Step(set={name: score} if name else {}, go="below" if best is None else slug(best["title"]))


def _holds(rule: Mapping[str, Any], turn: Turn) -> bool:
    row = {"variable": rule["variable"], "operator": rule["operator"], "value": rule.get("value", "")}
    return turn.holds({"match": "all", "rows": [row]})


def _whole(score: float) -> float | int:
    return int(score) if float(score).is_integer() else score
