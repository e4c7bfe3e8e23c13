"""X when things go wrong, what is posted in public, and what its live check says."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from server.channels.contract import Finding, NotConfigured, NotFetched, Request, SendFailed
from server.channels.x.adapter import adapter
from server.channels.x.messages import post_parts, weight
from server.channels.x.oauth import Keys, authorization
from server.kit.http import OutboundClient
from tests.fakes.channels.provider import Fault
from tests.fakes.channels.x import ACCOUNT, PERSON, STRANGER, FakeX
from tests.server.channels.conftest import Say

HOOK = "https://bot.example.com/hooks/x/1"


@pytest.fixture
def provider() -> Iterator[FakeX]:
    with FakeX() as fake:
        yield fake


def refusal(status: int, problem: str, **headers: str) -> Fault:
    return Fault(status, {"title": "No", "detail": "So it is.", "type": f"https://api.twitter.com/2/problems/{problem}"}, headers)


@pytest.mark.parametrize(
    ("fault", "outcome", "blocks"),
    [
        (Fault(500), "retry", False),
        (Fault(503), "retry", False),
        (refusal(400, "invalid-request"), "dead", False),
        (refusal(403, "not-authorized-for-resource"), "dead", False),
        (refusal(403, "client-not-enrolled"), "retry", True),
        (refusal(403, "oauth1-permissions"), "retry", True),
        (refusal(402, "credits"), "retry", True),
        (refusal(401, "about:blank"), "retry", True),
        (Fault(200, ["garbage"]), "dead", False),
        (Fault(took_it=True), "maybe", False),
    ],
)
async def test_a_failure_says_whether_to_send_again(
    provider: FakeX, http: OutboundClient, say: Say, fault: Fault, outcome: str, blocks: bool
) -> None:
    provider.faults = [fault]
    with pytest.raises(SendFailed) as failed:
        await adapter.send(http, say(contact=PERSON), provider.settings, provider.secrets)
    assert (failed.value.outcome, failed.value.blocks) == (outcome, blocks)
    assert len(provider.calls) == fault.took_it


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"x-rate-limit-remaining": "0", "x-rate-limit-reset": "+600"}, 600),
        ({"x-rate-limit-remaining": "3", "x-rate-limit-reset": "+600", "x-app-limit-24hour-reset": "+9000"}, 9_000),
        ({"x-rate-limit-reset": "never"}, 900),
        ({"retry-after": "7"}, 7),
    ],
)
async def test_x_says_when_it_takes_messages_again(
    provider: FakeX, http: OutboundClient, say: Say, headers: dict[str, str], wait_s: float
) -> None:
    now = int(time.time())
    told = {name: str(now + int(value)) if value.startswith("+") else value for name, value in headers.items()}
    provider.faults = [Fault(429, {"title": "Too Many Requests"}, told)]
    with pytest.raises(SendFailed) as failed:
        await adapter.send(http, say(contact=PERSON), provider.settings, provider.secrets)
    assert failed.value.outcome == "retry"
    assert failed.value.wait_s == pytest.approx(wait_s, abs=30)


async def test_a_picture_is_uploaded_and_comes_with_the_words(provider: FakeX, http: OutboundClient, say: Say) -> None:
    shoe = {"kind": "image", "url": f"{provider.url}/shoe.png", "alt": "A shoe"}
    await adapter.send(http, say("Look", contact=PERSON, media=[shoe]), provider.settings, provider.secrets)
    assert provider.calls == [{"text": "Look", "attachments": [{"media_id": "91"}]}]
    assert (provider.uploads[0]["media_category"], provider.uploads[0]["media_type"]) == ("dm_image", "image/png")
    lost = {**shoe, "url": f"{provider.url}/lost.png"}
    await adapter.send(http, say("Look", contact=PERSON, media=[lost]), provider.settings, provider.secrets)
    assert provider.calls[1] == {"text": f"Look\n\nA shoe: {lost['url']}"}


async def test_a_mention_is_answered_under_its_post(provider: FakeX, http: OutboundClient, say: Say) -> None:
    long = "word " * 100
    await adapter.send(http, say(long, contact=PERSON, place={"post_id": "30"}), provider.settings, provider.secrets)
    assert [post["reply"] for post in provider.posts] == [{"in_reply_to_tweet_id": "30"}] * 2
    assert " ".join(post["text"] for post in provider.posts).split() == long.split()
    assert provider.broken == []


async def test_whoever_takes_no_messages_is_left_alone(provider: FakeX, http: OutboundClient, say: Say) -> None:
    with pytest.raises(SendFailed, match="does not let the account write to this person") as failed:
        await adapter.send(http, say(contact=STRANGER), provider.settings, provider.secrets)
    assert failed.value.outcome == "dead"


async def test_direct_messages_show_that_they_are_read_and_answered(provider: FakeX, http: OutboundClient) -> None:
    place = {"message_id": "20"}
    await adapter.mark_read(http, PERSON, place, provider.settings, provider.secrets)
    await adapter.show_typing(http, PERSON, place, provider.settings, provider.secrets)
    told = [("mark_read", {"last_read_event_id": "20", "recipient_id": PERSON}), ("indicate_typing", {"recipient_id": PERSON})]
    assert provider.marks == told
    for mark in (adapter.mark_read, adapter.show_typing):
        with pytest.raises(SendFailed, match="Only direct messages"):
            await mark(http, PERSON, {"post_id": "30"}, provider.settings, provider.secrets)
        with pytest.raises(SendFailed, match="Unauthorized"):
            await mark(http, PERSON, place, provider.settings, {})


def errors(found: Any) -> list[Finding]:
    return [finding for finding in found if finding.level != "ok"]


async def test_the_live_check_says_exactly_what_is_wrong(provider: FakeX, http: OutboundClient) -> None:
    found = await adapter.check(http, provider.settings, provider.secrets)
    assert (errors(found), found[0].learned) == ([], {"user_id": ACCOUNT, "username": "acme"})
    wrong = await adapter.check(http, provider.settings, {**provider.secrets, "access_token_secret": "wrong"})
    assert [(finding.title, finding.message) for finding in wrong] == [("Keys and tokens", "X says: Unauthorized. Copy all four again.")]
    provider.access = "read-write"
    assert "may only read-write" in errors(await adapter.check(http, provider.settings, provider.secrets))[0].message


async def test_x_is_told_our_address_once_and_what_to_send_there(provider: FakeX, http: OutboundClient) -> None:
    settings = {**provider.settings, "user_id": ACCOUNT, "mentions": "yes"}
    for _ in range(2):
        assert errors(await adapter.connect(http, HOOK, settings, provider.secrets)) == []
    assert [hook["url"] for hook in provider.hooks] == [HOOK]
    kinds = ["dm.received", "dm.read", "chat.received", "post.mention.create", "post.reply.create"]
    assert [(one["event_type"], one["webhook_id"]) for one in provider.subscriptions] == [(kind, "w1") for kind in kinds]
    provider.hooks[0]["valid"] = False
    await adapter.connect(http, HOOK, settings, provider.secrets)
    assert provider.hooks[0]["valid"], "X is asked to check the address again"


async def test_what_x_does_not_offer_is_said(provider: FakeX, http: OutboundClient) -> None:
    settings = {**provider.settings, "user_id": ACCOUNT}
    provider.refuses_events = ("dm.received", "chat.received")
    assert [finding.title for finding in errors(await adapter.connect(http, HOOK, settings, provider.secrets))] == ["Event dm.received"]
    no_bearer = errors(await adapter.connect(http, HOOK, settings, {**provider.secrets, "bearer_token": ""}))
    assert HOOK in no_bearer[0].message
    wrong = errors(await adapter.connect(http, HOOK, settings, {**provider.secrets, "bearer_token": "wrong-bearer"}))
    assert [finding.title for finding in wrong] == ["Bearer token"]


async def test_our_signature_goes_to_x_only(provider: FakeX, http: OutboundClient) -> None:
    file = await adapter.fetch(http, f"{provider.url}/1.1/ton/data/dm/1/7/a.jpg", provider.settings, provider.secrets)
    assert file.content.startswith(b"\x89PNG")
    for url in (
        "https://evil.example/a",
        "http://ton.twitter.com/a",
        "https://ton.twitter.com.evil.example/a",
        "https://ton.twitter.com@evil.example/",
    ):
        with pytest.raises(NotFetched, match="not at X"):
            await adapter.fetch(http, url, provider.settings, provider.secrets)


def test_the_challenge_is_signed_and_nothing_that_could_be_a_body() -> None:
    secrets = {"consumer_secret": "x_consumer_secret_test", "client_secret": "x_oauth2_client_secret_test"}
    asked = Request("GET", {}, {"crc_token": "MTIzNDU2Nzg5MA"}, b"", datetime.now(UTC))
    answer = adapter.handshake(asked, {}, secrets)
    assert answer is not None
    assert answer.body == b'{"response_token":"sha256=AqevJo+ENGDGdqRANKO4M+Yk6OJ8vIT2etZjLxNPkq0="}'
    for token in ('{"data":{}}', "a b", "", "x" * 129, "\u00e9"):
        refused = adapter.handshake(replace(asked, query={"crc_token": token}), {}, secrets)
        assert refused is not None
        assert refused.status == 400
    with pytest.raises(NotConfigured):
        adapter.handshake(asked, {}, {})


def test_calls_are_signed_as_x_shows_it() -> None:
    keys = Keys(
        "xvz1evFS4wEEPTGEFPHBog",
        "kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw",
        "370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb",
        "LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE",
    )
    form = {"status": "Hello Ladies + Gentlemen, a signed OAuth request!"}
    nonce, url = "kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg", "https://api.twitter.com/1.1/statuses/update.json?include_entities=true"
    assert 'oauth_signature="hCtSmYh%2BiHYCEqBWrE7C7hYmtUk%3D"' in authorization("POST", url, keys, nonce, 1318622958, form)


def test_a_post_is_weighed_as_x_does() -> None:
    assert weight("a" * 280) == 280
    assert weight("\u5b57" * 140) == 280
    assert weight("see https://example.com/" + "x" * 200) == 4 + 23
    parts = post_parts({"text": "\u5b57" * 300})
    assert all(weight(part["text"]) <= 280 for part in parts)
    assert "".join(part["text"] for part in parts) == "\u5b57" * 300
