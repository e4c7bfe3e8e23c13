"""What Meta posts for a page: messages, presses of buttons, receipts (developers.facebook.com/docs/messenger-platform/webhooks)."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from mimetypes import guess_type
from pathlib import PurePosixPath
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from server.channels.contract import Inbound, Media, Place, Received, Request, Settings, Status, Unusable, Watermark
from server.channels.payload import Object, json_object, part_of, parts_of, refuse_nul, text_of

SAYS = "~"
"""Begins a payload that is not a choice's value: the words after it are what was said."""
MOST_TEXT = 2_000
MOST_URL = 4_000

_FILES: Mapping[str, Literal["image", "audio", "video", "file", "sticker"]] = {
    "image": "image",
    "audio": "audio",
    "video": "video",
    "file": "file",
    "reel": "video",
    "ig_reel": "video",
}
_TYPES = {"image": "image/jpeg", "audio": "audio/mp4", "video": "video/mp4", "sticker": "image/png"}


def read(request: Request, settings: Settings) -> Received:
    """What customers said and what became of our messages; raises Unusable when there is nothing but what cannot be used."""
    told = json_object(request.body)
    if told.get("object") != "page":
        raise Unusable("it is not about a page")
    messages: list[Inbound] = []
    statuses: list[Status] = []
    watermarks: list[Watermark] = []
    unusable = ""
    for event, customer in _events(told, str(settings.get("page_id", ""))):
        statuses += _statuses(event)
        watermarks += _watermarks(event, customer)
        try:
            messages += _message(event, customer)
        except Unusable as reason:
            unusable = str(reason)
    if unusable and not (messages or statuses or watermarks):
        raise Unusable(unusable)
    return Received(messages, statuses, watermarks=watermarks)


def _events(told: Object, page_id: str) -> Iterator[tuple[Object, str]]:
    """What customers did to this channel's page, and who they are. What another app answers (`standby`) is not ours.

    Whose page it is is never taken from what the request says alone; what the page itself said comes back as an echo.
    """
    for entry in parts_of(told, "entry"):
        if not page_id or text_of(entry, "id") != page_id:
            continue
        for event in parts_of(entry, "messaging"):
            customer = text_of(part_of(event, "sender"), "id")
            if customer and customer != page_id and text_of(part_of(event, "recipient"), "id") == page_id:
                yield event, customer


def _message(event: Object, customer: str) -> Iterator[Inbound]:
    message, postback = part_of(event, "message"), part_of(event, "postback")
    if message.get("is_echo") or message.get("is_deleted"):
        return
    refuse_nul([message, postback, customer])
    key = text_of(message or postback, "mid")
    at = _moment(event.get("timestamp"))
    if postback and not key and at is not None:
        key = f"{customer}:{event['timestamp']}:{text_of(postback, 'payload')}"[:500]
    said = _pressed(postback, text_of(postback, "title")) if postback else _said(message) if message else None
    if said is not None and key:
        yield Inbound(key, customer, at=at, **said)


def _said(message: Object) -> dict[str, Any] | None:
    """The fields of what was said; None for what is no message."""
    text = text_of(message, "text")
    if len(text) > MOST_TEXT:
        raise Unusable(f"the text has more than {MOST_TEXT} characters")
    if quick_reply := part_of(message, "quick_reply"):
        return _pressed(quick_reply, text)
    attachments = list(parts_of(message, "attachments"))
    for attachment in attachments:
        if attachment.get("type") == "location" and (place := _place(attachment)) is not None:
            return {"location": place}
    if files := tuple(_files(attachments)):
        return {"text": text or None, "media": files}
    if text.strip():
        return {"text": text}
    shared = next((words for one in attachments if one.get("type") == "fallback" and (words := _shared(one))), "")
    if shared:
        return {"text": shared[:MOST_TEXT]}
    if attachments or message.get("is_unsupported"):
        return {"unsupported": text_of(attachments[0], "type")[:50] or "unknown" if attachments else "unknown"}
    return None


def _pressed(button: Object, title: str) -> dict[str, Any] | None:
    """A button says its payload, or words: those after the mark, else its title."""
    payload = text_of(button, "payload")
    if payload and not payload.startswith(SAYS):
        return {"choice": payload, "text": title or None}
    words = payload.removeprefix(SAYS) or title
    return {"text": words} if words.strip() else None


def _files(attachments: list[Object]) -> Iterator[Media]:
    """The files, by their addresses at Meta."""
    for attachment in attachments:
        payload = part_of(attachment, "payload")
        kind = "sticker" if payload.get("sticker_id") else _FILES.get(text_of(attachment, "type"))
        url = text_of(payload, "url")
        if kind is not None and url.startswith(("https://", "http://")) and len(url) <= MOST_URL:
            name = text_of(payload, "title") or _name_in(url)
            yield Media(kind, None, url, name[:200], guess_type(name)[0] or _TYPES.get(kind, "application/octet-stream"))


def _name_in(url: str) -> str:
    """The file's name in an address; empty when the address is none."""
    try:
        return unquote(PurePosixPath(urlsplit(url).path).name).replace("\0", "")
    except ValueError:
        return ""


def _shared(attachment: Object) -> str:
    """A page that somebody shared, in words."""
    payload = part_of(attachment, "payload")
    parts = (text_of(attachment, "title") or text_of(payload, "title"), text_of(attachment, "url") or text_of(payload, "url"))
    return "\n".join(part for part in parts if part)


def _place(attachment: Object) -> Place | None:
    coordinates = part_of(part_of(attachment, "payload"), "coordinates")
    latitude, longitude = coordinates.get("lat"), coordinates.get("long")
    if not (isinstance(latitude, int | float) and isinstance(longitude, int | float) and abs(latitude) <= 90 and abs(longitude) <= 180):
        return None
    return Place(latitude, longitude, text_of(attachment, "title")[:200])


def _statuses(event: Object) -> Iterator[Status]:
    """Deliveries that name messages."""
    delivery = part_of(event, "delivery")
    at, mids = _moment(delivery.get("watermark")), delivery.get("mids")
    if at is not None and isinstance(mids, list):
        yield from (Status(mid, "delivered", at) for mid in mids if isinstance(mid, str) and mid and "\0" not in mid)


def _watermarks(event: Object, customer: str) -> Iterator[Watermark]:
    """What was read, and deliveries that name nothing: all that was sent up to a moment."""
    if "\0" in customer:
        return
    if (read_until := _moment(part_of(event, "read").get("watermark"))) is not None:
        yield Watermark(customer, "read", read_until)
    delivery = part_of(event, "delivery")
    if not delivery.get("mids") and (until := _moment(delivery.get("watermark"))) is not None:
        yield Watermark(customer, "delivered", until)


def _moment(milliseconds: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC) if isinstance(milliseconds, int | float) else None
    except (ValueError, OverflowError, OSError):
        return None
