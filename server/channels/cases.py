"""A channel's cases.json: requests of its provider and what must come of them, and what its messages are sent as."""

import base64
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from server.channels.contract import Adapter, Request, Secrets, Settings, Unusable


class RequestIn(Struct, forbid_unknown_fields=True, frozen=True):
    """A request; `at` is when it arrives, in seconds since 1970. A body that is no text stands in `body_b64`."""

    at: float = 0
    method: str = "POST"
    headers: dict[str, str] = {}
    query: dict[str, str] = {}
    body: str = ""
    body_b64: str | None = None
    doubled: tuple[str, ...] = ()
    url: str = ""

    def request(self) -> Request:
        """The request as an adapter gets it."""
        body = self.body.encode() if self.body_b64 is None else base64.b64decode(self.body_b64)
        at = datetime.fromtimestamp(self.at, UTC)
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Request(self.method, headers, self.query, body, at, frozenset(name.lower() for name in self.doubled), self.url)


class Case(Struct, forbid_unknown_fields=True, frozen=True):
    """A request and what comes of it: `{"refused": "NotProven"}` or the fields of what is read that matter.

    `settings` and `secrets` are laid over those of the file.
    """

    name: str
    request: RequestIn
    expect: dict[str, Any]
    settings: dict[str, Any] = {}
    secrets: dict[str, str] = {}


class Handshake(Struct, forbid_unknown_fields=True, frozen=True):
    """A GET that checks the address, and the answer's status and body."""

    name: str
    request: RequestIn
    expect: dict[str, Any] | None


class Rendering(Struct, forbid_unknown_fields=True, frozen=True):
    """A message of the bot and the parts it is sent as."""

    name: str
    body: dict[str, Any]
    expect: list[dict[str, Any]]


class Cases(Struct, forbid_unknown_fields=True, frozen=True):
    """The whole file. `proves` says what a request's proof covers: the body, or nothing but that the sender knows a secret."""

    requests: tuple[Case, ...]
    renders: tuple[Rendering, ...]
    settings: dict[str, Any] = {}
    secrets: dict[str, str] = {}
    proves: Literal["body", "secret"] = "body"
    handshakes: tuple[Handshake, ...] = ()


def read_cases(folder: Path) -> Cases:
    """The cases in a channel's folder; raises OSError or ValueError."""
    try:
        return msgspec.json.decode((folder / "cases.json").read_bytes(), type=Cases)
    except msgspec.DecodeError as error:
        raise ValueError(f"cases.json: {error}") from None


def try_verify(adapter: Adapter, request: RequestIn, settings: Settings, secrets: Secrets) -> str | None:
    """The name of what verifying raises, None when the request is taken."""
    try:
        adapter.verify(request.request(), settings, secrets)
    except Exception as error:
        return type(error).__name__
    return None


def complaints_about(adapter: Adapter, cases: Cases) -> Iterator[str]:
    """Where what happens is not what the cases say."""
    for case in cases.requests:
        if why := _difference(case.expect, _outcome(adapter, case, cases)):
            yield f"{case.name}: {why}"
    for handshake in cases.handshakes:
        answer = adapter.handshake(handshake.request.request(), cases.settings, cases.secrets)
        told = None if answer is None else {"status": answer.status, "body": answer.body.decode(), "media_type": answer.media_type}
        if why := _difference(handshake.expect, told):
            yield f"{handshake.name}: {why}"
    for rendering in cases.renders:
        if why := _difference(rendering.expect, msgspec.to_builtins(list(adapter.render(rendering.body, cases.settings)))):
            yield f"{rendering.name}: {why}"


def _outcome(adapter: Adapter, case: Case, cases: Cases) -> Any:
    settings = {**cases.settings, **case.settings}
    if (refused := try_verify(adapter, case.request, settings, {**cases.secrets, **case.secrets})) is not None:
        return {"refused": refused}
    try:
        received = adapter.parse(case.request.request(), settings)
    except Unusable:
        return {"refused": "Unusable"}
    lists = {"messages": received.messages, "statuses": received.statuses, "watermarks": received.watermarks}
    read = {name: msgspec.to_builtins(list(found)) for name, found in lists.items()}
    answer = received.answer
    told = {"status": answer.status, "body": answer.body.decode(), "media_type": answer.media_type, "headers": dict(answer.headers)}
    return {**read, "answer": told}


def _difference(expected: Any, got: Any, path: str = "") -> str:
    """Why `got` is not as expected; of an object only the expected fields count, of a list all entries. Empty when it is."""
    if isinstance(expected, Mapping) and isinstance(got, Mapping):
        return next((why for name, part in expected.items() if (why := _difference(part, got.get(name), f"{path}.{name}"))), "")
    if isinstance(expected, list) and isinstance(got, list | tuple) and len(expected) == len(got):
        pairs = enumerate(zip(expected, got, strict=True))
        return next((why for number, (one, other) in pairs if (why := _difference(one, other, f"{path}.{number}"))), "")
    return "" if expected == got else f"{path.lstrip('.') or 'it'} should be {expected!r}, is {got!r}"
