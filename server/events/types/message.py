"""Messages of customers and of the bot. What was said is read from the conversation; an event carries its number only."""

from typing import Annotated

from msgspec import Meta, Struct

from server.events.declare import event

Number = Annotated[int, Meta(ge=1)]
Reason = Annotated[str, Meta(max_length=1_000)]


@event("message.received", example={"turn": 1, "seq": 1})
class MessageReceived(Struct, forbid_unknown_fields=True):
    """A customer's message was used in a turn; `seq` numbers the messages of a conversation."""

    turn: Number
    seq: Number


@event("message.sent", example={"turn": 1, "seq": 2})
class MessageSent(Struct, forbid_unknown_fields=True):
    """The bot said something. Channels that are pushed to deliver it afterwards."""

    turn: Number
    seq: Number


@event("message.delivered", example={"seq": 2})
class MessageDelivered(Struct, forbid_unknown_fields=True):
    """The provider of a channel says that the bot's message reached the customer."""

    seq: Number


@event("message.read", example={"seq": 2})
class MessageRead(Struct, forbid_unknown_fields=True):
    """The provider of a channel says that the customer has read the bot's message."""

    seq: Number


@event("message.failed", example={"seq": 2, "reason": "The number is not on WhatsApp."})
class MessageFailed(Struct, forbid_unknown_fields=True):
    """The bot's message was not taken by the channel, or not delivered; it lies among the dead letters with its `reason`."""

    seq: Number
    reason: Reason


@event("message.uncertain", example={"seq": 2, "reason": "The channel did not answer in time."})
class MessageUncertain(Struct, forbid_unknown_fields=True):
    """Nobody knows whether the bot's message arrived, so that it is not sent again; it lies among the dead letters with its `reason`."""

    seq: Number
    reason: Reason
