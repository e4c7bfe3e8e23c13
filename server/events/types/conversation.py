"""Conversations begin, change and end."""

from typing import Literal

from msgspec import Struct

from server.events.declare import event


@event("conversation.started", example={})
class ConversationStarted(Struct, forbid_unknown_fields=True):
    """A customer's conversation took its first turn."""


@event("conversation.updated", example={"change": "reopened"})
class ConversationUpdated(Struct, forbid_unknown_fields=True):
    """A member of the workspace closed a conversation or opened it again."""

    change: Literal["closed", "reopened"]


@event("conversation.ended", example={"outcome": "contained"})
class ConversationEnded(Struct, forbid_unknown_fields=True):
    """A conversation came to its end: the flow finished it, handed it off or could not help, or the customer left it."""

    outcome: Literal["contained", "handed_off", "unresolved", "abandoned"]
