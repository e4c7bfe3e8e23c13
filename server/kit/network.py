"""Connections that go only where `Addresses` lets them, for httpcore and for httpx."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpcore
import httpx

from server.kit.addresses import Addresses, NameNotFound, OutboundRefused, checked_url, host_and_port


class CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Opens connections, each to an address that was looked up and checked for this connection."""

    def __init__(self, addresses: Addresses, inner: httpcore.AsyncNetworkBackend | None = None) -> None:
        """`inner` opens the connections."""
        self._addresses = addresses
        self._inner = inner or httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.AsyncNetworkStream:
        """Look the host up, check every address it has, connect to one of them."""
        try:
            async with asyncio.timeout(timeout):
                found = await self._addresses.find(host, port)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(f"looking up {host} took too long") from error
        for address in found[:2]:
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109
        socket_options: Any = None,
    ) -> httpcore.AsyncNetworkStream:
        """Never."""
        raise OutboundRefused("address", "Unix sockets are not allowed.")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


@cache
def certificates() -> ssl.SSLContext:
    """Those we trust. Reading them takes 20 ms: once for the process is enough."""
    return httpx.create_ssl_context()


def guarded_pool(addresses: Addresses, kept_connections: int) -> httpcore.AsyncConnectionPool:
    """Connections under the guard. `kept_connections` may wait open for the next call to the same host."""
    return httpcore.AsyncConnectionPool(
        ssl_context=certificates(),
        max_connections=100,
        max_keepalive_connections=kept_connections,
        keepalive_expiry=15.0,
        network_backend=CheckedNetwork(addresses),
    )


class GuardedTransport(httpx.AsyncBaseTransport):
    """The guard as a transport of httpx. An answer longer than `max_bytes` breaks off."""

    def __init__(self, addresses: Addresses, max_bytes: int) -> None:
        self._addresses, self._max_bytes = addresses, max_bytes
        self._transport = httpx.AsyncHTTPTransport(verify=certificates())
        self._transport._pool = guarded_pool(addresses, kept_connections=20)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Check the URL, then send; the pool checks the addresses."""
        self._addresses.check(*host_and_port(checked_url(str(request.url))))
        try:
            answer = await self._transport.handle_async_request(request)
        except NameNotFound as error:
            raise httpx.ConnectError(f"the host {error} was not found", request=request) from error
        if answer.headers.get("content-encoding", "identity") != "identity":
            await answer.aclose()
            raise httpx.ReadError("the answer is compressed although we asked for plain text", request=request)
        assert isinstance(answer.stream, httpx.AsyncByteStream)
        answer.stream = _Limited(answer.stream, self._max_bytes)
        return answer

    async def aclose(self) -> None:
        """Close every connection."""
        await self._transport.aclose()


class _Limited(httpx.AsyncByteStream):
    """A stream that ends in an error when it brings more than it may."""

    def __init__(self, stream: httpx.AsyncByteStream, max_bytes: int) -> None:
        self._stream, self._left = stream, max_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            self._left -= len(part)
            if self._left < 0:
                raise httpx.ReadError("the answer is too long")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


def guarded_httpx(addresses: Addresses, max_bytes: int) -> httpx.AsyncClient:
    """An httpx client under the guard, which keeps no cookies, follows no redirects and ignores proxy variables."""
    return httpx.AsyncClient(
        transport=GuardedTransport(addresses, max_bytes),
        headers={"Accept-Encoding": "identity", "User-Agent": "Chatloom"},
        cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
        follow_redirects=False,
        trust_env=False,
    )
