"""Who comes in, who is kept out, and what protects the workspace."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from server.events.declare import event

_MEMBER = "0198c5d2-7a8e-7c11-9a51-3c55c0a3f001"
Address = Annotated[str, Meta(max_length=64)]


@event("security.signed_in", example={"member_id": _MEMBER, "address": "203.0.113.7"})
class SignedIn(Struct, forbid_unknown_fields=True):
    """A member signed in with the password; `address` is the network address, of IPv6 its first half."""

    member_id: str
    address: Address


@event("security.sign_in_failed", example={"member_id": _MEMBER, "address": "203.0.113.7"})
class SignInFailed(Struct, forbid_unknown_fields=True):
    """Somebody tried a wrong password for a member. After five such events from an address, even the right one has to wait."""

    member_id: str
    address: Address


@event("security.password_changed", example={"member_id": _MEMBER})
class PasswordChanged(Struct, forbid_unknown_fields=True):
    """A member has a new password; the member's other sessions have ended."""

    member_id: str


@event("security.session_stolen", example={"session_id": _MEMBER, "member_id": _MEMBER})
class SessionStolen(Struct, forbid_unknown_fields=True):
    """A refresh token came back that had been used up long before: somebody has a copy. The session has ended."""

    session_id: str
    member_id: str


@event("security.member_changed", example={"member_id": _MEMBER, "change": "role", "role": "editor"})
class MemberChanged(Struct, forbid_unknown_fields=True):
    """A member was added, has another role, lost access or has it again; `role` is the one the member has now."""

    member_id: str
    change: Literal["added", "role", "disabled", "enabled"]
    role: str


@event("security.secret_rotated", example={"part": "channel", "part_id": _MEMBER, "names": ["signing_secret"]})
class SecretRotated(Struct, forbid_unknown_fields=True):
    """A secret was replaced; `part_id` names the channel or webhook, `names` the fields."""

    part: Literal["channel", "webhook"]
    part_id: str
    names: list[str]


@event("security.webhook_forged", example={"kind": "slack"})
class WebhookForged(Struct, forbid_unknown_fields=True):
    """A request came to a channel's address without the proof that its provider sent it.

    At most one event a minute for each channel and web process.
    """

    kind: str
