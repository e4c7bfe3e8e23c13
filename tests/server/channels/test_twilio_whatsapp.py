"""WhatsApp by Twilio: buttons that are resources, the window, and the sender."""

from collections.abc import Iterator

import pytest

from server.channels.contract import SendFailed
from server.channels.twilio_whatsapp.adapter import TwilioWhatsAppAdapter
from server.kit.http import OutboundClient
from tests.fakes.channels.twilio import CUSTOMER
from tests.fakes.channels.twilio_whatsapp import FakeTwilioWhatsApp
from tests.server.channels.conftest import Say

HOOK = "https://bot.example.com/hooks/twilio_whatsapp/1"
CHOICES = [{"value": "s", "label": "Small"}, {"value": "l", "label": "Large"}]


@pytest.fixture
def provider() -> Iterator[FakeTwilioWhatsApp]:
    with FakeTwilioWhatsApp() as fake:
        fake.writes("hello")
        yield fake


async def test_the_same_choices_are_made_once(provider: FakeTwilioWhatsApp, http: OutboundClient, say: Say) -> None:
    adapter = TwilioWhatsAppAdapter()
    for _ in range(2):
        await adapter.send(http, say(contact=CUSTOMER, choices=CHOICES), provider.settings, provider.secrets)
    assert len(provider.contents) == 1
    assert [one.choices for one in provider.said] == [("Small", "Large")] * 2
    assert provider.calls[0]["To"] == f"whatsapp:{CUSTOMER}"


async def test_choices_that_twilio_does_not_take_are_said_in_words(provider: FakeTwilioWhatsApp, http: OutboundClient, say: Say) -> None:
    provider.takes_contents = False
    await TwilioWhatsAppAdapter().send(http, say(contact=CUSTOMER, choices=CHOICES), provider.settings, provider.secrets)
    assert provider.calls[0]["Body"] == "Hi\n\n1. Small\n2. Large"


async def test_the_window_lets_templates_through(provider: FakeTwilioWhatsApp, http: OutboundClient, say: Say) -> None:
    provider.heard_at -= 24 * 3600 + 1
    with pytest.raises(SendFailed, match="only an approved template") as failed:
        await TwilioWhatsAppAdapter().send(http, say(contact=CUSTOMER), provider.settings, provider.secrets)
    assert failed.value.outcome == "dead"
    template = {"name": "HX" + "4" * 32, "language": "en", "parameters": ["Ana"]}
    assert await TwilioWhatsAppAdapter().send(http, say(contact=CUSTOMER, template=template), provider.settings, provider.secrets)


async def test_the_sender_is_found_and_told_our_address(provider: FakeTwilioWhatsApp, http: OutboundClient) -> None:
    adapter = TwilioWhatsAppAdapter()
    assert [one.level for one in await adapter.check(http, provider.settings, provider.secrets)] == ["ok", "ok"]
    (told,) = await adapter.connect(http, HOOK, provider.settings, provider.secrets)
    assert (told.level, provider.hook) == ("ok", HOOK)
    other = {**provider.settings, "sender": "+15550001111"}
    assert [one.level for one in await adapter.check(http, other, provider.secrets)] == ["ok", "warning"]
    (told,) = await adapter.connect(http, HOOK, other, provider.secrets)
    assert told.level == "warning"
    assert HOOK in told.message
