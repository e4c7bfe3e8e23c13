"""What a channel's adapter does: prove who sent something, read it, and send what the bot says. One folder per kind of channel."""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol

from server.kit.http import OutboundClient

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Request:
    """A webhook's request as it arrived. Header names are lower case; `doubled` names those that came twice."""

    method: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    at: datetime
    doubled: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a customer is: degrees north and east (WGS 84), and a name or address if there is one."""

    latitude: float
    longitude: float
    label: str = ""


@dataclass(frozen=True, slots=True)
class Inbound:
    """One thing a customer said: a text, a choice or a location. `key` is the provider's id of it."""

    key: str
    contact_id: str
    text: str | None = None
    choice: str | None = None
    contact_name: str | None = None
    language: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    location: Place | None = None


@dataclass(frozen=True, slots=True)
class Outbound:
    """One message of the bot. `key` stays the same however often it is sent."""

    key: str
    conversation_id: str
    contact_id: str
    seq: int
    body: Mapping[str, Any]
    at: datetime


class NotProven(Exception):
    """The request does not prove that it comes from the channel's other side."""


class Unusable(Exception):
    """The request is proven but says nothing we can use; asking the provider to send it again would not help."""


class NotConfigured(Exception):
    """The channel has no secret yet, or no address: nothing may be taken or sent."""


class SendFailed(Exception):
    """A message was not sent. `outcome`: retry (certainly not sent), maybe (nobody knows), dead (it never will be)."""

    def __init__(self, outcome: Literal["retry", "maybe", "dead"], reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.outcome = outcome
        self.wait_s = wait_s


class Adapter(Protocol):
    """One kind of channel. `secret` is the channel's opened secret, or None."""

    def verify(self, request: Request, secret: str | None) -> None:
        """Raise NotProven or NotConfigured unless the request comes from where it says."""

    def parse(self, request: Request, settings: Mapping[str, Any]) -> Sequence[Inbound]:
        """What customers said; raises Unusable."""

    def handshake(self, request: Request, settings: Mapping[str, Any], secret: str | None) -> str | None:
        """The answer to a GET that checks the address; None when this kind has none."""

    async def send(self, http: OutboundClient, message: Outbound, settings: Mapping[str, Any], secret: str | None) -> str | None:
        """Send one message; the provider's id of it, if it gives one. Raises SendFailed."""


@cache
def adapter_of(kind: str) -> Adapter | None:
    """The adapter of a kind of channel that we push to; None for kinds that have none."""
    if not (kind.isidentifier() and (HERE / kind / "adapter.py").is_file()):
        return None
    module = importlib.import_module(f"server.channels.{kind}.adapter")
    adapter: Adapter = module.adapter
    return adapter
