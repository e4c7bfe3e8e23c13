"""The keys of the Bot Connector: asked for once and kept, again within limits, and never from elsewhere."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from server.channels.contract import NotConfigured, NotProven, Request
from server.channels.teams.adapter import KEYS, TeamsAdapter
from server.channels.teams.keys import AWAY_AGAIN, KEPT, STALE, UNKNOWN_AGAIN, NoKeys, PublishedKeys, fetch_keys
from server.kit.http import OutboundClient
from tests.fakes.channels.teams import KEY_ID, FakeTeams, published_key
from tests.fakes.http import Request as Asked

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Connector(FakeTeams):
    """May be away, or lead to keys elsewhere."""

    away = False
    keys_url = ""

    def take(self, request: Asked) -> Any:
        if self.away:
            return {"keys": "gone"}
        told = super().take(request)
        return told | {"jwks_uri": self.keys_url} if self.keys_url and "jwks_uri" in told else told


@pytest.fixture
def provider() -> Iterator[Connector]:
    with Connector() as fake:
        yield fake


def asked(provider: FakeTeams) -> int:
    """How often the keys were asked for."""
    return sum(request.path.endswith("openidconfiguration") for request in provider.requests)


class Clock:
    """Asks for a key at a moment, and tells whether it was there; None when no keys were."""

    def __init__(self, http: OutboundClient, url: str) -> None:
        self.http, self.url, self.kept = http, url, PublishedKeys()

    async def at(self, passed: timedelta, key_id: str = KEY_ID) -> bool | None:
        found = await self.kept.jwks(self.http, self.url, key_id, NOON + passed)
        return None if found is None else bool(json.loads(found)["keys"])


@pytest.fixture
def keys(http: OutboundClient, provider: Connector) -> Clock:
    return Clock(http, provider.openid_url)


ZERO, SECOND = timedelta(), timedelta(seconds=1)


async def test_they_are_kept_for_a_day(provider: Connector, keys: Clock) -> None:
    assert await asyncio.gather(*(keys.at(ZERO) for _ in range(20))) == [True] * 20
    assert await keys.at(KEPT - SECOND)
    assert asked(provider) == 1, "those who come at once ask once"
    assert await keys.at(KEPT)
    assert asked(provider) == 2
    provider.keys = [published_key(key_id="new")]
    assert await keys.at(2 * KEPT) is False, "a key that is published no more is believed no more"


async def test_made_up_keys_make_us_ask_once_an_hour(provider: Connector, keys: Clock) -> None:
    assert await keys.at(ZERO)
    for minute in range(60):
        assert await keys.at(timedelta(minutes=minute), f"made-up-{minute}") is False
    assert asked(provider) == 1
    provider.keys.append(published_key(key_id="new"))
    assert await keys.at(UNKNOWN_AGAIN, "new")
    assert asked(provider) == 2


async def test_while_the_connector_is_away_the_old_ones_count(provider: Connector, keys: Clock) -> None:
    provider.away = True
    assert await keys.at(ZERO) is None
    assert await keys.at(AWAY_AGAIN - SECOND) is None
    assert asked(provider) == 1, "it is not asked for every request that comes in"
    provider.away = False
    assert await keys.at(AWAY_AGAIN)
    provider.away = True
    assert await keys.at(KEPT + AWAY_AGAIN)
    assert await keys.at(STALE), "nearly too old"
    assert await keys.at(STALE + 2 * AWAY_AGAIN) is False


async def test_keys_elsewhere_are_not_believed(provider: Connector, http: OutboundClient) -> None:
    for elsewhere in ("https://evil.example/keys", "http://[", "/v1/.well-known/keys"):
        provider.keys_url = elsewhere
        with pytest.raises(NoKeys, match="another host"):
            await fetch_keys(http, provider.openid_url)
    provider.keys_url, provider.keys = "", []
    with pytest.raises(NoKeys, match="no keys"):
        await fetch_keys(http, provider.openid_url)


async def test_only_a_token_makes_us_ask(provider: Connector, http: OutboundClient) -> None:
    adapter, body = TeamsAdapter(), json.dumps(provider.activity(text="hi")).encode()

    async def take(authorization: str) -> None:
        request = Request("POST", {"authorization": authorization}, {}, body, datetime.now(UTC))
        published = await adapter.published(http, request, provider.settings)
        adapter.verify(request, provider.settings, {**provider.secrets, **published})

    for nothing in ("", "Bearer", "Bearer a.b.c", "Basic YTpi", f"Bearer {provider.token()} x", f"Bearer {provider.token()}" + "A" * 9_000):
        with pytest.raises(NotProven):
            await take(nothing)
    assert asked(provider) == 0
    await take(f"Bearer {provider.token()}")
    await take(f"bearer {provider.token()}")
    assert asked(provider) == 1
    provider.away = True
    away = TeamsAdapter()
    request = Request("POST", {"authorization": f"Bearer {provider.token()}"}, {}, body, datetime.now(UTC))
    assert await away.published(http, request, provider.settings) == {}
    with pytest.raises(NotConfigured, match="connector keys"):
        away.verify(request, provider.settings, provider.secrets)
    assert KEYS not in provider.secrets
