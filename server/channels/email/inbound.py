"""A mail as a message of a customer: who, in which thread, what is new in it; or as a report on a mail of ours."""

import hashlib
import re
from typing import Literal

from server.channels.contract import Inbound, Media, Received, Request, Settings, Unusable
from server.channels.email.machines import reports, why_automatic
from server.channels.email.mail import Mail, mail_in
from server.channels.email.quotes import without_quotes
from server.channels.words import shortened

MOST_TEXT = 4_096
MOST_REFERENCES = 100
"""In a mail that is answered: two machines that answer each other end here."""
MOST_ID = 500

_ID = re.compile(r"<(?:(?!=\?)[!-;=?-~]){1,500}>")
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_{|}~`-]{1,64}"
_ADDRESS = re.compile(rf"(?!.*=\?){_ATOM}(?:\.{_ATOM})*@[A-Za-z0-9-]{{1,63}}(?:\.[A-Za-z0-9-]{{1,63}})+", re.ASCII)
_OUR_ID = re.compile(r"<t-([0-9a-f]{24})\.[0-9a-f]{24}@[^<>@\s]+>")


def read(request: Request, settings: Settings) -> Received:
    """What a mail says; raises Unusable for one that is not answered."""
    mail = mail_in(request)
    if statuses := tuple(reports(mail, request.at)):
        return Received(statuses=statuses)
    if why := why_automatic(mail, str(settings.get("address", ""))):
        raise Unusable(why)
    name, sender = mail.sender
    if not _ADDRESS.fullmatch(sender):
        raise Unusable("nobody can be written to at its sender's address")
    if (trusted := str(settings.get("authserv_id") or "")) and not _is_authentic(mail, trusted):
        raise Unusable("nobody vouches for its sender")
    return Received([_said(mail, name, sender, request)])


def our_id(thread: str, key: str, domain: str) -> str:
    """The Message-ID of a mail of ours: the same whenever it is sent, and it names the thread."""
    return f"<t-{thread}.{hashlib.sha256(key.encode()).hexdigest()[:24]}@{domain}>"


def thread_of(references: list[str]) -> str:
    """The thread of a mail with these references, its own id last: that of our mail among them, or of the first mail of all."""
    ours = next((found[1] for one in reversed(references) if (found := _OUR_ID.fullmatch(one))), None)
    return ours or hashlib.sha256(references[0].encode()).hexdigest()[:24]


def _said(mail: Mail, name: str, sender: str, request: Request) -> Inbound:
    own = next(iter(_ids(mail, "message-id")), f"<{hashlib.sha256(request.body).hexdigest()}@mail.invalid>")
    before = [one for one in dict.fromkeys([*_ids(mail, "references"), *_ids(mail, "in-reply-to")]) if one != own]
    if len(before) >= MOST_REFERENCES:
        raise Unusable("its thread never ends")
    references = [*before, own]
    thread, subject = thread_of(references), mail.header("subject")[:300]
    text = shortened(without_quotes(mail.text) or ("" if mail.files else mail.text or subject), MOST_TEXT)
    media = tuple(
        Media(_kind(one.media_type), None, None, one.name, one.media_type, len(one.content), content=one.content) for one in mail.files
    )
    return Inbound(
        own[:MOST_ID],
        sender,
        text=text or None,
        contact_name=name[:200] or None,
        attributes={"email": sender, "subject": subject},
        media=media,
        thread=thread,
        reply_place={"subject": subject, "references": references, "thread": thread},
        unsupported=None if text or media else "empty",
    )


def _ids(mail: Mail, header: str) -> list[str]:
    return [found for value in mail.headers.get(header, ()) for found in _ID.findall(value[:20_000])]


def _is_authentic(mail: Mail, trusted: str) -> bool:
    """Whether our mail server says that the domain in From vouches for the mail (RFC 8601, RFC 7489). It writes its header on top."""
    found = mail.header("authentication-results")
    server, _, results = found.partition(";")
    return server.split(" ")[0].strip().lower() == trusted.lower() and bool(re.search(r"(?:^|;)\s*dmarc=pass\b", results, re.IGNORECASE))


def _kind(media_type: str) -> Literal["image", "audio", "video", "file"]:
    first = media_type.partition("/")[0]
    return "image" if first == "image" else "audio" if first == "audio" else "video" if first == "video" else "file"
