"""What Teams posts: messages, choices on cards, news about the chat, and calls that want an answer at once (Bot Framework activities)."""

import mimetypes
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from server.channels.contract import Answer, Inbound, Media, Received, Request, Settings, Unusable, Watermark
from server.channels.payload import Object, json_object, part_of, parts_of, refuse_nul, text_of
from server.channels.teams.services import is_service
from server.channels.teams.text import plain

CHOICE = "choice"
"""The field of what a card submits that holds the value chosen."""
FILE = "application/vnd.microsoft.teams.file.download.info"
READ = "application/vnd.microsoft.readReceipt"
UNKNOWN = "application/octet-stream"
MOST_ID = 1_000
MOST_URL = 4_000

_SKIPPED = Received()
_KINDS: Mapping[str, Literal["image", "audio", "video", "file"]] = {"image": "image", "audio": "audio", "video": "video"}
_SILENT = ("text/html",)
_DIALOG = "This assistant has no dialogs. Write to it in the chat."


def read(request: Request, settings: Settings) -> Received:
    """What customers said and did; raises Unusable."""
    activity = json_object(request.body)
    refuse_nul(activity)
    if not is_service(text_of(activity, "serviceUrl"), settings):
        raise Unusable("the answer would go to a service that is not Microsoft's")
    who, conversation = text_of(part_of(activity, "from"), "id"), text_of(part_of(activity, "conversation"), "id")
    if not _ours(activity, settings) or not conversation or len(conversation) > MOST_ID or len(who) > MOST_ID:
        return _SKIPPED
    match text_of(activity, "type"):
        case "message":
            return Received(tuple(_message(activity)))
        case "invoke":
            return _invoke(activity)
        case "conversationUpdate":
            return Received(tuple(_opened(activity)))
        case "event":
            return Received(watermarks=tuple(_read_mark(activity)))
    return _SKIPPED


def _ours(activity: Object, settings: Settings) -> bool:
    """Whether it is for this bot, from a directory that may write to it."""
    recipient, app_id = text_of(part_of(activity, "recipient"), "id"), str(settings.get("app_id", ""))
    if not app_id or recipient.lower().removeprefix("28:") != app_id.lower():
        return False
    allowed = re.findall(r"[^\s,;]+", str(settings.get("allowed_tenants") or settings.get("tenant_id") or "").lower())
    tenant = text_of(part_of(part_of(activity, "channelData"), "tenant"), "id") or text_of(part_of(activity, "conversation"), "tenantId")
    return not allowed or tenant.lower() in allowed


def _message(activity: Object) -> Iterator[Inbound]:
    choice = _chosen(activity.get("value"))
    text, mentioned = _words(activity)
    media = tuple(_files(activity))
    others = [kind for one in parts_of(activity, "attachments") if (kind := text_of(one, "contentType")) not in _SILENT]
    said: dict[str, Any]
    if choice is None and not text and not media:
        if others or isinstance(activity.get("value"), dict):
            said = {"unsupported": (others[0] if others else "card")[:50] or "unknown"}
        elif mentioned:
            said = {"opens": True}
        else:
            return
    elif choice is not None:
        said = {"choice": choice, "text": text or None}
    else:
        said = {"text": text or None, "media": media}
    yield from _inbound(activity, continues=not (_is_personal(activity) or mentioned or choice is not None), **said)


def _inbound(activity: Object, **said: Any) -> Iterator[Inbound]:
    """What a person said; nothing for what a bot did, and we are one."""
    person, conversation, key = part_of(activity, "from"), text_of(part_of(activity, "conversation"), "id"), text_of(activity, "id")
    who = text_of(person, "id")
    is_bot = who.startswith("28:") or text_of(person, "role") == "bot" or who == text_of(part_of(activity, "recipient"), "id")
    if is_bot or not who or not key or len(key) > MOST_ID:
        return
    known = {"aad_object_id": text_of(person, "aadObjectId")[:100]}
    yield Inbound(
        f"{conversation}:{key}",
        who,
        contact_name=text_of(person, "name")[:200] or None,
        language=_language(activity),
        attributes={name: value for name, value in known.items() if value},
        at=_moment(activity),
        thread=_thread(activity),
        reply_place={"service_url": text_of(activity, "serviceUrl"), "conversation": conversation} | _addressed(activity),
        **said,
    )


def _opened(activity: Object) -> Iterator[Inbound]:
    """Somebody added the bot to their chats: they are greeted. In teams and group chats it waits until it is spoken to."""
    ours = text_of(part_of(activity, "recipient"), "id")
    if _is_personal(activity) and any(text_of(one, "id") == ours for one in parts_of(activity, "membersAdded")):
        yield from _inbound(activity, opens=True)


def _invoke(activity: Object) -> Received:
    """A call that wants an answer at once; what it chose is a message like any other."""
    match text_of(activity, "name").partition("/")[::2]:
        case ("adaptiveCard", "action"):
            action = part_of(part_of(activity, "value"), "action")
            choice = _chosen(action.get("data")) or text_of(action, "verb") or None
            said = tuple(_inbound(activity, choice=choice)) if choice else ()
            told = {"statusCode": 200, "type": "application/vnd.microsoft.activity.message", "value": "\u2713"}
            return Received(said, answer=_answer(told))
        case ("task", _):
            return Received(answer=_answer({"task": {"type": "message", "value": _DIALOG}}))
        case ("composeExtension", _):
            return Received(answer=_answer({"composeExtension": {"type": "message", "text": _DIALOG}}))
        case ("signin" | "fileConsent", _):
            return Received(answer=_answer({}))
    return Received(answer=Answer(501, b"{}"))


def _answer(told: Mapping[str, Any]) -> Answer:
    return Answer(200, msgspec.json.encode(told))


def _read_mark(activity: Object) -> Iterator[Watermark]:
    """The customer has read all up to a message: ids of messages in Teams are their times, in milliseconds since 1970."""
    who, message_id = text_of(part_of(activity, "from"), "id"), text_of(part_of(activity, "value"), "lastReadMessageId")
    if text_of(activity, "name") == READ and who and message_id.isascii() and message_id.isdigit() and len(message_id) == 13:
        until = datetime.fromtimestamp(int(message_id) / 1000, UTC)
        yield Watermark(who, "read", until, _thread(activity))


def _chosen(value: Any) -> str | None:
    """The value that a card submits; some clients send what was submitted as text."""
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            return None
    found = value.get(CHOICE) if isinstance(value, dict) else None
    if not isinstance(found, str) or not found:
        return None
    refuse_nul(found)
    return found


def _words(activity: Object) -> tuple[str, bool]:
    """What was written without the mention of the bot, and whether it was mentioned."""
    ours = text_of(part_of(activity, "recipient"), "id")
    mentions = [one for one in parts_of(activity, "entities") if text_of(one, "type") == "mention"]
    own = [text_of(one, "text") for one in mentions if text_of(part_of(one, "mentioned"), "id") == ours]
    return plain(text_of(activity, "text"), own), bool(own)


def _files(activity: Object) -> Iterator[Media]:
    """Files of the customer's own drive, and pictures put into the text: those are fetched with our token."""
    for one in parts_of(activity, "attachments"):
        media_type, name = text_of(one, "contentType").partition(";")[0].strip().lower()[:100], text_of(one, "name")[:200]
        if media_type == FILE:
            found, url = mimetypes.guess_type(name)[0] or UNKNOWN, text_of(part_of(one, "content"), "downloadUrl")
        else:
            found, url = media_type.replace("image/*", UNKNOWN), text_of(one, "contentUrl")
        kind = _KINDS.get(media_type.partition("/")[0]) or _KINDS.get(found.partition("/")[0], "file")
        if (media_type == FILE or kind != "file") and url.startswith(("https://", "http://")) and len(url) <= MOST_URL:
            yield Media(kind, None, url, name, found)


def _is_personal(activity: Object) -> bool:
    conversation = part_of(activity, "conversation")
    return text_of(conversation, "conversationType") in ("", "personal") and conversation.get("isGroup") is not True


def _addressed(activity: Object) -> dict[str, Any]:
    """Whom an answer names: in a group chat several people talk with the bot at once."""
    person = part_of(activity, "from")
    name = text_of(person, "name")[:200]
    in_group = text_of(part_of(activity, "conversation"), "conversationType") == "groupChat"
    return {"mention": {"id": text_of(person, "id"), "name": name}} if in_group and name else {}


def _thread(activity: Object) -> str | None:
    """What tells conversations of one person apart: a thread of a channel, a group chat; none in the bot's own chat."""
    return None if _is_personal(activity) else text_of(part_of(activity, "conversation"), "id")


def _language(activity: Object) -> str | None:
    found = text_of(activity, "locale") or next(
        (locale for one in parts_of(activity, "entities") if (locale := text_of(one, "locale"))), ""
    )
    return found if re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}", found, re.ASCII) else None


def _moment(activity: Object) -> datetime | None:
    try:
        at = datetime.fromisoformat(text_of(activity, "timestamp"))
        return at.astimezone(UTC) if at.tzinfo is not None else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
