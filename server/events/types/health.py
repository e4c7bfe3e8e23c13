"""Parts of a workspace that stop working, and work again."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from server.events.declare import event

_ID = "0198c5d2-7a8e-7c11-9a51-3c55c0a3f001"
_GONE = "The other side took nothing for three days."
_REFUSED = "Slack refuses the token: token_revoked."


@event("health.changed", example={"part": "webhook", "id": _ID, "status": "failing", "reason": _GONE})
class HealthChanged1(Struct, forbid_unknown_fields=True):
    """A part of the workspace was switched off because it kept failing; `id` names the row, `reason` says what to mend."""

    part: Literal["webhook"]
    id: str
    status: Literal["failing"]
    reason: str


@event("health.changed", version=2, example={"part": "channel", "part_id": _ID, "status": "failing", "reason": _REFUSED})
class HealthChanged(Struct, forbid_unknown_fields=True):
    """A part of the workspace stopped working until somebody mends it, or works again; `part_id` names it, `reason` says what to mend."""

    part: Literal["channel", "webhook"]
    part_id: str
    status: Literal["failing", "working"]
    reason: Annotated[str, Meta(max_length=1_000)]
