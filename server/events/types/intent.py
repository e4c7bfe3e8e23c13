"""What was understood of a message."""

from typing import Annotated

from msgspec import Meta, Struct

from server.events.declare import event


@event("intent.classified", example={"intent": "opening_hours", "confidence": 0.91, "in_scope": True})
class IntentClassified(Struct, forbid_unknown_fields=True):
    """A message was compared with the flow's intents. `intent` is null when none fits."""

    intent: str | None
    confidence: Annotated[float, Meta(ge=0, le=1)]
    in_scope: bool
