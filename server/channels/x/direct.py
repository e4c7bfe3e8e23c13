"""Direct messages that people write to an account on X."""

from collections.abc import Iterator
from typing import Any, Literal

from server.channels.contract import Inbound, Media, Place, Settings, Status
from server.channels.payload import Object, part_of, parts_of, text_of
from server.channels.x.people import People, is_automated, moment, plain, who_is

_KINDS: dict[str, tuple[Literal["image", "video"], str]] = {
    "photo": ("image", "image/jpeg"),
    "animated_gif": ("video", "video/mp4"),
    "video": ("video", "video/mp4"),
}


def read_direct(event: Object, people: People, settings: Settings) -> Inbound | None:
    """A direct message; None for the account's own, a bot's, and one to somebody else."""
    created, account = part_of(event, "message_create"), settings.get("user_id")
    key, sender = text_of(event, "id"), text_of(created, "sender_id")
    person = people.get(sender, {})
    if event.get("type") != "message_create" or not (key and sender) or sender == account or is_automated(person):
        return None
    if text_of(part_of(created, "target"), "recipient_id") != account:
        return None
    said = _said(part_of(created, "message_data"))
    at = moment(event.get("created_timestamp"))
    place = {"message_id": key}
    return None if said is None else Inbound(f"dm:{key}", sender, at=at, reply_place=place, **who_is(person), **said)


def read_encrypted(chat: Object, settings: Settings) -> Inbound | None:
    """An encrypted message: only the app of the person and that of the account can read it."""
    key, sender = text_of(chat, "id"), text_of(chat, "sender_id")
    if not (key and sender) or sender == settings.get("user_id"):
        return None
    return Inbound(f"chat:{key}", sender, at=moment(chat.get("created_at_msec")), unsupported="encrypted_chat")


def read_receipt(event: Object, settings: Settings) -> Status | None:
    """Somebody has read up to a message of ours."""
    provider_id, at = text_of(event, "last_read_event_id"), moment(event.get("created_timestamp"))
    if not provider_id or at is None or text_of(event, "sender_id") == settings.get("user_id"):
        return None
    return Status(provider_id, "read", at)


def _said(data: Object) -> dict[str, Any] | None:
    attachment = part_of(data, "attachment")
    file = part_of(attachment, "media")
    text = text_of(data, "text").replace(text_of(file, "url") or "\0", "")
    words = plain(text, part_of(data, "entities"))
    if picked := text_of(part_of(data, "quick_reply_response"), "metadata"):
        return {"choice": picked, "text": words or None}
    if (place := _place(part_of(attachment, "location"))) is not None:
        return {"location": place}
    media = tuple(_media(file))
    return {"text": words or None, "media": media} if words or media else {"unsupported": "attachment"} if attachment else None


def _media(file: Object) -> Iterator[Media]:
    kind, media_type = _KINDS.get(text_of(file, "type"), ("image", "image/jpeg"))
    films = [one for one in parts_of(part_of(file, "video_info"), "variants") if one.get("content_type") == "video/mp4"]
    ref = text_of(films[-1], "url") if films else text_of(file, "media_url_https")
    if ref:
        yield Media(kind, None, ref, "", media_type)


def _place(location: Object) -> Place | None:
    coordinates = part_of(part_of(location, "shared_coordinate"), "coordinates").get("coordinates")
    if not (isinstance(coordinates, list) and len(coordinates) == 2 and all(isinstance(one, int | float) for one in coordinates)):
        return None
    longitude, latitude = coordinates
    return Place(latitude, longitude) if abs(latitude) <= 90 and abs(longitude) <= 180 else None
