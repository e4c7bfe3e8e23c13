"""The fast lane: contacts of a plan or of a score that the channel names go first when messages have to wait."""

import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

SETTING = "fast_lane"
REMEMBERED = 50_000
_NUMBER = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,6})?")


@dataclass(frozen=True, slots=True)
class Rule:
    """Who goes first: contacts whose attribute `plan` is one of these, or whose `score` is at least so high."""

    plans: frozenset[str] = frozenset()
    least_score: float | None = None

    def takes(self, attributes: Mapping[str, Any]) -> bool:
        """Whether a contact with these attributes goes first."""
        plan, score = attributes.get("plan"), attributes.get("score")
        if isinstance(plan, str) and plan.strip().casefold() in self.plans:
            return True
        return self.least_score is not None and isinstance(score, int | float) and score >= self.least_score


def rule_of(settings: Mapping[str, Any]) -> Rule | None:
    """The rule in a channel's settings, None where nobody goes first.

    It is a text as people write it, plans and the least score separated by commas: `gold, platinum, 80`; or, from the API,
    `{"plans": ["gold"], "score": 80}`.
    """
    told = settings.get(SETTING)
    if isinstance(told, str):
        told = _read(told)
    if not isinstance(told, Mapping):
        return None
    plans, score = told.get("plans"), told.get("score")
    named = frozenset(plan.strip().casefold() for plan in plans if isinstance(plan, str)) if isinstance(plans, list) else frozenset[str]()
    least = float(score) if isinstance(score, int | float) and not isinstance(score, bool) else None
    return Rule(named, least) if named or least is not None else None


def _read(text: str) -> Mapping[str, Any]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    scores = [float(part) for part in parts if _NUMBER.fullmatch(part)]
    return {"plans": [part for part in parts if not _NUMBER.fullmatch(part)], "score": min(scores, default=None)}


class FastLane:
    """The conversations of this process that are known to go first: known from their last turn on, because it read the contact."""

    def __init__(self) -> None:
        self._fast: OrderedDict[UUID, None] = OrderedDict()

    def __contains__(self, conversation_id: UUID | None) -> bool:
        return conversation_id in self._fast

    def note(self, conversation_id: UUID, fast: bool) -> None:
        """What the last turn of a conversation told."""
        if not fast:
            self._fast.pop(conversation_id, None)
            return
        self._fast[conversation_id] = None
        self._fast.move_to_end(conversation_id)
        if len(self._fast) > REMEMBERED:
            self._fast.popitem(last=False)
