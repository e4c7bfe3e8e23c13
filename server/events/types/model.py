"""Language models."""

from typing import Annotated

from msgspec import Meta, Struct

from server.events.declare import event


@event("model.used", example={"model": "gpt-4o-mini", "input_tokens": 120, "output_tokens": 40, "cost_usd": 0.00004, "ms": 640})
class ModelUsed(Struct, forbid_unknown_fields=True):
    """A flow's call of a language model cost tokens. `cost_usd` is null when the price is not known."""

    model: str
    input_tokens: Annotated[int, Meta(ge=0)]
    output_tokens: Annotated[int, Meta(ge=0)]
    cost_usd: Annotated[float, Meta(ge=0)] | None
    ms: Annotated[int, Meta(ge=0)]
