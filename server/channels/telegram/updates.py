"""What Telegram posts: updates (core.telegram.org/bots/api#update)."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from server.channels.contract import Answer, Inbound, Media, Place, Received, Request, Settings, Unusable
from server.channels.payload import Object, json_object, part_of, refuse_nul, text_of

LONG_VALUE = "~"
"""Begins the data of a button whose value is longer than 64 bytes: its label is what was said."""

_FILES: Mapping[str, tuple[Literal["image", "audio", "video", "file", "sticker"], str]] = {
    "document": ("file", "application/octet-stream"),
    "voice": ("audio", "audio/ogg"),
    "audio": ("audio", "audio/mpeg"),
    "video": ("video", "video/mp4"),
    "video_note": ("video", "video/mp4"),
    "sticker": ("sticker", "image/webp"),
}
_UNSUPPORTED = ("poll", "dice", "game", "story", "invoice", "paid_media", "giveaway", "checklist")


def read(request: Request, settings: Settings) -> Received:
    """What customers said; raises Unusable."""
    update = json_object(request.body)
    refuse_nul(update)
    if not isinstance(number := update.get("update_id"), int):
        raise Unusable("it is no update")
    if isinstance(pressed := update.get("callback_query"), dict):
        return _pressed(number, pressed)
    said = _said(number, part_of(update, "message"), settings)
    return Received([said] if said is not None else ())


def _pressed(number: int, pressed: Object) -> Received:
    """A button. Telegram shows it as busy until it is answered: the answer to the webhook does that."""
    told = {"method": "answerCallbackQuery", "callback_query_id": str(pressed.get("id", ""))[:100]}
    answer = Answer(200, msgspec.json.encode(told))
    data, message = pressed.get("data"), part_of(pressed, "message")
    if not (isinstance(data, str) and data) or not _sender(pressed):
        return Received(answer=answer)
    label = _label(message, data)
    choice = None if data.startswith(LONG_VALUE) and label else data
    return Received([_inbound(number, pressed, message, text=label or None, choice=choice)], answer=answer)


def _said(number: int, message: Object, settings: Settings) -> Inbound | None:
    chat = part_of(message, "chat")
    if not _sender(message) or "id" not in chat or not (chat.get("type") == "private" or _spoken_to(message, settings)):
        return None
    text = _plain(text_of(message, "text") or text_of(message, "caption"), settings)
    at = _moment(message.get("date"))
    media = tuple(_media(message))
    place = _place(message)
    if place is not None:
        return _inbound(number, message, message, location=place, at=at)
    if phone := text_of(part_of(message, "contact"), "phone_number"):
        return _inbound(number, message, message, text=phone, at=at)
    if text or media:
        return _inbound(number, message, message, text=text or None, media=media, at=at)
    kind = next((kind for kind in _UNSUPPORTED if kind in message), None)
    return None if kind is None else _inbound(number, message, message, unsupported=kind, at=at)


def _inbound(number: int, sent: Object, message: Object, **said: Any) -> Inbound:
    person, chat = part_of(sent, "from"), part_of(message, "chat")
    name = " ".join(part for part in (text_of(person, "first_name"), text_of(person, "last_name")) if part)[:200]
    chat_id, private = chat.get("id", person["id"]), chat.get("type", "private") == "private"
    topic = message.get("message_thread_id") if message.get("is_topic_message") else None
    return Inbound(
        f"update:{number}",
        str(person["id"]),
        contact_name=name or None,
        language=text_of(person, "language_code")[:35] or None,
        thread=None if private else f"{chat_id}:{topic or ''}",
        reply_place={"chat_id": chat_id} | ({"message_thread_id": topic} if topic else {}),
        **said,
    )


def _sender(sent: Object) -> bool:
    """Whether a person sent it: bots, and we ourselves, are not answered."""
    person = part_of(sent, "from")
    return isinstance(person.get("id"), int) and not person.get("is_bot")


def _spoken_to(message: Object, settings: Settings) -> bool:
    """Whether a message in a group is meant for the bot."""
    bot = str(settings.get("bot_username") or "").lower()
    words = (text_of(message, "text") or text_of(message, "caption")).lower()
    answered = part_of(part_of(message, "reply_to_message"), "from")
    return bool(bot) and (f"@{bot}" in words or text_of(answered, "username").lower() == bot)


def _plain(text: str, settings: Settings) -> str:
    """Without the bot's own name: `/help@our_bot` and `@our_bot help` say `/help` and `help`."""
    bot = settings.get("bot_username")
    return re.sub(rf"@{re.escape(str(bot))}\b", "", text, flags=re.IGNORECASE).strip() if bot else text.strip()


def _media(message: Object) -> Iterator[Media]:
    sizes = message.get("photo")
    if isinstance(sizes, list) and sizes and isinstance(sizes[-1], dict):
        yield _file(sizes[-1], "image", "image/jpeg")
    for name, (kind, media_type) in _FILES.items():
        if isinstance(file := message.get(name), dict):
            yield _file(file, kind, media_type)


def _file(file: Object, kind: Literal["image", "audio", "video", "file", "sticker"], media_type: str) -> Media:
    size = file.get("file_size")
    name = text_of(file, "file_name")
    return Media(
        kind, None, text_of(file, "file_id"), name, text_of(file, "mime_type") or media_type, size if isinstance(size, int) else None
    )


def _place(message: Object) -> Place | None:
    where, venue = part_of(message, "location"), part_of(message, "venue")
    latitude, longitude = where.get("latitude"), where.get("longitude")
    if not (isinstance(latitude, int | float) and isinstance(longitude, int | float) and abs(latitude) <= 90 and abs(longitude) <= 180):
        return None
    label = ", ".join(part for part in (text_of(venue, "title"), text_of(venue, "address")) if part)
    return Place(latitude, longitude, label)


def _label(message: Object, data: str) -> str:
    """What stood on the button."""
    rows = part_of(message, "reply_markup").get("inline_keyboard")
    buttons = [one for row in (rows if isinstance(rows, list) else ()) if isinstance(row, list) for one in row if isinstance(one, dict)]
    return next((text_of(button, "text") for button in buttons if button.get("callback_data") == data), "")


def _moment(date: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(date, UTC) if isinstance(date, int) else None
    except (ValueError, OverflowError, OSError):
        return None
