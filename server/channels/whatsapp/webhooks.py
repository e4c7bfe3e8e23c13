"""What Meta posts for WhatsApp: messages and receipts (developers.facebook.com/docs/whatsapp/cloud-api/webhooks)."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from server.channels.contract import Inbound, Media, Place, Received, Request, Settings, State, Status, Unusable

Object = Mapping[str, Any]
LONG_VALUE = "~"
"""Begins the id of a choice whose value is too long for one: its title is what was said."""
MOST_TEXT = 4_096

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
    try:
        told = msgspec.json.decode(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unusable(str(error)) from None
    messages: list[Inbound] = []
    statuses: list[Status] = []
    unusable = ""
    for value in _values(told, settings):
        statuses += _statuses(value)
        for message in _parts(value, "messages"):
            try:
                messages += _message(message, value)
            except Unusable as reason:
                unusable = str(reason)
    if unusable and not (messages or statuses):
        raise Unusable(unusable)
    return Received(messages, statuses)


def _values(told: Any, settings: Settings) -> Iterator[Object]:
    """The changes that belong to this channel's number. Whose they are is never taken from what the request says alone."""
    if not isinstance(told, dict) or told.get("object") != "whatsapp_business_account":
        raise Unusable("it is not about a WhatsApp account")
    for entry in _parts(told, "entry"):
        for change in _parts(entry, "changes"):
            value = _part(change, "value")
            number = _text(_part(value, "metadata"), "phone_number_id")
            if change.get("field") == "messages" and number and number == settings.get("phone_number_id"):
                yield value


def _message(message: Object, value: Object) -> Iterator[Inbound]:
    key, phone, kind = _text(message, "id"), _text(message, "from"), _text(message, "type")
    contact = _contact_of(phone, value)
    user_id = _text(contact, "user_id")
    who = user_id or phone
    if not (key and who) or phone == _text(_part(value, "metadata"), "display_phone_number"):
        return
    place = {"to": phone} if phone else {"recipient": user_id}
    name = _text(_part(contact, "profile"), "name")[:200]
    if _has_nul(message):
        raise Unusable("the message has a NUL character")
    said = _said(kind, message)
    if said is None:
        return
    yield Inbound(
        key,
        who,
        contact_name=name.replace("\0", "") or None,
        attributes={"phone": f"+{phone}"} if phone else {},
        at=_moment(message.get("timestamp")),
        reply_place=place,
        **said,
    )


def _said(kind: str, message: Object) -> dict[str, Any] | None:
    """The fields of what was said; None for what is no message."""
    part = _part(message, kind)
    if kind in _SILENT:
        return None
    if kind == "text" and (text := _text(part, "body")).strip():
        if len(text) > MOST_TEXT:
            raise Unusable(f"the text has more than {MOST_TEXT} characters")
        return {"text": text}
    if kind in _FILES and (ref := _text(part, "id")):
        caption = _text(part, "caption")
        media_type = _text(part, "mime_type").partition(";")[0].strip()
        media = Media(_FILES[kind], None, ref, _text(part, "filename"), media_type or "application/octet-stream", None, caption)
        return {"text": caption or None, "media": (media,)}
    if kind == "location" and (place := _place(part)) is not None:
        return {"location": place}
    if kind == "contacts" and (phone := _phone(message)):
        return {"text": phone}
    if kind == "button" and (payload := _text(part, "payload")):
        return {"choice": payload, "text": _text(part, "text") or None}
    picked = _part(part, _text(part, "type")) if kind == "interactive" else {}
    if picked_id := _text(picked, "id"):
        title = _text(picked, "title")
        return {"text": title} if picked_id.startswith(LONG_VALUE) and title else {"choice": picked_id, "text": title or None}
    return {"unsupported": kind[:50] or "unknown"}


def _statuses(value: Object) -> Iterator[Status]:
    for status in _parts(value, "statuses"):
        state, provider_id, at = _STATES.get(_text(status, "status")), _text(status, "id"), _moment(status.get("timestamp"))
        if state is not None and provider_id and at is not None:
            yield Status(provider_id, state, at, _error(status) if state == "failed" else None)


def _error(status: Object) -> str:
    error: Object = next(iter(_parts(status, "errors")), {})
    details = _text(_part(error, "error_data"), "details") or _text(error, "title") or "no reason given"
    return f"WhatsApp could not deliver it: {details} ({error.get('code', 'no code')})"[:500]


def _contact_of(phone: str, value: Object) -> Object:
    """Who wrote: since 2026 known by a user id, the phone number may be missing."""
    contacts = list(_parts(value, "contacts"))
    return next((one for one in contacts if phone and one.get("wa_id") == phone), contacts[0] if len(contacts) == 1 else {})


def _phone(message: Object) -> str:
    for contact in _parts(message, "contacts"):
        for phone in _parts(contact, "phones"):
            if found := _text(phone, "phone"):
                return found
    return ""


def _place(part: Object) -> Place | None:
    latitude, longitude = part.get("latitude"), part.get("longitude")
    if not (isinstance(latitude, int | float) and isinstance(longitude, int | float) and abs(latitude) <= 90 and abs(longitude) <= 180):
        return None
    return Place(latitude, longitude, ", ".join(words for words in (_text(part, "name"), _text(part, "address")) if words))


def _has_nul(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_nul(part) for part in value.values())
    return any(_has_nul(part) for part in value) if isinstance(value, list) else isinstance(value, str) and "\0" in value


def _moment(timestamp: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(timestamp), UTC) if isinstance(timestamp, str | int) else None
    except (ValueError, OverflowError, OSError):
        return None


def _parts(given: Object, name: str) -> Iterator[Object]:
    found = given.get(name)
    return iter([one for one in found if isinstance(one, dict)] if isinstance(found, list) else ())


def _part(given: Object, name: str) -> Object:
    found = given.get(name)
    return found if isinstance(found, dict) else {}


def _text(given: Object, name: str) -> str:
    found = given.get(name)
    return found if isinstance(found, str) else ""
