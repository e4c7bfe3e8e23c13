"""From the body of a chat request to a message the engine can take, and from its answer back."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from flow_runtime import Attachment, Choice, ConversationStarted, File, Input, Location, Message
from server.channels.about import resumes
from server.channels.queries import Channel
from server.conversations.inbox import Contact, contact_id_of
from server.conversations.token import ConversationToken
from server.flows.due import is_time_zone
from server.kit import clock
from server.kit.errors import Problem
from server.kit.names import is_visible
from server.turns.answers import TurnAnswer
from server.turns.doors import Caller
from server.turns.fast_lane import rule_of
from server.turns.schemas import AnswerOut, Attribute, ContactIn, MessageIn, MessageOut, decode_message
from server.turns.take_turn import TIME_ZONE, new_seed
from server.turns.units import Incoming

MOST_BYTES = 64 * 1024
SHORTEST_UNGUESSABLE = 16
Attached = tuple[Sequence[File], Mapping[str, Any] | None]
_KEY = re.compile(r"[A-Za-z0-9_.:+/=-]{1,128}")


def read_message(body: bytes, content_type: str, key: str | None = None) -> MessageIn:
    """The message in a request's body, `key` the request's Idempotency-Key; Problem 400, 413, 415 or 422."""
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise Problem(415, "unsupported_media_type", "Send the message as application/json.")
    if len(body) > MOST_BYTES:
        raise Problem(413, "too_large", f"A message has at most {MOST_BYTES // 1024} kB.")
    try:
        message = decode_message(body)
    except msgspec.ValidationError as error:
        raise Problem(422, "invalid", "Some values cannot be used. Correct them and send again.", fields=_field(str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Problem(400, "malformed", "The body is not valid JSON.") from None
    if key is not None:
        _name(message, key)
    if not message.client_message_id:
        raise _invalid("client_message_id", "Give the message an id of its own, such as a UUID: the same id is the same message.")
    return check_message(message)


def _name(message: MessageIn, key: str) -> None:
    """The Idempotency-Key as the message's id."""
    if not _KEY.fullmatch(key):
        raise Problem(400, "bad_idempotency_key", "An Idempotency-Key has 1 to 128 letters, digits or _.:+/=- here, such as a UUID.")
    if message.client_message_id not in ("", key):
        raise _invalid("client_message_id", "It is not the Idempotency-Key. Send one of them, or both the same.")
    message.client_message_id = key


def check_message(message: MessageIn) -> MessageIn:
    """The same message; Problem 422 when it says nothing, or two things at once."""
    if (field := _with_nul(message)) is not None:
        raise _invalid(field, "There is a NUL character in it. Leave it out.")
    sent = message.attachments is not None
    said = message.choice is not None or (message.text is not None and not sent)
    if (message.start, said, sent, message.location is not None).count(True) != 1:
        raise _invalid("text", "Send a text, a choice, attachments, a location, or start: one of them.")
    if message.choice is None and not sent and message.text is not None and not is_visible(message.text):
        raise _invalid("text", "Write something: the text is empty.")
    return message


def _with_nul(message: MessageIn) -> str | None:
    """The field that has a character the database cannot hold."""
    contact = message.contact or ContactIn(id="")
    place = message.location.label if message.location else None
    texts = {
        "text": message.text,
        "choice": message.choice,
        "location.label": place,
        "contact.id": contact.id,
        "contact.name": contact.name,
    }
    attributes = {f"contact.attributes.{name}": f"{name}{value}" for name, value in (contact.attributes or {}).items()}
    return next((field for field, value in (texts | attributes).items() if value is not None and "\0" in value), None)


def _field(sentence: str) -> dict[str, str]:
    """{field: what is wrong} from msgspec's words, which end in "- at `$.field`"."""
    words, _, path = sentence.partition(" - at `")
    return {path.rstrip("`").removeprefix("$").removeprefix(".") or "body": words}


def _invalid(field: str, sentence: str) -> Problem:
    return Problem(422, "invalid", sentence, fields={field: sentence})


def incoming_of(message: MessageIn, channel: Channel, caller: Caller, attached: Attached = ((), None)) -> Incoming:
    """What the engine is asked to take, once the caller may; `attached` are the message's files, and what was found in them."""
    if caller.member is not None and caller.member.tenant_id != channel.tenant_id:
        raise Problem(404, "channel_not_found", "There is no such channel, or it is switched off.")
    conversation_id = _conversation_for(message, channel, caller)
    if conversation_id is None:
        contact = _contact_for(message, caller)
        key = f"chat:{contact_id_of(channel.id, contact.external_id)}:{message.client_message_id}"
    else:
        contact = None
        key = f"chat:{conversation_id}:{message.client_message_id}"
    return Incoming(
        channel.tenant_id,
        channel.id,
        channel.flow_id,
        key,
        _input_of(message, *attached),
        conversation_id,
        contact,
        message.client_message_id,
        pushes=channel.kind != "web",
        channel=channel.kind,
        resumes=caller.member is not None or resumes(channel.kind, channel.settings),
        lane=rule_of(channel.settings),
    )


def _conversation_for(message: MessageIn, channel: Channel, caller: Caller) -> UUID | None:
    if caller.member is not None:
        return message.conversation_id
    if caller.token is None:
        if message.conversation_id is not None:
            raise Problem(
                401,
                "token_needed",
                "Send the conversation's token as `Authorization: Bearer <token>`.",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return None
    token = caller.token
    if (token.tenant_id, token.channel_id) != (channel.tenant_id, channel.id) or message.conversation_id not in (
        None,
        token.conversation_id,
    ):
        raise Problem(404, "conversation_not_found", "This token does not open that conversation. Start a new one.")
    return token.conversation_id


def _contact_for(message: MessageIn, caller: Caller) -> Contact:
    """Who starts a conversation. A visitor's message id stands for them when it is sent twice: it must not be guessable."""
    if caller.member is None and len(message.client_message_id) < SHORTEST_UNGUESSABLE:
        words = f"an id that cannot be guessed: {SHORTEST_UNGUESSABLE} characters or more, such as a UUID"
        raise _invalid("client_message_id", f"The first message of a conversation needs {words}.")

    given = message.contact or ContactIn(id=f"visitor-{message.client_message_id}")
    return Contact(given.id, given.name, given.language, _attributes(given))


def _attributes(given: ContactIn) -> Mapping[str, Attribute] | None:
    """What is kept of the contact beside name and language; the time zone with it, when it is one."""
    if given.time_zone is None:
        return given.attributes
    if not is_time_zone(given.time_zone):
        raise _invalid("contact.time_zone", f'There is no time zone "{given.time_zone}". Use a name such as Europe/Berlin.')
    return {**(given.attributes or {}), TIME_ZONE: given.time_zone}


def _input_of(message: MessageIn, files: Sequence[File], found: Mapping[str, Any] | None) -> Input:
    at, seed = clock.now(), new_seed()
    if files:
        first, *others = files
        words = (message.text or "").strip()
        return Attachment(
            *(first.url, first.media_type, first.name, first.size, words, first.id, tuple(others)), annotations=found, at=at, seed=seed
        )
    if message.start:
        return ConversationStarted(language=message.contact.language if message.contact else None, at=at, seed=seed)
    if message.choice is not None:
        return Choice(value=message.choice, text=message.text or "", at=at, seed=seed)
    if (place := message.location) is not None:
        return Location(place.latitude, place.longitude, place.label.strip(), at=at, seed=seed)
    return Message(text=message.text or "", language=message.contact.language if message.contact else None, at=at, seed=seed)


def token_of(answer: TurnAnswer, channel: Channel) -> ConversationToken:
    """What the token for the answered conversation says."""
    return ConversationToken(channel.tenant_id, channel.id, answer.conversation_id, answer.contact_id)


def answer_out(answer: TurnAnswer, token: str) -> AnswerOut:
    """The answer as JSON words."""
    said = [MessageOut(one.seq, one.direction, dict(one.body), one.at, one.client_message_id) for one in answer.messages]
    return AnswerOut(answer.conversation_id, token, answer.turn, answer.status, said, answer.waiting_for, answer.response_time_ms)
