"""Calls to a channel's provider: what goes wrong on the way becomes `SendFailed`, or a finding of the live check."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import msgspec

from server.channels.contract import File, Finding, NotFetched, SendFailed
from server.kit.http import OutboundAnswer, OutboundClient, OutboundFailed, OutboundRefused

TIMEOUT_S = 10.0
FILE_TIMEOUT_S = 30.0
MOST_ANSWER_BYTES = 256_000
MOST_FILE_BYTES = 25_000_000
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Told:
    """A provider's answer, read as a JSON object; empty when it is none."""

    status: int
    headers: Mapping[str, str]
    data: Mapping[str, Any]

    @property
    def retry_after_s(self) -> float | None:
        """The seconds that `Retry-After` asks for."""
        wait = self.headers.get("retry-after", "")
        return float(wait) if wait.isascii() and wait.isdigit() and len(wait) < 8 else None


async def post(http: OutboundClient, url: str, given: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Told:
    """POST JSON to send a message. Raises SendFailed when no answer came: maybe, unless certainly nothing was sent."""
    with _sending():
        return told(await _request(http, "POST", url, headers, msgspec.json.encode(given)))


async def upload(
    http: OutboundClient, url: str, fields: Mapping[str, str], name: str, file: File, headers: Mapping[str, str] | None = None
) -> Told:
    """POST a file in a form (RFC 7578), its part is `file`. Raises SendFailed: nothing was said to anybody, so it may be tried again."""
    boundary = f"chatloom-{hashlib.blake2b(file.content, digest_size=16).hexdigest()}"
    title = re.sub(r"[^\w. -]", "_", name, flags=re.ASCII)
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n' for key, value in fields.items()]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{title}"\r\nContent-Type: {file.media_type}\r\n\r\n'
    body = "".join([*parts, head]).encode() + file.content + f"\r\n--{boundary}--\r\n".encode()
    kind = {"content-type": f"multipart/form-data; boundary={boundary}"}
    with _sending(said=False):
        answer = await http.request(
            "POST", url, headers={**kind, **(headers or {})}, body=body, timeout_s=FILE_TIMEOUT_S, max_bytes=MOST_ANSWER_BYTES
        )
    return told(answer)


async def post_form(http: OutboundClient, url: str, fields: Sequence[tuple[str, str]], headers: Mapping[str, str]) -> Told:
    """POST a form to send a message. Raises SendFailed as `post` does."""
    with _sending():
        return told(await _request(http, "POST", url, {"content-type": FORM, **headers}, urlencode(fields).encode()))


async def ask_form(http: OutboundClient, url: str, fields: Sequence[tuple[str, str]], headers: Mapping[str, str]) -> Told | Finding:
    """POST a form for the live check; a finding when the provider cannot be asked."""
    try:
        return told(await _request(http, "POST", url, {"content-type": FORM, **headers}, urlencode(fields).encode()))
    except (OutboundRefused, OutboundFailed) as error:
        return Finding("error", "Connection", f"The provider cannot be reached: {error}")


async def ask(
    http: OutboundClient, method: str, url: str, given: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
) -> Told | Finding:
    """Ask the provider something for the live check; a finding when it cannot be asked."""
    try:
        return told(await _request(http, method, url, headers, None if given is None else msgspec.json.encode(given)))
    except (OutboundRefused, OutboundFailed) as error:
        return Finding("error", "Connection", f"The provider cannot be reached: {error}")


async def fetch_file(http: OutboundClient, url: str, headers: Mapping[str, str] | None = None) -> File:
    """A file from the provider; raises NotFetched."""
    try:
        answer = await http.request("GET", url, headers=headers, timeout_s=FILE_TIMEOUT_S, max_bytes=MOST_FILE_BYTES)
    except (OutboundRefused, OutboundFailed) as error:
        raise NotFetched(str(error)) from None
    if answer.status != 200:
        raise NotFetched(f"It answered {answer.status}.")
    return File(answer.headers.get("content-type", "application/octet-stream").split(";")[0].strip(), answer.body)


@contextmanager
def _sending(*, said: bool = True) -> Iterator[None]:
    """What goes wrong within becomes SendFailed; `said`: somebody may have got it although no answer came."""
    try:
        yield
    except OutboundRefused as refused:
        raise SendFailed("dead", str(refused), blocks=True) from None
    except OutboundFailed as failed:
        raise SendFailed("maybe" if said and failed.sent else "retry", str(failed)) from None


def told(answer: OutboundAnswer) -> Told:
    """The answer, read as JSON."""
    try:
        data = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        data = None
    return Told(answer.status, answer.headers, data if isinstance(data, dict) else {})


async def _request(http: OutboundClient, method: str, url: str, headers: Mapping[str, str] | None, body: bytes | None) -> OutboundAnswer:
    kind = {} if body is None else {"content-type": "application/json; charset=utf-8"}
    return await http.request(method, url, headers={**kind, **(headers or {})}, body=body, timeout_s=TIMEOUT_S, max_bytes=MOST_ANSWER_BYTES)
