"""Mail as it comes in: a raw message (RFC 5322), or the form or JSON that services make of one."""

import base64
import binascii
import email
import email.errors
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses
from typing import Any
from urllib.parse import parse_qsl

from multipart import MultipartError, MultipartParser, parse_options_header

from server.channels.contract import Request, Unusable
from server.channels.email.html import as_text
from server.channels.payload import json_object, parts_of, text_of

MOST_FIELDS = 300
MOST_FILES = 10
MOST_DEPTH = 20
_RAW_FIELDS = ("email", "body-mime")
_TEXT_FIELDS = ("text", "body-plain", "TextBody")
_HTML_FIELDS = ("html", "body-html", "HtmlBody")


@dataclass(frozen=True, slots=True)
class Enclosed:
    """A file that came with a mail."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail: its headers (names in lower case, values decoded), what it says, its files, and its parts when it came whole."""

    headers: Mapping[str, Sequence[str]]
    text: str
    files: Sequence[Enclosed] = ()
    whole: Message | None = None

    def header(self, name: str) -> str:
        """The first value of a header; empty when there is none."""
        return next(iter(self.headers.get(name, ())), "")

    @property
    def sender(self) -> tuple[str, str]:
        """Name and address of who wrote it: exactly one, in small letters. Empty when there is none or there are several."""
        found = [(name, address.lower()) for name, address in getaddresses(list(self.headers.get("from", ()))) if address]
        return found[0] if len(found) == 1 else ("", "")


def mail_in(request: Request) -> Mail:
    """The mail in a webhook's request; raises Unusable."""
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    try:
        if kind == "application/json":
            return _of_json(request.body)
        if kind == "multipart/form-data":
            return _of_form(*_parts(request.body, options.get("boundary", "")))
        if kind == "application/x-www-form-urlencoded":
            return _of_form(dict(parse_qsl(request.body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)), [])
        if kind in ("message/rfc822", "application/octet-stream", "text/plain"):
            return _of_raw(request.body)
    except (MultipartError, email.errors.MessageError, ValueError, LookupError, RecursionError) as error:
        raise Unusable(f"the mail cannot be read: {type(error).__name__}") from None
    raise Unusable("it is neither a mail nor a form with one")


def parts_within(message: Message, depth: int = 0) -> Iterator[Message]:
    """The parts of a mail that hold something, without those of mails enclosed in it."""
    if message.is_multipart() and message.get_content_maintype() == "multipart" and depth < MOST_DEPTH:
        for part in message.get_payload():
            if isinstance(part, Message):
                yield from parts_within(part, depth + 1)
    else:
        yield message


def decoded(value: str) -> str:
    """A header in letters (RFC 2047), on one line."""
    with suppress(ValueError, LookupError, email.errors.MessageError):
        value = str(make_header(decode_header(value)))
    return re.sub(r"[\r\n\t ]+", " ", value.replace("\0", "")).encode("utf-8", "replace").decode().strip()


def _of_raw(raw: bytes) -> Mail:
    message = email.message_from_bytes(raw)
    if not message.keys():
        raise Unusable("it is no mail")
    texts: list[str] = []
    pages: list[str] = []
    files: list[tuple[str | bool, Enclosed]] = []
    for part in parts_within(message):
        name = decoded(part.get_filename() or "")
        if part.get_content_disposition() != "attachment" and not name and part.get_content_maintype() == "text":
            (pages if part.get_content_subtype() == "html" else texts).append(_words(part))
        elif (content := _content(part)) and not part.get_content_type().startswith(("message/", "text/rfc822")):
            shown = part.get_content_disposition() != "attachment" and part.get("Content-ID", "").strip("<> ")
            files.append((shown, _enclosed(name, part.get_content_type(), content)))
    kept = [file for shown, file in files if not (shown and any(f"cid:{shown}" in page for page in pages))]
    text = "\n".join(texts).strip() or as_text("\n".join(pages))
    return Mail(_headers(message.items()), _clean(text), kept[:MOST_FILES], message)


def _of_form(fields: Mapping[str, str], files: Sequence[Enclosed]) -> Mail:
    if raw := next((fields[name] for name in _RAW_FIELDS if "\n" in fields.get(name, "")), None):
        return _of_raw(raw.encode("utf-8", "surrogateescape"))
    given = [(name, value) for name, value in email.message_from_string(fields.get("headers", "")).items()]
    known = {name.lower() for name, _ in given}
    given += [(name, value) for name, value in fields.items() if re.fullmatch(r"[A-Za-z][\w-]{0,60}", name) and name.lower() not in known]
    return Mail(_headers(given), _clean(_said(fields)), files[:MOST_FILES])


def _of_json(body: bytes) -> Mail:
    """What Postmark makes of a mail (postmarkapp.com/developer/webhooks/inbound-webhook)."""
    told = json_object(body)
    given = [(text_of(one, "Name"), text_of(one, "Value")) for one in parts_of(told, "Headers")]
    known = {name.lower() for name, _ in given}
    given += [(name, text_of(told, name)) for name in ("From", "To", "Subject") if name.lower() not in known]
    files = []
    for one in parts_of(told, "Attachments"):
        try:
            content = base64.b64decode(text_of(one, "Content"), validate=True)
        except (binascii.Error, ValueError):
            continue
        if content and not (text_of(one, "ContentID") and f"cid:{text_of(one, 'ContentID')}" in text_of(told, "HtmlBody")):
            files.append(_enclosed(text_of(one, "Name"), text_of(one, "ContentType").partition(";")[0], content))
    said = {name: text_of(told, name) for name in (*_TEXT_FIELDS, *_HTML_FIELDS)}
    return Mail(_headers(given), _clean(_said(said)), files[:MOST_FILES])


def _said(fields: Mapping[str, str]) -> str:
    text = next((fields[name] for name in _TEXT_FIELDS if fields.get(name, "").strip()), "")
    return text or as_text(next((fields[name] for name in _HTML_FIELDS if fields.get(name, "").strip()), ""))


def _parts(body: bytes, boundary: str) -> tuple[dict[str, str], list[Enclosed]]:
    fields, files = {}, []
    for part in MultipartParser(io.BytesIO(body), boundary, content_length=len(body), part_limit=MOST_FIELDS, strict=False):
        if part.filename:
            files.append(_enclosed(part.filename, parse_options_header(part.content_type or "")[0], part.raw))
        else:
            fields[part.name] = part.raw.decode("utf-8", "surrogateescape")
    return fields, files


def _headers(given: Sequence[tuple[str, Any]]) -> dict[str, list[str]]:
    headers: dict[str, list[str]] = {}
    for name, value in given:
        headers.setdefault(name.lower(), []).append(decoded(str(value)))
    return headers


def _words(part: Message) -> str:
    charset = part.get_content_charset() or "utf-8"
    content = _content(part)
    try:
        return content.decode(charset, "replace")
    except (LookupError, ValueError):
        return content.decode("utf-8", "replace")


def _content(part: Message) -> bytes:
    try:
        content = part.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError):
        content = None
    return content if isinstance(content, bytes) else b""


def _enclosed(name: str, media_type: str, content: bytes) -> Enclosed:
    kind = media_type.strip().lower()
    if not re.fullmatch(r"[\w.+-]{1,50}/[\w.+-]{1,80}", kind, re.ASCII):
        kind = "application/octet-stream"
    return Enclosed(_file_name(name, kind), kind, content)


def _file_name(name: str, media_type: str) -> str:
    kept = re.sub(r"[\x00-\x1f\x7f/\\]", "_", decoded(name))[-200:].strip()
    return kept or f"file.{re.sub(r'[^a-z0-9]', '', media_type.rpartition('/')[2])[:10] or 'bin'}"


def _clean(text: str) -> str:
    return text.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode().strip()
