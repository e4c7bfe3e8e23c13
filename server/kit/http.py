"""The one client for calls that tenants ask for: it connects only to addresses it has checked, within limits of time and size.

A host is looked up once for each connection, every address it has is checked, and the connection goes to one of those very addresses.
Redirects are answers like any other, proxy variables of the environment do not count, no cookie is kept, certificates are verified.
"""

import asyncio
import re
import ssl
import time
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

import httpcore
import httpx

from server.kit.addresses import Addresses, NameNotFound, OutboundRefused, Resolver, checked_url, host_and_port, system_resolver
from server.kit.network import certificates, guarded_httpx, guarded_pool

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
MAX_HEADERS = 100
MAX_HEADER = 8192
MAX_ANSWER_HEADERS = 200
CONNECT_S = 5.0
USER_AGENT = "Chatloom"

_OURS = frozenset(
    {"accept-encoding", "connection", "content-length", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}", re.ASCII)

Kind = Literal["unreachable", "tls", "timeout", "disconnected", "bad_answer", "too_large"]

__all__ = ["METHODS", "OutboundAnswer", "OutboundClient", "OutboundFailed", "OutboundRefused"]


class OutboundFailed(Exception):
    """The call was made and went wrong. `sent` is False when certainly nothing reached the other side."""

    def __init__(self, kind: Kind, sentence: str, *, sent: bool) -> None:
        super().__init__(sentence)
        self.kind: Kind = kind
        self.sent = sent


@dataclass(frozen=True, slots=True)
class OutboundAnswer:
    """What the other side said. Header names are lower case; of repeated ones the values are joined by commas."""

    status: int
    headers: dict[str, str]
    body: bytes
    ms: float


class OutboundClient:
    """Makes the calls. One for each process; safe to use from many tasks of one event loop."""

    def __init__(self, allow: Collection[str] = (), *, resolve: Resolver = system_resolver) -> None:
        """`allow` holds the operator's `host:port` entries that may be private; `resolve` stands in for the resolver in tests."""
        self._addresses = Addresses(allow, resolve)
        # No connection is used twice: a kept one may be closed just as a POST leaves, and nobody could tell what became of it.
        self._pool = guarded_pool(self._addresses, kept_connections=0)

    def check(self, url: str) -> None:
        """Refuse now, while somebody is typing it, what would be refused at the call anyway. Asks no name server."""
        self._addresses.check(*host_and_port(checked_url(url)))

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout_s: float = 30.0,
        max_bytes: int = 1_000_000,
    ) -> OutboundAnswer:
        """Make one call. Raises `OutboundRefused` before anything is sent, `OutboundFailed` after."""
        target = checked_url(url)
        self._addresses.check(*host_and_port(target))
        verb = method.upper()
        if verb not in METHODS:
            raise OutboundRefused("method", f"The method {method[:20]} is not allowed, only {', '.join(sorted(METHODS))}.")
        call = _Call(verb, target, _checked_headers(headers or {}), body, timeout_s, max_bytes)
        return await call.make(self._pool)

    def httpx_client(self, max_bytes: int = 10_000_000) -> httpx.AsyncClient:
        """A plain httpx client with the same guard, for a library that insists on bringing its own requests. The caller closes it."""
        return guarded_httpx(self._addresses, max_bytes)

    async def find(self, host: str, port: int, ports: Collection[int]) -> list[str]:
        """The checked addresses of a host, for another protocol than HTTP with its own usual `ports`: connect to these and no others.

        Raises OutboundRefused, and OutboundFailed when there is no such host.
        """
        try:
            async with asyncio.timeout(CONNECT_S):
                return await self._addresses.find(host, port, ports)
        except (NameNotFound, TimeoutError):
            raise OutboundFailed("unreachable", f"The host {host} was not found.", sent=False) from None

    @property
    def certificates(self) -> ssl.SSLContext:
        """What proves to us who the other side is."""
        return certificates()

    async def close(self) -> None:
        """Close what is open."""
        await self._pool.aclose()


def _checked_headers(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    if len(headers) > MAX_HEADERS:
        raise OutboundRefused("header", f"A call can carry up to {MAX_HEADERS} headers.")
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            raise OutboundRefused("header", f"{name[:40]!r} is not a header name.")
        if name.lower() in _OURS or name.lower().startswith("proxy-"):
            raise OutboundRefused("header", f"The header {name} is set by Chatloom itself. Remove it.")
        if (
            len(value) > MAX_HEADER
            or not value.isascii()
            or any((ord(letter) < 32 and letter != "\t") or letter == "\x7f" for letter in value)
        ):
            raise OutboundRefused("header", f"The value of the header {name} is too long or has characters that headers cannot carry.")
    return [(name, value.strip()) for name, value in headers.items()]


@dataclass(slots=True)
class _Call:
    """One call on its way."""

    method: str
    url: httpx.URL
    headers: list[tuple[str, str]]
    body: bytes | None
    timeout_s: float
    max_bytes: int
    sent: bool = False

    async def make(self, pool: httpcore.AsyncConnectionPool) -> OutboundAnswer:
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self.timeout_s):
                status, headers, body = await self._exchange(pool)
        except (OutboundRefused, OutboundFailed):
            raise
        except Exception as error:
            self._fail(error)
        return OutboundAnswer(status, headers, body, (time.perf_counter() - started) * 1000)

    async def _exchange(self, pool: httpcore.AsyncConnectionPool) -> tuple[int, dict[str, str], bytes]:
        address = httpcore.URL(scheme=self.url.raw_scheme, host=self.url.raw_host, port=self.url.port, target=self.url.raw_path)
        limits = {"connect": min(CONNECT_S, self.timeout_s), "read": self.timeout_s, "write": self.timeout_s, "pool": self.timeout_s}
        extensions = {"timeout": limits, "trace": self._trace}
        async with pool.stream(self.method, address, headers=self._all_headers(), content=self.body, extensions=extensions) as answer:
            headers = _joined(answer.headers)
            if headers.get("content-encoding", "identity").lower() not in ("identity", ""):
                raise OutboundFailed("bad_answer", "The answer is compressed although we asked for plain text.", sent=True)
            return answer.status, headers, await self._read(answer.aiter_stream())

    async def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        if event == "http11.send_request_headers.started":
            self.sent = True

    def _all_headers(self) -> list[tuple[str, str]]:
        host = self.url.netloc.decode("ascii")
        given = {name.lower() for name, _ in self.headers}
        usual = [(name, value) for name, value in (("User-Agent", USER_AGENT), ("Accept", "*/*")) if name.lower() not in given]
        length = [("Content-Length", str(len(self.body)))] if self.body is not None else []
        if self.body is None and self.method in ("POST", "PUT", "PATCH"):
            length = [("Content-Length", "0")]
        return [("Host", host), *usual, ("Accept-Encoding", "identity"), *self.headers, *length]

    async def _read(self, parts: AsyncIterator[bytes]) -> bytes:
        body = bytearray()
        async for part in parts:
            body += part
            if len(body) > self.max_bytes:
                raise OutboundFailed("too_large", f"The answer is larger than {self.max_bytes} bytes.", sent=True)
        return bytes(body)

    def _fail(self, error: Exception) -> NoReturn:
        if isinstance(error, NameNotFound):
            raise OutboundFailed("unreachable", f"The host {self.url.host} was not found.", sent=False) from error
        if isinstance(error, httpcore.ConnectError | httpcore.ConnectTimeout):
            if (reason := _tls_reason(error)) is not None:
                raise OutboundFailed("tls", f"The certificate of {self.url.host} was not accepted: {reason}.", sent=False) from error
            raise OutboundFailed("unreachable", f"No connection to {self.url.host} could be made.", sent=False) from error
        if isinstance(error, TimeoutError | httpcore.TimeoutException):
            raise OutboundFailed("timeout", f"No complete answer came within {self.timeout_s:g} seconds.", sent=self.sent) from error
        if isinstance(error, httpcore.ProtocolError) and "disconnected" not in str(error):
            raise OutboundFailed("bad_answer", f"What {self.url.host} answered is not HTTP.", sent=True) from error
        if isinstance(error, httpcore.NetworkError | httpcore.ProtocolError):
            raise OutboundFailed(
                "disconnected", f"{self.url.host} closed the connection before it had answered.", sent=self.sent
            ) from error
        raise error


def _joined(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    if len(raw) > MAX_ANSWER_HEADERS:
        raise OutboundFailed("bad_answer", f"The answer has more than {MAX_ANSWER_HEADERS} headers.", sent=True)
    headers: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def _tls_reason(error: BaseException | None) -> str | None:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message
        if isinstance(error, ssl.SSLError):
            return (error.reason or "no common protocol").replace("_", " ").lower()
        error = error.__cause__ or error.__context__
    return None
