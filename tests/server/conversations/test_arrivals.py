"""What an adapter read becomes the flow's input, and what only the adapter knows stays with the conversation."""

from datetime import timedelta
from uuid import UUID

import pytest

from server.channels.contract import Inbound, Media, Place
from server.conversations.arrivals import Hooked, arrival_of
from server.conversations.provider_files import ProviderFiles
from server.kit import clock
from server.kit.secrets import Vault

FILES = ProviderFiles(Vault(b"k" * 32), "https://bot.example.com")
HOOKED = Hooked(UUID(int=1), UUID(int=2), "teams", UUID(int=3))


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (Inbound("1", "29:u1", text="hi"), "message"),
        (Inbound("1", "29:u1", choice="s", text="Small"), "choice"),
        (Inbound("1", "29:u1", media=(Media("file", None, "F1", "a.pdf"),)), "attachment"),
        (Inbound("1", "29:u1", location=Place(1.0, 2.0)), "location"),
        (Inbound("1", "29:u1", unsupported="sticker"), "event_received"),
        (Inbound("1", "29:u1", opens=True), "conversation_started"),
    ],
)
def test_each_kind_of_news_is_an_input_of_its_own(said: Inbound, kind: str) -> None:
    arrival = arrival_of(HOOKED, said, FILES)
    assert arrival.input["kind"] == kind
    assert (arrival.key, arrival.stale) == ("hook:1", False)


def test_what_is_a_week_old_is_stale_and_what_comes_from_the_future_is_from_now() -> None:
    now = clock.now()
    ages = [now - timedelta(days=7, seconds=1), now - timedelta(days=6), now + timedelta(hours=1)]
    arrivals = [arrival_of(HOOKED, Inbound("1", "29:u1", text="hi", at=at), FILES) for at in ages]
    assert [one.stale for one in arrivals] == [True, False, False]
    assert arrivals[-1].heard_at is not None
    assert arrivals[-1].heard_at < now + timedelta(minutes=1)
