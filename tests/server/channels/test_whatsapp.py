"""WhatsApp when things go wrong, and what its live check says."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from server.channels.contract import NotFetched, SendFailed
from server.channels.whatsapp.adapter import adapter
from server.kit import clock
from server.kit.http import OutboundClient
from tests.fakes.channels.graph_api import error
from tests.fakes.channels.provider import Fault
from tests.fakes.channels.whatsapp import PHONE, WABA, FakeWhatsApp
from tests.fakes.http import FakeServer
from tests.server.channels.conftest import Say


@pytest.fixture
def provider() -> Iterator[FakeWhatsApp]:
    with FakeWhatsApp() as fake:
        fake.writes("hi")
        yield fake


def refusal(code: int, status: int = 400) -> Fault:
    return Fault(status, error(status, code, "so it is").body)


@pytest.mark.parametrize(
    ("fault", "outcome", "blocks"),
    [
        (refusal(130429, 429), "retry", False),
        (refusal(131056), "retry", False),
        (refusal(131000, 500), "retry", False),
        (Fault(503), "retry", False),
        (refusal(131047), "dead", False),
        (refusal(131026), "dead", False),
        (refusal(131049), "dead", False),
        (refusal(132001, 404), "dead", False),
        (refusal(190, 401), "retry", True),
        (refusal(200, 403), "retry", True),
        (refusal(131048), "retry", True),
        (Fault(200, ["garbage"]), "dead", False),
        (Fault(took_it=True), "maybe", False),
    ],
)
async def test_a_failure_says_whether_to_send_again(
    provider: FakeWhatsApp, http: OutboundClient, say: Say, fault: Fault, outcome: str, blocks: bool
) -> None:
    provider.faults = [fault]
    with pytest.raises(SendFailed) as failed:
        await adapter.send(http, say(contact=PHONE), provider.settings, provider.secrets)
    assert (failed.value.outcome, failed.value.blocks) == (outcome, blocks)


async def test_the_window_of_24_hours_lets_templates_through(provider: FakeWhatsApp, http: OutboundClient, say: Say) -> None:
    provider.heard_at -= 24 * 3600 + 1
    with pytest.raises(SendFailed, match="only an approved template") as failed:
        await adapter.send(http, say(contact=PHONE), provider.settings, provider.secrets)
    assert failed.value.outcome == "dead"
    template = {"name": "hello", "language": "en_US", "parameters": ["Ana"]}
    assert await adapter.send(http, say(contact=PHONE, template=template), provider.settings, provider.secrets) == "wamid.B1"


async def test_whoever_has_no_phone_number_is_answered_by_user_id(provider: FakeWhatsApp, http: OutboundClient, say: Say) -> None:
    await adapter.send(http, say(contact="US.13491208655302741918"), provider.settings, provider.secrets)
    assert "to" not in provider.calls[0]
    assert provider.calls[0]["biz_opaque_callback_data"] == "c:1"


async def test_the_live_check_says_which_of_the_three_is_wrong(provider: FakeWhatsApp, http: OutboundClient) -> None:
    found = await adapter.check(http, provider.settings, provider.secrets)
    assert [finding.level for finding in found] == ["ok", "ok"]
    assert found[0].message == "They belong to Acme, +1 555-078-3881."
    for settings, secrets, title in (
        ({}, {"access_token": "EAAGwrong"}, "Access token"),
        ({"phone_number_id": "999999"}, {}, "Phone number id"),
        ({}, {"app_secret": "of_another_app_0123456789"}, "App secret"),
    ):
        wrong = await adapter.check(http, {**provider.settings, **settings}, {**provider.secrets, **secrets})
        assert [finding.title for finding in wrong if finding.level == "error"] == [title]
    provider.quality = "RED"
    assert [finding.level for finding in await adapter.check(http, provider.settings, provider.secrets)] == ["ok", "warning", "ok"]


async def test_a_message_is_marked_as_read_alone_or_with_a_sign_of_typing(provider: FakeWhatsApp, http: OutboundClient) -> None:
    place = {"to": PHONE, "message_id": "wamid.A1"}
    await adapter.mark_read(http, PHONE, place, provider.settings, provider.secrets)
    assert (provider.read, provider.typing) == (["wamid.A1"], [])
    await adapter.show_typing(http, PHONE, place, provider.settings, provider.secrets)
    assert (provider.read, provider.typing) == (["wamid.A1"] * 2, ["wamid.A1"])
    for where, settings in (({"to": PHONE}, {}), (place, {"read_marks": "no"}), ({"message_id": "wamid.unknown"}, {})):
        with pytest.raises(SendFailed):
            await adapter.show_typing(http, PHONE, where, provider.settings | settings, provider.secrets)
    assert provider.calls == []


async def test_what_meta_cannot_get_is_given_to_it(provider: FakeWhatsApp, http: OutboundClient, say: Say) -> None:
    with FakeServer(lambda request, to: to.send(200, b"%PDF-1.4", {"Content-Type": "application/pdf"})) as shop:
        near = OutboundClient({provider.host, shop.host})
        link = f"{shop.url}/files/offer.pdf"
        media = [{"kind": "file", "url": link, "alt": "Our offer"}]
        assert await adapter.send(near, say(contact=PHONE, text="", media=media), provider.settings, provider.secrets) == "wamid.B1"
        await near.close()
    sent = {"id": "MEDIA100", "caption": "Our offer", "filename": "Our offer"}
    assert (provider.calls[0]["document"], provider.uploads) == (sent, {"MEDIA100": ("Our offer", "application/pdf")})
    provider.unreachable = {"https://127.0.0.1:1/a.png"}
    media = [{"kind": "image", "url": "https://127.0.0.1:1/a.png", "alt": ""}]
    with pytest.raises(SendFailed, match="Neither Meta nor this server") as failed:
        await adapter.send(http, say(contact=PHONE, text="", media=media), provider.settings, provider.secrets)
    assert failed.value.outcome == "dead"


async def test_the_live_check_knows_where_meta_posts(provider: FakeWhatsApp, http: OutboundClient) -> None:
    for told, level in (("", "error"), ("https://elsewhere.example/hook", "warning"), ("https://bot.example/hooks/whatsapp/1", "ok")):
        provider.hook_url = told
        found = await adapter.connect(http, "https://bot.example/hooks/whatsapp/1", provider.settings, provider.secrets)
        assert [finding.level for finding in found] == [level]
    assert provider.subscribed == [WABA] * 3


async def test_the_live_check_knows_what_the_token_may_do_and_when_it_ends(provider: FakeWhatsApp, http: OutboundClient) -> None:
    provider.hook_url = "https://bot.example/hooks/whatsapp/1"
    now = clock.now()
    for ends, level in ((now + timedelta(hours=23), "warning"), (now - timedelta(hours=1), "error")):
        provider.scopes, provider.token_ends = ("whatsapp_business_messaging",), int(ends.timestamp())
        found = await adapter.connect(http, provider.hook_url, provider.settings, provider.secrets)
        assert [(finding.level, finding.title) for finding in found] == [
            ("error", "Permissions"),
            (level, "End of the token"),
            ("ok", "Webhook"),
        ]
    assert "whatsapp_business_management" in found[0].message
    assert provider.subscribed == []


async def test_our_token_goes_to_meta_only(provider: FakeWhatsApp, http: OutboundClient) -> None:
    assert (await adapter.fetch(http, "MEDIA1", provider.settings, provider.secrets)).content.startswith(b"%PDF")
    for ref in ("../me", "MEDIA2", "x/y"):
        with pytest.raises(NotFetched):
            await adapter.fetch(http, ref, provider.settings, provider.secrets)
