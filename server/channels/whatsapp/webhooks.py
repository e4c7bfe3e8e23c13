"""What Meta posts for WhatsApp: messages and receipts (developers.facebook.com/docs/whatsapp/cloud-api/webhooks)."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from server.channels.contract import Inbound, Media, Place, Received, Request, Settings, State, Status, Unusable
from server.channels.payload import Object, json_object, part_of, parts_of, refuse_nul, text_of

LONG_VALUE = "~"
"""Begins the id of a choice whose value is too long for one: its title is what was said."""
MOST_TEXT = 4_096
HEARD = "message_id"
"""In a `reply_place`: the message that the customer is told was read."""

_FILES: Mapping[str, Literal["image", "audio", "video", "file", "sticker"]] = {
    "image": "image",
    "audio": "audio",
    "video": "video",
    "document": "file",
    "sticker": "sticker",
}
_STATES: Mapping[str, State] = {"sent": "sent", "delivered": "delivered", "read": "read", "played": "read", "failed": "failed"}
_SILENT = ("reaction", "system")


def read(request: Request, settings: Settings) -> Received:
    """What customers said and what became of our messages; raises Unusable when there is nothing but what cannot be used."""
    told = json_object(request.body)
    messages: list[Inbound] = []
    statuses: list[Status] = []
    unusable = ""
    for value in _values(told, settings):
        statuses += _statuses(value)
        for message in parts_of(value, "messages"):
            try:
                messages += _message(message, value)
            except Unusable as reason:
                unusable = str(reason)
    if unusable and not (messages or statuses):
        raise Unusable(unusable)
    return Received(messages, statuses)


def _values(told: Object, settings: Settings) -> Iterator[Object]:
    """The changes that belong to this channel's number. Whose they are is never taken from what the request says alone."""
    if told.get("object") != "whatsapp_business_account":
        raise Unusable("it is not about a WhatsApp account")
    for entry in parts_of(told, "entry"):
        for change in parts_of(entry, "changes"):
            value = part_of(change, "value")
            number = text_of(part_of(value, "metadata"), "phone_number_id")
            if change.get("field") == "messages" and number and number == settings.get("phone_number_id"):
                yield value


def _message(message: Object, value: Object) -> Iterator[Inbound]:
    key, phone, kind = text_of(message, "id"), text_of(message, "from"), text_of(message, "type")
    contact = _contact_of(phone, value)
    user_id = text_of(contact, "user_id")
    who = user_id or phone
    if not (key and who) or phone == text_of(part_of(value, "metadata"), "display_phone_number"):
        return
    if message.get("group_id"):
        raise Unusable("it was said in a group, and a bot speaks with one customer at a time")
    place = {**({"to": phone} if phone else {"recipient": user_id}), HEARD: key}
    name = text_of(part_of(contact, "profile"), "name")[:200]
    refuse_nul([message, contact])
    said = _said(kind, message)
    if said is None:
        return
    yield Inbound(
        key,
        who,
        contact_name=name or None,
        attributes={"phone": f"+{phone}"} if phone else {},
        at=_moment(message.get("timestamp")),
        reply_place=place,
        **said,
    )


def _said(kind: str, message: Object) -> dict[str, Any] | None:
    """The fields of what was said; None for what is no message."""
    part = part_of(message, kind)
    if kind in _SILENT:
        return None
    if kind == "text" and (text := text_of(part, "body")).strip():
        if len(text) > MOST_TEXT:
            raise Unusable(f"the text has more than {MOST_TEXT} characters")
        return {"text": text}
    if kind in _FILES and (ref := text_of(part, "id")):
        caption = text_of(part, "caption")
        media_type = text_of(part, "mime_type").partition(";")[0].strip()
        media = Media(_FILES[kind], None, ref, text_of(part, "filename"), media_type or "application/octet-stream", None, caption)
        return {"text": caption or None, "media": (media,)}
    if kind == "location" and (place := _place(part)) is not None:
        return {"location": place}
    if kind == "contacts" and (phone := _phone(message)):
        return {"text": phone}
    if kind == "button" and (payload := text_of(part, "payload")):
        return {"choice": payload, "text": text_of(part, "text") or None}
    picked = part_of(part, text_of(part, "type")) if kind == "interactive" else {}
    if picked_id := text_of(picked, "id"):
        title = text_of(picked, "title")
        return {"text": title} if picked_id.startswith(LONG_VALUE) and title else {"choice": picked_id, "text": title or None}
    return {"unsupported": kind[:50] or "unknown"}


def _statuses(value: Object) -> Iterator[Status]:
    for status in parts_of(value, "statuses"):
        state, provider_id, at = _STATES.get(text_of(status, "status")), text_of(status, "id"), _moment(status.get("timestamp"))
        if state is not None and provider_id and at is not None:
            yield Status(provider_id, state, at, _error(status) if state == "failed" else None)


def _error(status: Object) -> str:
    error: Object = next(iter(parts_of(status, "errors")), {})
    details = text_of(part_of(error, "error_data"), "details") or text_of(error, "title") or "no reason given"
    return f"WhatsApp could not deliver it: {details} ({error.get('code', 'no code')})"[:500]


def _contact_of(phone: str, value: Object) -> Object:
    """Who wrote: since 2026 known by a user id, the phone number may be missing."""
    contacts = list(parts_of(value, "contacts"))
    return next((one for one in contacts if phone and one.get("wa_id") == phone), contacts[0] if len(contacts) == 1 else {})


def _phone(message: Object) -> str:
    for contact in parts_of(message, "contacts"):
        for phone in parts_of(contact, "phones"):
            if found := text_of(phone, "phone"):
                return found
    return ""


def _place(part: Object) -> Place | None:
    latitude, longitude = part.get("latitude"), part.get("longitude")
    if not (isinstance(latitude, int | float) and isinstance(longitude, int | float) and abs(latitude) <= 90 and abs(longitude) <= 180):
        return None
    return Place(latitude, longitude, ", ".join(words for words in (text_of(part, "name"), text_of(part, "address")) if words))


def _moment(timestamp: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(timestamp), UTC) if isinstance(timestamp, str | int) else None
    except (ValueError, OverflowError, OSError):
        return None
