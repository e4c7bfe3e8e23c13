"""What is asked of a model, what it answers, and the ways it can fail."""

from dataclasses import dataclass, field
from typing import Any, Literal, Self
from uuid import UUID

import msgspec

from server.llm.kinds import KINDS

FailureKind = Literal["no_model", "refused", "rate_limited", "unavailable", "timeout", "garbage"]

NO_MODEL = "No model is connected. Connect one under Settings, Models."


@dataclass(frozen=True, slots=True)
class Provider:
    """A model that a workspace has connected, with its opened key."""

    id: UUID
    name: str
    kind: str
    model: str
    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)

    @property
    def address(self) -> str:
        """Where the calls go."""
        return KINDS[self.kind].base_url or self.base_url or ""


class ChatMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One message of the conversation so far."""

    role: Literal["user", "assistant"]
    content: str


class ReplyRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The payload of a flow's `llm.reply`. A flow may name a connected model; it cannot give an address or a key.

    `history` is how many earlier messages whoever performs the call puts in front, `say` whether the pieces may be shown as they come.
    """

    messages: list[ChatMessage]
    instructions: str = ""
    model: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    say: bool = True
    history: int = 0

    @classmethod
    def of(cls, payload: dict[str, Any]) -> Self:
        """The request in a payload; raises `msgspec.ValidationError`."""
        return msgspec.convert(payload, cls)


class ReplyResult(msgspec.Struct, frozen=True):
    """A finished reply. `cut` tells that it was ended at the size limit; the cost is 0 where the price is unknown."""

    text: str
    model: str
    input_tokens: int
    output_tokens: int
    cost_usd: float
    ms: int
    cut: bool = False

    def to_json(self) -> dict[str, Any]:
        """The value a flow receives."""
        usage = {"input_tokens": self.input_tokens, "output_tokens": self.output_tokens, "cost_usd": self.cost_usd}
        return {"text": self.text, "model": self.model, "usage": usage}


class ModelFailed(Exception):
    """The model gave no usable reply.

    `partial` is what had been said before it broke off; `too_long` asks for a shorter conversation; `spent` is what it took all the same.
    """

    def __init__(
        self, kind: FailureKind, sentence: str, *, partial: str = "", too_long: bool = False, spent: ReplyResult | None = None
    ) -> None:
        super().__init__(sentence)
        self.kind: FailureKind = kind
        self.partial = partial
        self.too_long = too_long
        self.spent = spent

    @property
    def may_retry(self) -> bool:
        """Whether the same question may be answered the next time."""
        return self.too_long or self.kind in ("unavailable", "rate_limited")
