"""How far the flow has dealt with the customer's last message.

A message is open for every node once, until the bot has answered it: until a node took it (or it led elsewhere) and the bot spoke since.
"""

from collections.abc import Mapping
from typing import Any


class Heard:
    """Who used the message (`used_by`), whether it was an answer to something, and whether that is settled."""

    __slots__ = ("_answers", "_settled", "_used_by")

    def __init__(self, stored: Mapping[str, Any]) -> None:
        self._used_by: list[str] = list(stored.get("used_by", ()))
        self._answers = bool(stored.get("answers"))
        self._settled = bool(stored.get("settled"))

    def clear(self) -> None:
        """The customer said something new."""
        self._used_by, self._answers, self._settled = [], False, False

    def is_open_for(self, node_key: str) -> bool:
        """Whether the node may still take the message."""
        return not self._settled and node_key not in self._used_by

    def used(self, node_key: str) -> None:
        """The node has taken the message."""
        self._used_by.append(node_key)

    def answered(self) -> None:
        """The message was what somebody waited for."""
        self._answers = True

    def bot_spoke(self) -> None:
        """The bot said something; an answer is settled with that."""
        self._settled = self._settled or self._answers

    def to_json(self) -> dict[str, Any]:
        """Plain data for the state."""
        return {"used_by": self._used_by, "answers": self._answers, "settled": self._settled}
