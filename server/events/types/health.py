"""Parts of a workspace that stop working, and work again."""

from typing import Literal

from msgspec import Struct

from server.events.declare import event

EXAMPLE = {
    "part": "webhook",
    "id": "0198c5d2-7a8e-7c11-9a51-3c55c0a3f001",
    "status": "failing",
    "reason": "The other side took nothing for three days.",
}


@event("health.changed", example=EXAMPLE)
class HealthChanged(Struct, forbid_unknown_fields=True):
    """A part of the workspace was switched off because it kept failing; `id` names the row, `reason` says what to mend."""

    part: Literal["webhook"]
    id: str
    status: Literal["failing"]
    reason: str
