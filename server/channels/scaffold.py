"""Writes the folder of a new kind of channel: a small one that works, to be changed."""

import hashlib
import hmac
import json
import re
from pathlib import Path

_SECRET = "a secret for the cases of this folder"
_ADAPTER = '''"""{title}: JSON signed with HMAC-SHA256 over the raw body, in `x-signature`, in and out."""

import hmac
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from server.channels.contract import (
    Adapter,
    Inbound,
    NotProven,
    Outbound,
    Received,
    Request,
    Secrets,
    SendFailed,
    Settings,
    Unusable,
    valid,
)
from server.channels.words import in_parts, words_of
from server.kit.http import OutboundClient, OutboundFailed, OutboundRefused

SECRET = "signing_secret"
MOST_CHARACTERS = 4_000


class MessageIn(Struct):
    """What a customer says."""

    id: str
    sender: str
    text: str


def signature(secret: str, body: bytes) -> str:
    """The value of `x-signature`: lower-case hex."""
    return hmac.digest(secret.encode(), body, "sha256").hex()


class {name}Adapter(Adapter):
    """{title}."""

    def verify(self, request: Request, settings: Settings, secrets: Secrets) -> None:
        """The signature over the raw body must fit."""
        accepted = [signature(secret, request.body).encode() for secret in valid(secrets, SECRET)]
        given = request.headers.get("x-signature", "").encode("latin-1", "replace")
        if "x-signature" in request.doubled or not any(hmac.compare_digest(given, one) for one in accepted):
            raise NotProven("the signature does not fit")

    def parse(self, request: Request, settings: Settings) -> Received:
        """One message per request."""
        try:
            message = msgspec.json.decode(request.body, type=MessageIn)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Unusable(str(error)) from None
        if "\\0" in message.text or not message.text.strip():
            raise Unusable("the text is empty or has a NUL character")
        return Received([Inbound(message.id, message.sender, message.text)])

    def render(self, body: Mapping[str, Any], settings: Settings) -> Sequence[Mapping[str, Any]]:
        """Everything in words."""
        return [{{"text": text}} for text in in_parts(words_of(body), MOST_CHARACTERS)]

    async def send_part(
        self, http: OutboundClient, part: Mapping[str, Any], message: Outbound, settings: Settings, secrets: Secrets
    ) -> str | None:
        """POST the part to the provider."""
        body = msgspec.json.encode({{"to": message.contact_id, **part}})
        headers = {{"content-type": "application/json", "x-signature": signature(valid(secrets, SECRET)[0], body)}}
        try:
            answer = await http.request("POST", str(settings["url"]), headers=headers, body=body, timeout_s=10.0, max_bytes=64_000)
        except OutboundRefused as refused:
            raise SendFailed("dead", str(refused)) from None
        except OutboundFailed as failed:
            raise SendFailed("maybe" if failed.sent else "retry", str(failed)) from None
        if answer.status == 429 or answer.status >= 500:
            raise SendFailed("retry", f"{title} answered {{answer.status}}.")
        if answer.status >= 300:
            raise SendFailed("dead", f"{title} answered {{answer.status}} and will not take it.")
        return None


adapter = {name}Adapter()
'''
_HELP = """# {title}

Write here how somebody who has never seen {title} gets from nothing to a channel that works: which page of theirs to open, what to click,
which value to copy into which field of ours, and which address of ours to paste where.

1. Open the settings of your account and copy the **signing secret**.
2. Paste it here, and enter the **address** that takes messages.
3. Copy the address shown on this page into their field for webhooks.
"""


def new_channel(name: str, directory: Path) -> Path:
    """Write the folder of a kind of channel into the directory; it passes `conformance.complaints` at once. Raises ValueError."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,38}[a-z0-9]", name):
        raise ValueError("a channel is named with small letters, digits and _, like carrier_pigeon")
    folder = directory / name
    if folder.exists():
        raise ValueError(f"{folder} exists already")
    title = name.replace("_", " ").capitalize()
    folder.mkdir(parents=True)
    for file, text in {
        "__init__.py": f'"""{title} as a channel."""\n',
        "channel.json": _json(_about(name, title)),
        "adapter.py": _ADAPTER.format(title=title, name=title.title().replace(" ", "")),
        "help.md": _HELP.format(title=title),
        "cases.json": _json(_cases()),
    }.items():
        (folder / file).write_text(text, encoding="utf-8")
    return folder


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _about(name: str, title: str) -> dict[str, object]:
    return {
        "kind": name,
        "title": title,
        "summary": f"Customers who write by {title}.",
        "limits": {"text_characters": 4_000, "cards": 0, "media": []},
        "settings": [
            {
                "name": "url",
                "title": "Address for the bot's messages",
                "help": "Chatloom posts each message of the bot here.",
                "required": True,
                "pattern": "https?://\\S{1,2000}",
            }
        ],
        "secrets": [
            {
                "name": "signing_secret",
                "title": "Signing secret",
                "help": "Both sides sign with it.",
                "required": True,
            }
        ],
        "rate": {"per_second": 10, "burst": 10, "per": "channel"},
    }


def _cases() -> dict[str, object]:
    body = '{"id":"m1","sender":"ada","text":"Hello"}'
    signed = hmac.digest(_SECRET.encode(), body.encode(), hashlib.sha256).hex()
    return {
        "settings": {"url": "https://example.com/messages"},
        "secrets": {"signing_secret": _SECRET},
        "requests": [
            {
                "name": "a text",
                "request": {"headers": {"x-signature": signed}, "body": body},
                "expect": {"messages": [{"key": "m1", "contact_id": "ada", "text": "Hello"}]},
            },
            {
                "name": "a wrong signature",
                "request": {"headers": {"x-signature": "0" * 64}, "body": body},
                "expect": {"refused": "NotProven"},
            },
        ],
        "renders": [{"name": "a text", "body": {"type": "text", "text": "Hi"}, "expect": [{"text": "Hi"}]}],
    }
