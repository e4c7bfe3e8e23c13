"""Mail that machines wrote: it is never answered (RFC 3834, RFC 2076), and what it says of our mails is noted (RFC 3464, RFC 8098)."""

import email
import re
from collections.abc import Iterator
from datetime import datetime
from email.message import Message

from server.channels.contract import Status
from server.channels.email.mail import Mail, decoded, parts_within

OURS = "x-chatloom-channel"
"""A header of every mail that we send."""

_ROBOTS = re.compile(
    r"(?:mailer-daemon|postmaster|no-?reply|do-?not-?reply|bounces?|listserv|majordomo|notifications?|auto-?(?:reply|response))(?:[+._-].*)?@.*",
    re.IGNORECASE,
)
_BULK = frozenset(("bulk", "junk", "list", "auto_reply"))
_TELLING = ("list-id", "list-unsubscribe", "x-autoreply", "x-autorespond", "x-loop", "feedback-id", "x-failed-recipients", OURS)
_OUT = re.compile(
    r"^\s*(?:out of office|automatic reply|automatische antwort|abwesenheitsnotiz|r\u00e9ponse automatique|auto(?:matic)?[ -]?reply)\b",
    re.I,
)


def why_automatic(mail: Mail, our_address: str) -> str:
    """Why a mail must not be answered; empty when a person wrote it."""
    _, sender = mail.sender
    if not sender or "@" not in sender:
        return "it has no sender"
    if sender == our_address.lower():
        return "it is ours"
    if _ROBOTS.fullmatch(sender):
        return "its sender is a machine"
    if mail.header("return-path").strip() == "<>":
        return "it wants no answer"
    if mail.header("auto-submitted").partition(";")[0].strip().lower() not in ("", "no"):
        return "it says that it is automatic"
    if mail.header("precedence").strip().lower() in _BULK:
        return "it went to many"
    if re.search(r"\b(?:all|oof|autoreply)\b", mail.header("x-auto-response-suppress"), re.IGNORECASE):
        return "it wants no automatic answer"
    if told := next((name for name in _TELLING if mail.headers.get(name)), ""):
        return f"it has the header {told}"
    if mail.header("content-type").lower().startswith("multipart/report"):
        return "it is a report"
    return "its subject says so" if _OUT.match(mail.header("subject")) else ""


def reports(mail: Mail, at: datetime) -> Iterator[Status]:
    """What a report says became of a mail of ours."""
    if mail.whole is None or mail.whole.get_content_type() != "multipart/report":
        return
    parts = list(parts_within(mail.whole))
    original = next((found for part in parts if (found := _original_id(part))), "")
    for part in parts:
        kind = part.get_content_type()
        for fields in _fields(part):
            about = _field(fields, "Original-Message-ID") or original
            if about and kind == "message/delivery-status" and (action := _field(fields, "Action").lower()):
                yield from _delivered(about, action, fields, at)
            elif about and kind == "message/disposition-notification" and "displayed" in _field(fields, "Disposition").lower():
                yield Status(about, "read", at)


def _delivered(about: str, action: str, fields: Message, at: datetime) -> Iterator[Status]:
    if action == "failed":
        why = (_field(fields, "Diagnostic-Code") or _field(fields, "Status")).partition(";")
        reason = re.sub(r"\s+", " ", why[2] or why[0]).strip()[:300]
        yield Status(about, "failed", at, f"The mail came back: {reason or 'its server does not say why'}")
    elif action in ("delivered", "relayed"):
        yield Status(about, "delivered", at)


def _original_id(part: Message) -> str:
    if part.get_content_type() == "message/rfc822" and part.is_multipart():
        inner = part.get_payload(0)
        return _field(inner, "Message-ID") if isinstance(inner, Message) else ""
    if part.get_content_type() == "text/rfc822-headers":
        content = part.get_payload(decode=True)
        return _field(email.message_from_bytes(content), "Message-ID") if isinstance(content, bytes) else ""
    return ""


def _field(fields: Message, name: str) -> str:
    return decoded(str(fields.get(name) or ""))


def _fields(part: Message) -> Iterator[Message]:
    """The groups of fields of a report."""
    if part.get_content_type() == "message/delivery-status":
        yield from (group for group in part.get_payload() if isinstance(group, Message)) if part.is_multipart() else ()
    elif part.get_content_type() == "message/disposition-notification":
        inner = part.get_payload(0) if part.is_multipart() else part.get_payload()
        yield inner if isinstance(inner, Message) else email.message_from_string(str(inner))
