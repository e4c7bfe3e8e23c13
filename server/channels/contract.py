"""What a channel's adapter does: prove who sent something, read it, and send what the bot says. One folder per kind of channel."""

import importlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

from server.kit.http import OutboundClient

HERE = Path(__file__).parent
PREVIOUS = ".previous"

Settings = Mapping[str, Any]
Secrets = Mapping[str, str]
"""A channel's opened secrets by the names in its channel.json. While one is rotated, the value before it stands under `<name>.previous`."""


def valid(secrets: Secrets, name: str) -> list[str]:
    """The values of a secret that count now, the newest first; raises NotConfigured when there is none."""
    found = [secret for key in (name, name + PREVIOUS) if (secret := secrets.get(key))]
    if not found:
        raise NotConfigured(f"it has no {name.replace('_', ' ')} yet")
    return found


@dataclass(frozen=True, slots=True)
class Request:
    """A webhook's request as it arrived. Header names are lower case; `doubled` names the headers and query parameters that came twice.

    `url` is the address that the provider was given, with the query: signatures over addresses are over this one.
    """

    method: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    at: datetime
    doubled: frozenset[str] = frozenset()
    url: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider is answered."""

    status: int = 200
    body: bytes = b""
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a customer is: degrees north and east (WGS 84), and a name or address if there is one."""

    latitude: float
    longitude: float
    label: str = ""


@dataclass(frozen=True, slots=True)
class Media:
    """A file of a customer: at an address anybody can read, at one that the adapter's `fetch` gets with `provider_ref`, or its `content`.

    What came with its content is kept by us, and is `kept_as` then.
    """

    kind: Literal["image", "audio", "video", "file", "sticker"]
    url: str | None = None
    provider_ref: str | None = None
    name: str = ""
    media_type: str = "application/octet-stream"
    size: int | None = None
    caption: str = ""
    content: bytes | None = None
    kept_as: str = ""


@dataclass(frozen=True, slots=True)
class File:
    """A file got from a provider."""

    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Inbound:
    """One thing a customer said: a text, a choice, files or a location. `key` is the provider's id of it.

    `at` is the provider's time of it. `thread` tells conversations of one contact apart (a Slack thread, a post). `reply_place` is what
    the adapter needs to answer there; it is kept with the conversation. `unsupported` names what the provider could not pass on. What only
    `continues` is taken when the contact has an open conversation in the thread, and begins none. One who `opens` the chat has said nothing
    yet: they are greeted, unless a conversation is open. An `event` with its `payload` is nothing they said, but something that they did.
    """

    key: str
    contact_id: str
    text: str | None = None
    choice: str | None = None
    contact_name: str | None = None
    language: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    location: Place | None = None
    media: tuple[Media, ...] = ()
    at: datetime | None = None
    thread: str | None = None
    reply_place: Mapping[str, Any] = field(default_factory=dict)
    unsupported: str | None = None
    continues: bool = False
    opens: bool = False
    event: str | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)


State = Literal["sent", "delivered", "read", "failed"]


@dataclass(frozen=True, slots=True)
class Status:
    """What became of a message of ours, by the provider's id of it. States only move up; failed is final."""

    provider_id: str
    state: State
    at: datetime
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Watermark:
    """All our messages to a contact (in a `thread`) up to a moment got so far: what providers say that do not name messages."""

    contact_id: str
    state: Literal["delivered", "read"]
    until: datetime
    thread: str | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """What a request of the provider says, and what it is answered once that is stored."""

    messages: Sequence[Inbound] = ()
    statuses: Sequence[Status] = ()
    answer: Answer = Answer()
    watermarks: Sequence[Watermark] = ()


@dataclass(frozen=True, slots=True)
class Outbound:
    """One message of the bot. `key` stays the same however often it is sent.

    `place` is the `reply_place` of what the customer said last, `heard_at` the provider's time of it. `parts_sent` of what `render` makes
    of the message were sent before.
    """

    key: str
    conversation_id: str
    contact_id: str
    seq: int
    body: Mapping[str, Any]
    at: datetime
    place: Mapping[str, Any] = field(default_factory=dict)
    heard_at: datetime | None = None
    parts_sent: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the live check of a channel looked at: what it is, what is wrong with it and what to do.

    `learned` are settings that the provider told us; they are kept.
    """

    level: Literal["ok", "warning", "error"]
    title: str
    message: str = ""
    learned: Mapping[str, str] = field(default_factory=dict)


class NotProven(Exception):
    """The request does not prove that it comes from the channel's other side."""


class Unusable(Exception):
    """The request is proven but says nothing we can use; asking the provider to send it again would not help."""


class NotConfigured(Exception):
    """The channel has no secret yet, or no address: nothing may be taken or sent."""


class NotFetched(Exception):
    """A customer's file cannot be got from the provider."""


class SendFailed(Exception):
    """A message was not sent. `outcome`: retry (certainly not sent), maybe (nobody knows), dead (it never will be).

    `parts_sent` of its parts certainly were. `blocks` says that nothing can be sent to anybody until a person mends the channel.
    """

    def __init__(
        self,
        outcome: Literal["retry", "maybe", "dead"],
        reason: str,
        wait_s: float | None = None,
        *,
        parts_sent: int = 0,
        blocks: bool = False,
    ) -> None:
        super().__init__(reason)
        self.outcome = outcome
        self.wait_s = wait_s
        self.parts_sent = parts_sent
        self.blocks = blocks


class Adapter(ABC):
    """One kind of channel. `verify`, `parse`, `handshake` and `render` are pure: the request carries the time."""

    async def published(self, http: OutboundClient, request: Request, settings: Settings) -> Secrets:
        """What the provider publishes and `verify` needs, such as its public keys: `verify` finds it among the secrets, under these names.

        Anybody may make us ask: it is kept, and asked for again within limits. Empty when there is nothing, or the provider is away.
        """
        return {}

    @abstractmethod
    def verify(self, request: Request, settings: Settings, secrets: Secrets) -> None:
        """Raise NotProven or NotConfigured unless the request comes from where it says."""

    @abstractmethod
    def parse(self, request: Request, settings: Settings) -> Received:
        """What a proven request says; raises Unusable."""

    async def completed(self, http: OutboundClient, received: Received, settings: Settings, secrets: Secrets) -> Received:
        """What a proven request only points at, got from a provider that tells no more, before it is stored.

        Raises NotFetched while the provider is away: it is asked to send the request again.
        """
        return received

    def handshake(self, request: Request, settings: Settings, secrets: Secrets) -> Answer | None:
        """The answer to a GET that checks the address; None when this kind has none. Raises NotConfigured."""
        return None

    @abstractmethod
    def render(self, body: Mapping[str, Any], settings: Settings) -> Sequence[Mapping[str, Any]]:
        """What the provider is sent for one message of the bot, without the address: several parts when one cannot hold it."""

    def parts(self, message: Outbound, settings: Settings) -> Sequence[Mapping[str, Any]]:
        """What is sent for a message, in order, where the place it goes to makes a difference: a direct message or a public post."""
        return self.render(message.body, settings)

    @abstractmethod
    async def send_part(
        self, http: OutboundClient, part: Mapping[str, Any], message: Outbound, settings: Settings, secrets: Secrets
    ) -> str | None:
        """Send one part of a message; the provider's id of it, if it gives one. Raises SendFailed."""

    async def send(self, http: OutboundClient, message: Outbound, settings: Settings, secrets: Secrets) -> str | None:
        """Send what is left of a message; the provider's id of its last part. Raises SendFailed."""
        provider_id = None
        parts = self.parts(message, settings)
        for number, part in enumerate(parts[message.parts_sent :], start=message.parts_sent):
            try:
                provider_id = await self.send_part(http, part, message, settings, secrets)
            except SendFailed as failed:
                raise SendFailed(failed.outcome, str(failed), failed.wait_s, parts_sent=number, blocks=failed.blocks) from None
        return provider_id

    async def mark_read(
        self, http: OutboundClient, contact_id: str, place: Mapping[str, Any], settings: Settings, secrets: Secrets
    ) -> None:
        """Show the customer that what they wrote was read; `place` is its `reply_place`. Kinds that can do it override it.

        A courtesy: SendFailed only goes to the log, and nothing is tried again.
        """
        raise SendFailed("dead", "This kind of channel has no read marks.")

    async def show_typing(
        self, http: OutboundClient, contact_id: str, place: Mapping[str, Any], settings: Settings, secrets: Secrets
    ) -> None:
        """Show the customer that an answer is being written, until it comes or for some seconds; a courtesy like `mark_read`."""
        raise SendFailed("dead", "This kind of channel cannot show that somebody writes.")

    async def check(self, http: OutboundClient, settings: Settings, secrets: Secrets) -> Sequence[Finding]:
        """Ask the provider whether everything is in place, for the person who sets the channel up. Never raises."""
        return ()

    async def connect(self, http: OutboundClient, hook_url: str, settings: Settings, secrets: Secrets) -> Sequence[Finding]:
        """Tell the provider our address, where it can be told; nothing where a person has to."""
        return ()

    async def fetch(self, http: OutboundClient, provider_ref: str, settings: Settings, secrets: Secrets) -> File:
        """A customer's file; raises NotFetched."""
        raise NotFetched("This kind of channel has no files.")


@cache
def adapter_of(kind: str) -> Adapter | None:
    """The adapter of a kind of channel that we push to; None for kinds that have none."""
    if not (kind.isidentifier() and (HERE / kind / "adapter.py").is_file()):
        return None
    module = importlib.import_module(f"server.channels.{kind}.adapter")
    adapter: Adapter = module.adapter
    return adapter
