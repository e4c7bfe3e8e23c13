"""Messages of customers and of the bot. What was said is read from the conversation; an event carries its number only."""

from typing import Annotated

from msgspec import Meta, Struct

from server.events.declare import event

Number = Annotated[int, Meta(ge=1)]


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
