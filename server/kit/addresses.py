"""Which URLs and network addresses a tenant's call may reach: the public internet, and what the operator allowed by name."""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Collection
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import httpx

IPAddress = IPv4Address | IPv6Address
Resolver = Callable[[str, int], Awaitable[list[str]]]

MAX_URL = 8192
USUAL_PORTS = frozenset({80, 443})

# `is_global` of the standard library lets several of these through; Azure's metadata address is even public space.
_CLOSED_V4 = [
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
    )
]
# Only 2000::/3 is public; inside it Teredo and its neighbours, documentation and 6to4, which carry other addresses.
_OPEN_V6 = IPv6Network("2000::/3")
_CLOSED_V6 = [IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")]

_URL_START = re.compile(r"https?://([^/?]*)", re.ASCII | re.IGNORECASE)
_NEVER_IN_URL = re.compile(r"[\x00-\x20\x7f-\x9f\\]|\s")
_HOST_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\.?", re.ASCII)
_ENDS_IN_NUMBER = re.compile(r"(^|\.)(\d+|0x[0-9a-f]*)\.?$", re.ASCII)


class OutboundRefused(Exception):
    """We do not make this call. `code`: url, scheme, address, port, method, header; the message is for the person who set it up."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class NameNotFound(Exception):
    """The host name has no address."""


def checked_url(url: str) -> httpx.URL:
    """The URL, read in the one way nobody can read differently; raises `OutboundRefused`."""
    start = _URL_START.match(url)
    if start is None:
        raise OutboundRefused("scheme", "Only http and https URLs can be called. Begin with https://")
    authority = start.group(1)
    if len(url) > MAX_URL or _NEVER_IN_URL.search(url) or not authority or "@" in authority or "#" in authority or "%" in authority:
        raise OutboundRefused("url", "This is not a valid URL. Give a host name without user name, spaces or backslashes.")
    try:
        parsed = httpx.URL(url)
        port = parsed.port
    except (httpx.InvalidURL, ValueError, UnicodeError) as error:
        raise OutboundRefused("url", "This is not a valid URL.") from error
    if not parsed.raw_host or (port is not None and not 0 < port < 65536):
        raise OutboundRefused("url", "This is not a valid URL: its host or port cannot be right.")
    return parsed


def host_and_port(url: httpx.URL) -> tuple[str, int]:
    """Where a checked URL leads; the port is spelled out."""
    return url.raw_host.decode("ascii").lower(), url.port or (443 if url.scheme == "https" else 80)


def is_public(address: IPAddress) -> bool:
    """Whether the address belongs to the public internet and cannot lead back to us."""
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in network for network in _CLOSED_V4)
    return address in _OPEN_V6 and address.is_global and not any(address in network for network in _CLOSED_V6)


def literal(host: str) -> IPAddress | None:
    """The address a host spells out, None for a name. Unusual spellings of numbers (hex, octal, short) are refused."""
    try:
        return ip_address(host)
    except ValueError:
        pass
    if _ENDS_IN_NUMBER.search(host):
        raise OutboundRefused("address", f"The address {host} is not allowed. Write a host name.")
    if not _HOST_NAME.fullmatch(host):
        raise OutboundRefused("url", "This is not a valid URL: its host name has characters that host names do not have.")
    return None


async def system_resolver(host: str, port: int) -> list[str]:
    """Ask the machine's resolver."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NameNotFound(host) from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Addresses:
    """Looks hosts up and refuses what must not be reached."""

    def __init__(self, allow: Collection[str] = (), resolve: Resolver = system_resolver) -> None:
        """`allow` holds `host:port` entries of the operator that may be reached whatever their address and port."""
        self._allow = frozenset(entry.lower() for entry in allow)
        self._resolve = resolve

    def check(self, host: str, port: int, ports: Collection[int] = USUAL_PORTS) -> None:
        """Refuse what can be refused without asking anybody: closed addresses spelled out, other than the usual `ports`."""
        if self._allowed(host, port):
            return
        address = literal(host)
        if address is not None and not is_public(address):
            raise _closed(host)
        if port not in ports:
            allowed = " and ".join(str(one) for one in sorted(ports))
            raise OutboundRefused("port", f"Port {port} is not allowed, only {allowed}. The operator can allow {host}:{port}.")

    async def find(self, host: str, port: int, ports: Collection[int] = USUAL_PORTS) -> list[str]:
        """The addresses to connect to. One closed address among them refuses them all."""
        self.check(host, port, ports)
        found = await self._resolve(host, port)
        if not found:
            raise NameNotFound(host)
        if not self._allowed(host, port) and not all(is_public(ip_address(address)) for address in found):
            raise _closed(host)
        return found

    def _allowed(self, host: str, port: int) -> bool:
        shown = f"[{host}]" if ":" in host else host
        return f"{shown}:{port}" in self._allow


def _closed(host: str) -> OutboundRefused:
    return OutboundRefused("address", f"The address of {host} is not allowed: it is not on the public internet.")
