"""What Twilio posts: messages and receipts as forms (twilio.com/docs/messaging/guides/webhook-request)."""

import mimetypes
import re
from collections.abc import Iterator, Mapping
from typing import Literal

from server.channels.contract import Answer, Inbound, Media, Place, Received, Request, Settings, State, Status, Unusable
from server.channels.twilio.account import api_url
from server.channels.twilio.proof import form, is_json

ANSWER = Answer(200, b"<Response/>", "text/xml")
WHATSAPP = "whatsapp:"
MOST_TEXT = 4_096
MOST_MEDIA = 10

_SID = re.compile(r"[A-Z]{2}[0-9A-Za-z]{1,40}", re.ASCII)
_PHONE = re.compile(r"\+[1-9]\d{5,14}", re.ASCII)
_MEDIA_PATH = re.compile(r"/2010-04-01/Accounts/\w{1,60}/Messages/\w{1,60}/Media/\w{1,60}", re.ASCII)
_STATES: Mapping[str, State] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "failed": "failed",
    "undelivered": "failed",
    "canceled": "failed",
}
_HANDLED = frozenset(("STOP", "HELP"))
_STOP_WORDS = frozenset(("stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"))
"""twilio.com/docs/messaging/tutorials/opt-out: Twilio takes such a text message for an opt-out, and answers it."""
OPTED_OUT = "opted_out"
_REASONS = {
    "21610": "The customer has opted out of messages.",
    "30003": "The phone is switched off or out of reach.",
    "30004": "The customer has blocked messages.",
    "30005": "There is no such phone any more.",
    "30006": "This is a landline, or its carrier takes no messages.",
    "30007": "The carrier took the message for spam.",
    "30008": "The carrier does not say why.",
    "63016": "The customer wrote more than 24 hours ago: WhatsApp takes only an approved template now.",
    "63051": "The customer wrote more than 24 hours ago: WhatsApp takes only an approved template now.",
}


def read(request: Request, settings: Settings, prefix: str = "") -> Received:
    """What the customer said, or what became of a message of ours; `prefix` stands before the numbers of the channel. Raises Unusable."""
    if is_json(request):
        raise Unusable("it is no message")
    try:
        told = dict(form(request))
    except ValueError:
        raise Unusable("it is no form") from None
    if any("\0" in part for pair in told.items() for part in pair):
        raise Unusable("it has a NUL character")
    if not _SID.fullmatch(sid := told.get("MessageSid", "")):
        raise Unusable("it is no message")
    if told.get("AccountSid") != settings.get("account_sid"):
        return Received(answer=ANSWER)
    if told.get("MessageStatus", "received") not in ("received", "receiving"):
        return Received(statuses=tuple(_statuses(sid, told, request)), answer=ANSWER)
    return Received(tuple(_said(sid, told, settings, prefix)), answer=ANSWER)


def reason_of(code: str) -> str:
    """What an error of Twilio means for one message; empty for one that is not listed."""
    return _REASONS.get(code, "")


def _statuses(sid: str, told: Mapping[str, str], request: Request) -> Iterator[Status]:
    state = _STATES.get(told["MessageStatus"])
    if state is None:
        return
    code = told.get("ErrorCode", "")
    error = f"{reason_of(code) or 'Twilio could not deliver the message.'} (Twilio's error {code[:10]})" if code else None
    yield Status(sid, state, request.at, error if state == "failed" else None)


def _said(sid: str, told: Mapping[str, str], settings: Settings, prefix: str) -> Iterator[Inbound]:
    sender, ours = told.get("From", ""), told.get("To", "")
    if not (sender.startswith(prefix) and ours.startswith(prefix)) or sender in (ours, settings.get("sender")):
        return
    phone = sender.removeprefix(prefix)
    if not _PHONE.fullmatch(phone):  # short codes and names belong to machines: two of them would talk for ever
        return
    if told.get("OptOutType", "").upper() in _HANDLED:  # Twilio has answered, and after STOP takes nothing from us
        return
    if not prefix and told.get("Body", "").strip().lower() in _STOP_WORDS and settings.get("stop_words") != "flow":
        yield Inbound(sid, phone, reply_place={"From": ours}, continues=True, event=OPTED_OUT)
        return
    media = tuple(_media(told, settings))
    text = told.get("Body", "").strip()[:MOST_TEXT]
    choice = told.get("ButtonPayload") or told.get("ListId") or None
    place = _place(told)
    silent = not (text or choice or media or place)
    yield Inbound(
        sid,
        phone,
        text=(told.get("ButtonText") or told.get("ListTitle") or text if choice else text) or None,
        choice=choice and choice[:500],
        contact_name=told.get("ProfileName", "")[:200] or None,
        attributes={"phone": phone},
        location=place,
        media=media,
        reply_place={"From": ours},
        unsupported=(told.get("MessageType", "empty")[:40] or "empty") if silent else None,
    )


def _media(told: Mapping[str, str], settings: Settings) -> Iterator[Media]:
    count = told.get("NumMedia", "0")
    for number in range(min(int(count), MOST_MEDIA) if re.fullmatch(r"[0-9]{1,3}", count) else 0):
        url, own = told.get(f"MediaUrl{number}", "").partition("?")[0], api_url(settings)
        media_type, path = told.get(f"MediaContentType{number}", ""), url.removeprefix(own)
        if not url.startswith(own) or not _MEDIA_PATH.fullmatch(path):
            continue  # our credentials go to Twilio only
        if not re.fullmatch(r"[\w.+-]{1,50}/[\w.+-]{1,80}", media_type, re.ASCII):
            media_type = "application/octet-stream"
        kind = _kind(media_type)
        yield Media(kind, None, path, f"{kind}{mimetypes.guess_extension(media_type) or ''}", media_type)


def _kind(media_type: str) -> Literal["image", "audio", "video", "file"]:
    first = media_type.partition("/")[0]
    return "image" if first == "image" else "audio" if first == "audio" else "video" if first == "video" else "file"


def _place(told: Mapping[str, str]) -> Place | None:
    try:
        latitude, longitude = float(told["Latitude"]), float(told["Longitude"])
    except (KeyError, ValueError):
        return None
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        return None
    return Place(latitude, longitude, (told.get("Label") or told.get("Address") or "")[:500])
