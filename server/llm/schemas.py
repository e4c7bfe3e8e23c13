"""What the JSON routes of this room take and give."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from sqlalchemy import Row

Name = Annotated[str, msgspec.Meta(max_length=80)]
Model = Annotated[str, msgspec.Meta(max_length=200)]
Address = Annotated[str, msgspec.Meta(max_length=500)]
Key = Annotated[str, msgspec.Meta(max_length=500)]


class NewProvider(msgspec.Struct, forbid_unknown_fields=True):
    """A model to connect. `base_url` goes with the kind `compatible` only; the key is stored sealed and never shown again."""

    name: Name
    kind: str
    model: Model
    base_url: Address = ""
    api_key: Key = ""


class ProviderView(msgspec.Struct):
    """A connected model."""

    id: UUID
    name: str
    kind: str
    model: str
    base_url: str | None
    has_key: bool
    is_default: bool
    created_at: datetime

    @classmethod
    def of(cls, row: Row[Any]) -> "ProviderView":
        """The view of a row."""
        has_key = row.api_key_sealed is not None
        return cls(row.id, row.name, row.kind, row.model, row.base_url, has_key, row.is_default, row.created_at)


class ProviderList(msgspec.Struct):
    """All connected models; there are few, so there is one page."""

    data: list[ProviderView]
    next: str | None = None


class DefaultProvider(msgspec.Struct, forbid_unknown_fields=True):
    """The model that answers when a flow names none."""

    provider_id: UUID


class TrialResult(msgspec.Struct):
    """Whether the model answered a short question, and what went wrong otherwise."""

    ok: bool
    ms: int
    text: str
    model_name: str


class UsageView(msgspec.Struct):
    """One call of a model."""

    id: UUID
    at: datetime
    model: str
    outcome: str
    input_tokens: int
    output_tokens: int
    cost_usd: float
    ms: int
    conversation_id: UUID | None

    @classmethod
    def of(cls, row: Row[Any]) -> "UsageView":
        """The view of a row."""
        cost = float(row.cost_usd)
        return cls(row.id, row.at, row.model, row.outcome, row.input_tokens, row.output_tokens, cost, row.ms, row.conversation_id)


class UsagePage(msgspec.Struct):
    """Calls, the newest first."""

    data: list[UsageView]
    next: str | None
