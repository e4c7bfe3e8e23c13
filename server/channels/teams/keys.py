"""The public keys with which the Bot Connector signs: found by its OpenID metadata, kept for a day, asked for again within limits."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import msgspec

from server.channels.payload import parts_of, text_of
from server.channels.provider import told
from server.kit.http import OutboundClient, OutboundFailed, OutboundRefused

KEPT = timedelta(hours=24)
"""How old the keys may get before they are asked for again."""
STALE = timedelta(days=5)
"""How old they may get while the provider cannot be reached."""
UNKNOWN_AGAIN = timedelta(hours=1)
"""How often at most a token with an unknown key makes us ask: anybody can make up such tokens."""
AWAY_AGAIN = timedelta(minutes=1)
"""How soon at the earliest the provider is asked again when it could not be reached."""
MOST_ADDRESSES = 64
TIMEOUT_S = 5.0
MOST_BYTES = 512_000

log = logging.getLogger(__name__)

Key = Mapping[str, Any]


@dataclass(slots=True)
class _Kept:
    """The keys of one address, by their ids. `asking` is there while they are asked for."""

    keys: Mapping[str, Key] = field(default_factory=dict)
    got_at: datetime | None = None
    asked_at: datetime | None = None
    asking: asyncio.Task[None] | None = None

    def wanted(self, key_id: str, at: datetime) -> bool:
        """Whether to ask now for the sake of this key."""
        if self.asked_at is None:
            return True
        if self.got_at is None or self.got_at != self.asked_at or abs(at - self.got_at) >= KEPT:
            return abs(at - self.asked_at) >= AWAY_AGAIN
        return key_id not in self.keys and abs(at - self.asked_at) >= UNKNOWN_AGAIN

    def get(self, key_id: str, at: datetime) -> Key | None:
        """The key, unless it is too old to be believed."""
        return self.keys.get(key_id) if self.got_at is not None and abs(at - self.got_at) < STALE else None

    @property
    def ready(self) -> bool:
        """Whether any keys are known."""
        return self.got_at is not None


class PublishedKeys:
    """Keeps the keys of some addresses of OpenID metadata. One for each process; safe to use from many tasks of one event loop."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    async def jwks(self, http: OutboundClient, metadata_url: str, key_id: str, at: datetime) -> str | None:
        """The key with this id as a JSON Web Key Set, an empty set when there is no such key; None when no keys could be got at all."""
        kept = self._kept.setdefault(metadata_url, _Kept())
        self._kept.move_to_end(metadata_url)
        if len(self._kept) > MOST_ADDRESSES:
            self._kept.popitem(last=False)
        if (kept.asking is None or kept.asking.done()) and kept.wanted(key_id, at):
            kept.asking = asyncio.create_task(_ask(http, metadata_url, kept, at))
        if kept.asking is not None and not kept.asking.done() and (kept.get(key_id, at) is None or abs(at - (kept.got_at or at)) >= KEPT):
            await asyncio.shield(kept.asking)
        if not kept.ready:
            return None
        found = kept.get(key_id, at)
        return msgspec.json.encode({"keys": [] if found is None else [found]}).decode()


async def _ask(http: OutboundClient, metadata_url: str, kept: _Kept, at: datetime) -> None:
    kept.asked_at = at
    try:
        kept.keys = await fetch_keys(http, metadata_url)
        kept.got_at = at
    except NoKeys as error:
        log.warning("the keys of %s cannot be got: %s", metadata_url, error)


class NoKeys(Exception):
    """The keys cannot be got; the text says why."""


async def fetch_keys(http: OutboundClient, metadata_url: str) -> dict[str, Key]:
    """The keys that OpenID metadata lead to (OpenID Connect Discovery 1.0, RFC 7517), by their ids; raises NoKeys."""
    metadata = await _get(http, metadata_url)
    keys_url = text_of(metadata, "jwks_uri")
    if _origin(keys_url) != _origin(metadata_url):
        raise NoKeys(f"The metadata lead to keys on another host: {keys_url[:200]!r}.")
    keys = {text_of(key, "kid"): key for key in parts_of(await _get(http, keys_url), "keys") if text_of(key, "kid")}
    if not keys:
        raise NoKeys("There are no keys.")
    return keys


async def _get(http: OutboundClient, url: str) -> Mapping[str, Any]:
    try:
        answer = await http.request("GET", url, timeout_s=TIMEOUT_S, max_bytes=MOST_BYTES)
    except (OutboundRefused, OutboundFailed) as error:
        raise NoKeys(str(error)) from None
    if answer.status != 200:
        raise NoKeys(f"{url} answers {answer.status}.")
    return told(answer).data


def _origin(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc
