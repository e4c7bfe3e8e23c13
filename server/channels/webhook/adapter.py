"""Standard Webhooks (standardwebhooks.com) both ways: `webhook-id`, `webhook-timestamp` and `webhook-signature` over the raw body."""

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from server.channels.contract import Inbound, NotConfigured, NotProven, Outbound, Place, Request, SendFailed, Unusable
from server.kit import clock
from server.kit.http import OutboundClient, OutboundFailed, OutboundRefused

TOLERANCE_S = 300
SEND_TIMEOUT_S = 10.0
PREFIX = "whsec_"

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


class MessageIn(Struct, forbid_unknown_fields=True):
    """What a customer says: a text, a choice or a location. Without `message_id` the `webhook-id` is the message's id."""

    contact: ContactIn
    text: Annotated[str, Meta(max_length=4_000)] | None = None
    choice: Annotated[str, Meta(min_length=1, max_length=500)] | None = None
    location: LocationIn | None = None
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


class WebhookAdapter:
    """The generic channel."""

    def verify(self, request: Request, secret: str | None) -> None:
        """One of the signatures must fit, and the time must be now."""
        if not secret:
            raise NotConfigured("the channel has no secret")
        if request.doubled & _SIGNED:
            raise NotProven("a header came twice")
        message_id, timestamp, signatures = (
            request.headers.get(name, "") for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
        )
        if not (message_id and timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
            raise NotProven("no id, or no time")
        if abs(request.at.timestamp() - int(timestamp)) > TOLERANCE_S:
            raise NotProven("too old, or from the future")
        expected = signature(secret, message_id, timestamp, request.body).encode()
        given = signatures.encode("latin-1", "replace").split(b" ")[:10]
        if not any(hmac.compare_digest(one, expected) for one in given):
            raise NotProven("the signature does not fit")

    def parse(self, request: Request, settings: Mapping[str, Any]) -> Sequence[Inbound]:
        """One message per request."""
        try:
            message = _decode(request.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Unusable(str(error)) from None
        place = message.location
        if (message.text, message.choice, place).count(None) != 2:
            raise Unusable("a message has a text, a choice or a location")
        contact = message.contact
        attributes = [text for pair in contact.attributes.items() for text in pair]
        given = [
            message.text,
            message.choice,
            place.label if place else None,
            message.message_id,
            contact.id,
            contact.name,
            contact.language,
            *attributes,
        ]
        if any(isinstance(text, str) and "\0" in text for text in given) or not (place or (message.text or message.choice or "").strip()):
            raise Unusable("the text is empty, or something has a NUL character")
        key = message.message_id or request.headers["webhook-id"]
        where = None if place is None else Place(place.latitude, place.longitude, place.label.strip())
        return [Inbound(key, contact.id, message.text, message.choice, contact.name, contact.language, contact.attributes, where)]

    def handshake(self, request: Request, settings: Mapping[str, Any], secret: str | None) -> str | None:
        """This kind needs none."""
        return None

    async def send(self, http: OutboundClient, message: Outbound, settings: Mapping[str, Any], secret: str | None) -> str | None:
        """POST the message to the channel's address; the same `webhook-id` however often."""
        url = settings.get("url")
        if not url or not secret:
            raise SendFailed("dead", "The channel has no address or no secret. Set both in the channel's settings, then send again.")
        body = msgspec.json.encode(
            {
                "type": "message",
                "conversation_id": message.conversation_id,
                "seq": message.seq,
                "contact": {"id": message.contact_id},
                "message": message.body,
                "at": message.at,
            }
        )
        timestamp = str(int(clock.now().timestamp()))
        headers = {
            "content-type": "application/json",
            "webhook-id": message.key,
            "webhook-timestamp": timestamp,
            "webhook-signature": signature(secret, message.key, timestamp, body),
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


adapter = WebhookAdapter()
