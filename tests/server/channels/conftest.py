"""A client that may call the fake providers, and messages of the bot to send."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from server.channels.contract import Outbound
from server.kit import clock
from server.kit.http import OutboundClient
from tests.fakes.channels.provider import FakeProvider

Say = Callable[..., Outbound]


@pytest.fixture
async def http(provider: FakeProvider) -> AsyncIterator[OutboundClient]:
    """May call the provider."""
    client = OutboundClient({provider.host})
    yield client
    await client.close()


@pytest.fixture
def say() -> Say:
    """Makes a message of the bot."""

    def make(text: str = "Hi", *, contact: str = "U1", parts_sent: int = 0, place: Any = None, **body: Any) -> Outbound:
        at = clock.now()
        said = {"type": "text", "text": text, **body}
        return Outbound("c:1", "c", contact, 1, said, at, place or {}, at, parts_sent)

    return make
