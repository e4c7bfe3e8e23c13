"""Standard Webhooks (standardwebhooks.com) both ways: `webhook-id`, `webhook-timestamp` and `webhook-signature` over the raw body."""

import base64
import binascii
import hmac
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from server.channels.contract import (
    Adapter,
    Finding,
    Inbound,
    Media,
    NotConfigured,
    NotProven,
    Outbound,
    Place,
    Received,
    Request,
    Secrets,
    SendFailed,
    Settings,
    Unusable,
    valid,
)
from server.kit import clock
from server.kit.http import OutboundClient, OutboundFailed, OutboundRefused

TOLERANCE_S = 300
SEND_TIMEOUT_S = 10.0
PREFIX = "whsec_"
SECRET = "signing_secret"

_SIGNED = frozenset(("webhook-id", "webhook-timestamp", "webhook-signature"))


class ContactIn(Struct, forbid_unknown_fields=True):
    """Who writes."""

    id: Annotated[str, Meta(min_length=1, max_length=200)]
    name: Annotated[str, Meta(max_length=200)] | None = None
    language: Annotated[str, Meta(max_length=35)] | None = None
    attributes: dict[str, str | int | float | bool | None] = {}


class LocationIn(Struct, forbid_unknown_fields=True):
    """A place in degrees (WGS 84), with its name or address if there is one."""

    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]
    label: Annotated[str, Meta(max_length=500)] = ""


class AttachmentIn(Struct, forbid_unknown_fields=True):
    """A file at an address from which it can be read."""

    url: Annotated[str, Meta(pattern=r"^https?://\S+$", max_length=2_000)]
    media_type: Annotated[str, Meta(pattern=r"^[\w.+-]+/[\w.+-]+$", max_length=100)] = "application/octet-stream"
    name: Annotated[str, Meta(max_length=200)] = ""
    size: Annotated[int, Meta(ge=0)] | None = None
    kind: Literal["image", "audio", "video", "file", "sticker"] = "file"


class MessageIn(Struct, forbid_unknown_fields=True):
    """What a customer says: a text, a choice, a location, or files perhaps with a text.

    Without `message_id` the `webhook-id` is the message's id. `thread` tells conversations of one contact apart; `at` is when it was said.
    """

    contact: ContactIn
    text: Annotated[str, Meta(max_length=4_000)] | None = None
    choice: Annotated[str, Meta(min_length=1, max_length=500)] | None = None
    location: LocationIn | None = None
    attachments: Annotated[list[AttachmentIn], Meta(max_length=10)] = []
    thread: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    at: datetime | None = None
    message_id: Annotated[str, Meta(min_length=1, max_length=200)] | None = None


_decode = msgspec.json.Decoder(MessageIn).decode


def signature(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """The signature of a message, with its version: `v1,<base64>`."""
    signed = b".".join((message_id.encode("latin-1", "replace"), timestamp.encode("latin-1", "replace"), body))
    return "v1," + base64.b64encode(hmac.digest(_key(secret), signed, "sha256")).decode()


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise NotConfigured("the secret is not base64") from None


class WebhookAdapter(Adapter):
    """The generic channel."""

    def verify(self, request: Request, settings: Settings, secrets: Secrets) -> None:
        """One of the signatures must fit, and the time must be now."""
        accepted = valid(secrets, SECRET)
        if request.doubled & _SIGNED:
            raise NotProven("a header came twice")
        message_id, timestamp, signatures = (
            request.headers.get(name, "") for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
        )
        if not (message_id and timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
            raise NotProven("no id, or no time")
        if abs(request.at.timestamp() - int(timestamp)) > TOLERANCE_S:
            raise NotProven("too old, or from the future")
        expected = [signature(secret, message_id, timestamp, request.body).encode() for secret in accepted]
        given = signatures.encode("latin-1", "replace").split(b" ")[:10]
        if not any(hmac.compare_digest(one, other) for one in given for other in expected):
            raise NotProven("the signature does not fit")

    def parse(self, request: Request, settings: Settings) -> Received:
        """One message per request."""
        try:
            message = _decode(request.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Unusable(str(error)) from None
        if any("\0" in text for text in _texts(msgspec.to_builtins(message))):
            raise Unusable("something has a NUL character")
        place = message.location
        said = [one for one in (message.choice, place, message.attachments or None) if one is not None]
        if len(said) > 1 or (message.text is not None and said and not message.attachments):
            raise Unusable("a message has a text, a choice, a location or files")
        if not said and not (message.text or "").strip():
            raise Unusable("the message is empty")
        if message.choice is not None and not message.choice.strip():
            raise Unusable("the choice is empty")
        if message.at is not None and message.at.tzinfo is None:
            raise Unusable("the time says no time zone")
        contact = message.contact
        inbound = Inbound(
            message.message_id or request.headers["webhook-id"],
            contact.id,
            message.text,
            message.choice,
            contact.name,
            contact.language,
            contact.attributes,
            None if place is None else Place(place.latitude, place.longitude, place.label.strip()),
            tuple(Media(one.kind, one.url, None, one.name, one.media_type, one.size) for one in message.attachments),
            message.at,
            message.thread,
        )
        return Received([inbound])

    def render(self, body: Mapping[str, Any], settings: Settings) -> Sequence[Mapping[str, Any]]:
        """The message as it is: the other side shows it as it likes."""
        return [body]

    async def send_part(
        self, http: OutboundClient, part: Mapping[str, Any], message: Outbound, settings: Settings, secrets: Secrets
    ) -> str | None:
        """POST the message to the channel's address; the same `webhook-id` however often."""
        url = settings.get("url")
        if not url or not secrets.get(SECRET):
            reason = "The channel has no address or no secret. Set both in the channel's settings, then send again."
            raise SendFailed("dead", reason, blocks=True)
        body = msgspec.json.encode(
            {
                "type": "message",
                "conversation_id": message.conversation_id,
                "seq": message.seq,
                "contact": {"id": message.contact_id},
                "message": part,
                "at": message.at,
            }
        )
        timestamp = str(int(clock.now().timestamp()))
        headers = {
            "content-type": "application/json",
            "webhook-id": message.key,
            "webhook-timestamp": timestamp,
            # While the secret is rotated both sign: the other side may know only one of them yet.
            "webhook-signature": " ".join(signature(secret, message.key, timestamp, body) for secret in valid(secrets, SECRET)),
        }
        try:
            answer = await http.request("POST", str(url), headers=headers, body=body, timeout_s=SEND_TIMEOUT_S, max_bytes=64_000)
        except OutboundRefused as refused:
            raise SendFailed("dead", str(refused)) from None
        except OutboundFailed as failed:
            raise SendFailed("maybe" if failed.sent else "retry", str(failed)) from None
        if 200 <= answer.status < 300:
            return answer.headers.get("x-message-id")
        if answer.status in (408, 425, 429) or answer.status >= 500:
            wait = answer.headers.get("retry-after", "")
            raise SendFailed("retry", f"The other side answered {answer.status}.", float(wait) if wait.isdigit() else None)
        raise SendFailed("dead", f"The other side answered {answer.status} and will not take it.")

    async def check(self, http: OutboundClient, settings: Settings, secrets: Secrets) -> Sequence[Finding]:
        """Whether the secret can sign and the address may be called; nothing is sent."""
        found = []
        try:
            signature(valid(secrets, SECRET)[0], "check", "0", b"")
            found.append(Finding("ok", "Signing secret"))
        except NotConfigured:
            found.append(
                Finding("error", "Signing secret", "It is missing, or not base64. Let Chatloom make one, and give it to the other side.")
            )
        if not (url := settings.get("url")):
            found.append(Finding("error", "Address", "There is no address yet. Enter the one that takes the bot's messages."))
            return found
        try:
            http.check(str(url))
            found.append(Finding("ok", "Address", "It may be called. The first message of the bot will tell whether it answers."))
        except OutboundRefused as refused:
            found.append(Finding("error", "Address", str(refused)))
        return found


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, part in value.items():
            yield name
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)


adapter = WebhookAdapter()
