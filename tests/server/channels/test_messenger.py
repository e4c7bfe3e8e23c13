"""Messenger when things go wrong, what its live check says and does, and how the customer is seen."""

from collections.abc import Iterator

import pytest

from server.channels.contract import NotFetched, SendFailed
from server.channels.messenger.adapter import adapter
from server.channels.messenger.menu import profile_of
from server.kit.http import OutboundClient
from tests.fakes.channels.graph_api import error
from tests.fakes.channels.messenger import FIELDS, PSID, FakeMessenger
from tests.fakes.channels.provider import Fault
from tests.server.channels.conftest import Say

HOOK = "https://bot.example/hooks/messenger/1"


@pytest.fixture
def provider() -> Iterator[FakeMessenger]:
    with FakeMessenger() as fake:
        fake.writes("hi")
        yield fake


def refusal(code: int, status: int = 400, subcode: int | None = None, wait_min: int | None = None) -> Fault:
    usage = '{"104212345678901":[{"type":"messenger","estimated_time_to_regain_access":%s}]}'
    headers = {} if wait_min is None else {"X-Business-Use-Case-Usage": usage % wait_min}
    return Fault(status, error(status, code, "so it is", subcode).body, headers)


@pytest.mark.parametrize(
    ("fault", "outcome", "blocks", "wait_s"),
    [
        (refusal(4, 400), "retry", False, None),
        (refusal(80006, 400, wait_min=3), "retry", False, 180.0),
        (refusal(613, 429), "retry", False, None),
        (refusal(1200, 500), "retry", False, None),
        (Fault(503, headers={"Retry-After": "7"}), "retry", False, 7.0),
        (refusal(10, 400, 2018278), "dead", False, None),
        (refusal(10, 400, 1893063), "retry", True, None),
        (refusal(551), "dead", False, None),
        (refusal(100, 400, 2018001), "dead", False, None),
        (refusal(200, 403, 1545041), "dead", False, None),
        (refusal(190, 401), "retry", True, None),
        (refusal(200, 403), "retry", True, None),
        (Fault(200, ["garbage"]), "dead", False, None),
        (Fault(took_it=True), "maybe", False, None),
    ],
)
async def test_a_failure_says_whether_to_send_again(
    provider: FakeMessenger, http: OutboundClient, say: Say, fault: Fault, outcome: str, blocks: bool, wait_s: float | None
) -> None:
    provider.faults = [fault]
    with pytest.raises(SendFailed) as failed:
        await adapter.send(http, say(contact=PSID), provider.settings, provider.secrets)
    assert (failed.value.outcome, failed.value.blocks, failed.value.wait_s) == (outcome, blocks, wait_s)


async def test_nothing_is_sent_outside_the_window_of_24_hours(provider: FakeMessenger, http: OutboundClient, say: Say) -> None:
    provider.heard_at -= 24 * 3600 + 1
    template = {"name": "hello", "language": "en_US", "parameters": ["Ana"]}
    with pytest.raises(SendFailed, match="until they write again") as failed:
        await adapter.send(http, say(contact=PSID, template=template), provider.settings, provider.secrets)
    assert failed.value.outcome == "dead"


async def test_our_key_goes_with_a_message_and_a_stranger_gets_none(provider: FakeMessenger, http: OutboundClient, say: Say) -> None:
    assert await adapter.send(http, say(contact=PSID), provider.settings, provider.secrets) == "m_B1"
    assert provider.calls[0]["metadata"] == "c:1"
    with pytest.raises(SendFailed, match="cannot be written to"):
        await adapter.send(http, say(contact="1"), provider.settings, provider.secrets)
    with pytest.raises(SendFailed, match="no access token") as failed:
        await adapter.send(http, say(contact=PSID), provider.settings, {})
    assert failed.value.blocks


async def test_the_customer_sees_that_they_were_read_and_that_somebody_writes(provider: FakeMessenger, http: OutboundClient) -> None:
    await adapter.mark_read(http, PSID, {}, provider.settings, provider.secrets)
    await adapter.show_typing(http, PSID, {}, provider.settings, provider.secrets)
    assert (provider.actions, provider.broken) == (["mark_seen", "typing_on"], [])


async def test_the_live_check_says_which_of_the_three_is_wrong(provider: FakeMessenger, http: OutboundClient) -> None:
    found = await adapter.check(http, provider.settings, provider.secrets)
    assert [(finding.level, finding.message) for finding in found[:1]] == [("ok", "They are those of Acme.")]
    assert [finding.level for finding in found] == ["ok", "ok"]
    for settings, secrets, title in (
        ({}, {"access_token": "EAAGwrong"}, "Page access token"),
        ({"page_id": "999999"}, {}, "Page id"),
        ({}, {"app_secret": "of_another_app_0123456789"}, "App secret"),
    ):
        wrong = await adapter.check(http, {**provider.settings, **settings}, {**provider.secrets, **secrets})
        assert [finding.title for finding in wrong if finding.level == "error"] == [title]


async def test_connecting_subscribes_the_page_and_sets_its_menu(provider: FakeMessenger, http: OutboundClient) -> None:
    for address, level in (("", "error"), ("https://elsewhere.example", "warning"), (HOOK, "ok")):
        provider.hook_url = address
        found = await adapter.connect(http, HOOK, provider.settings, provider.secrets)
        assert [finding.level for finding in found] == ["ok", level]
    assert provider.subscribed == FIELDS
    assert [entry["title"] for entry in provider.profile["persistent_menu"][0]["call_to_actions"]] == ["Track my order", "Shop"]
    await adapter.connect(http, HOOK, {**provider.settings, "menu": ""}, provider.secrets)
    assert provider.profile == {"get_started": {"payload": "~"}}
    provider.scopes, provider.token_ends = ("pages_messaging",), 1
    found = await adapter.connect(http, HOOK, provider.settings, provider.secrets)
    assert [finding.title for finding in found if finding.level == "error"] == ["Permissions", "End of the token"]


def test_a_menu_says_words_or_opens_pages() -> None:
    entries = profile_of(" Track my order |Shop = https://shop.example/a=b|| ")["persistent_menu"][0]["call_to_actions"]
    assert entries == [
        {"type": "postback", "title": "Track my order", "payload": "~Track my order"},
        {"type": "web_url", "title": "Shop", "url": "https://shop.example/a=b"},
    ]


async def test_files_are_got_from_meta_only(provider: FakeMessenger, http: OutboundClient) -> None:
    got = await adapter.fetch(http, f"{provider.url}/v/t59.2708-21/a.pdf", provider.settings, provider.secrets)
    assert got.content.startswith(b"%PDF")
    assert "authorization" not in provider.requests[-1].headers
    for ref in ("https://evil.example/a", "https://fbcdn.net.evil.example/a", "http://scontent.fbcdn.net/a", "file:///etc/passwd", "x"):
        with pytest.raises(NotFetched):
            await adapter.fetch(http, ref, provider.settings, provider.secrets)
