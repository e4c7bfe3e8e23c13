"""LinkedIn when things go wrong, what its notifications only point at, and what its live check says."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from server.channels.contract import Finding, NotConfigured, NotFetched, Received, Request, SendFailed
from server.channels.linkedin.adapter import adapter
from server.channels.linkedin.api import refusal
from server.channels.provider import Told
from server.kit import clock
from server.kit.http import OutboundClient
from tests.fakes.channels.linkedin import ADMIN, MEMBER, PAGE, POST, REFRESH, SECRET, FakeLinkedIn
from tests.fakes.channels.provider import Fault
from tests.server.channels.conftest import Say

HOOK = "https://bot.example.com/hooks/linkedin/1"
NOW = datetime(2026, 11, 21, 18, 0, tzinfo=UTC)
PLACE = {"comment": f"urn:li:comment:({POST},1)", "object": POST}


@pytest.fixture
def provider() -> Iterator[FakeLinkedIn]:
    with FakeLinkedIn() as fake:
        yield fake


async def read(provider: FakeLinkedIn, http: OutboundClient, told: httpx.Request, secrets: Any = None) -> Received:
    request = Request("POST", dict(told.headers), {}, told.content, NOW)
    adapter.verify(request, provider.settings, provider.secrets)
    given = provider.secrets if secrets is None else secrets
    return await adapter.completed(http, adapter.parse(request, provider.settings), provider.settings, given)


@pytest.mark.parametrize(
    ("fault", "outcome", "wait_s", "blocks"),
    [
        (Fault(429, {"message": "Throttled"}, {"Retry-After": "60"}), "retry", 60, False),
        (Fault(503), "retry", None, False),
        (Fault(401, {"message": "Expired"}), "retry", None, True),
        (Fault(403, {"message": "Not enough permissions"}), "retry", None, True),
        (Fault(426, {"message": "Version"}), "retry", None, True),
        (Fault(404), "dead", None, False),
        (Fault(422), "dead", None, False),
        (Fault(took_it=True), "maybe", None, False),
    ],
)
async def test_a_failure_says_whether_to_send_again(
    provider: FakeLinkedIn, http: OutboundClient, say: Say, fault: Fault, outcome: str, wait_s: float | None, blocks: bool
) -> None:
    provider.faults = [fault]
    with pytest.raises(SendFailed) as failed:
        await adapter.send(http, say(place=PLACE), provider.settings, provider.secrets)
    assert (failed.value.outcome, failed.value.wait_s, failed.value.blocks) == (outcome, wait_s, blocks)


def test_linkedin_counts_by_the_day() -> None:
    assert refusal(Told(429, {}, {}), NOW).wait_s == 6 * 3_600


async def test_a_long_answer_is_several_comments_below_the_one_it_answers(provider: FakeLinkedIn, http: OutboundClient, say: Say) -> None:
    sent = await adapter.send(http, say("word " * 400, place=PLACE), provider.settings, provider.secrets)
    assert [(call["actor"], call["object"], call["parentComment"]) for call in provider.calls] == [(PAGE, POST, PLACE["comment"])] * 2
    assert sent == f"urn:li:comment:({POST},92)"
    assert provider.broken == []


async def test_an_answer_in_a_thread_goes_below_the_comment_that_began_it(provider: FakeLinkedIn, http: OutboundClient, say: Say) -> None:
    first = f"urn:li:comment:({POST},500)"
    said = (await read(provider, http, provider.comment("And now?", told=False, parent=first))).messages[0]
    await adapter.send(http, say(place=said.reply_place), provider.settings, provider.secrets)
    told = (await read(provider, http, provider.comment("And now?", parent=first))).messages[0]
    await adapter.send(http, say(place=told.reply_place), provider.settings, provider.secrets)
    assert [call["parentComment"] for call in provider.calls] == [first, first]


async def test_a_post_that_mentions_the_page_is_commented_on(provider: FakeLinkedIn, http: OutboundClient, say: Say) -> None:
    await adapter.send(http, say(place={"object": "urn:li:share:77"}), provider.settings, provider.secrets)
    assert provider.calls == [{"actor": PAGE, "object": "urn:li:share:77", "message": {"text": "Hi"}}]


async def test_a_comment_that_is_only_named_is_asked_for(provider: FakeLinkedIn, http: OutboundClient) -> None:
    told = provider.comment("How much?", told=False)
    said = (await read(provider, http, told)).messages[0]
    assert (said.contact_id, said.text, said.unsupported) == (MEMBER, "How much?", None)
    without = (await read(provider, http, told, {"client_secret": "x"})).messages[0]
    assert (without.text, without.unsupported) == (None, "comment")
    provider.comments[PLACE["comment"]]["actor"] = PAGE
    assert (await read(provider, http, told)).messages == []
    provider.comments.clear()
    assert (await read(provider, http, told)).messages[0].unsupported == "comment"
    provider.away = True
    with pytest.raises(NotFetched, match="503"):
        await read(provider, http, told)


async def test_a_lead_brings_the_answers_of_its_form(provider: FakeLinkedIn, http: OutboundClient, say: Say) -> None:
    lead = (await read(provider, http, provider.lead())).messages[0]
    assert (lead.event, lead.contact_id, lead.contact_name) == ("lead", MEMBER, "Ada Lovelace")
    assert lead.attributes == {"email": "ada@example.com"}
    assert lead.payload["answers"] == {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com", "size": "1 to 10, 2"}
    assert (lead.payload["form_name"], lead.payload["test"]) == ("A demo", False)
    withdrawn = (await read(provider, http, provider.lead("DELETED"))).messages[0]
    assert withdrawn.event == "lead_withdrawn"
    with pytest.raises(SendFailed, match="Let the flow send an e-mail") as failed:
        await adapter.send(http, say(place=lead.reply_place), provider.settings, provider.secrets)
    assert failed.value.outcome == "dead"


def errors(found: Any) -> list[Finding]:
    return [finding for finding in found if finding.level != "ok"]


async def test_the_live_check_says_exactly_what_is_wrong(provider: FakeLinkedIn, http: OutboundClient) -> None:
    found = await adapter.check(http, provider.settings, provider.secrets)
    assert errors(found) == []
    assert "approved partners only" in next(finding.message for finding in found if finding.title == "Direct messages")
    for settings, secrets, title in (
        ({}, {"client_secret": "of_another_app"}, "Client secret"),
        ({}, {"access_token": "AQX-another"}, "Client id or access token"),
        ({}, {"access_token": ""}, "Access token"),
        ({"organization_id": "2000"}, {}, "Page id"),
    ):
        wrong = await adapter.check(http, {**provider.settings, **settings}, {**provider.secrets, **secrets})
        assert [finding.title for finding in errors(wrong)] == [title]
    provider.scopes = "r_organization_social"
    provider.ends_at -= 50 * 86_400
    wrong = errors(await adapter.check(http, provider.settings, provider.secrets))
    lacks = ["w_organization_social", "rw_organization_admin", "r_marketing_leadgen_automation"]
    assert [finding.title for finding in wrong] == ["Access token", *(f"Permission {one}" for one in lacks)]
    assert wrong[0].message == "It ends in 9 days. Make a new one in time."
    provider.ends_at = 0
    assert errors(await adapter.check(http, provider.settings, provider.secrets))[0].message == "It is expired. Make a new one."


async def test_a_refresh_token_makes_access_tokens_once_in_a_while(
    provider: FakeLinkedIn, http: OutboundClient, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, secrets = provider.settings, {"client_secret": SECRET, "refresh_token": REFRESH}
    for _ in range(2):
        await adapter.send(http, say(place=PLACE), settings, secrets)
    assert (len(provider.calls), provider.made) == (2, 1)
    monkeypatch.setattr(clock, "now", lambda: datetime.now(UTC) + timedelta(days=60))
    await adapter.send(http, say(place=PLACE), settings, secrets)
    assert provider.made == 2
    with pytest.raises(SendFailed, match="no access token"):
        await adapter.send(http, say(place=PLACE), settings, {**secrets, "refresh_token": "AQX-revoked"})


async def test_linkedin_is_told_where_to_send_comments_and_leads(provider: FakeLinkedIn, http: OutboundClient) -> None:
    settings = {**provider.settings, "ad_account_id": "55"}
    for _ in range(2):
        assert errors(await adapter.connect(http, HOOK, settings, provider.secrets)) == []
    names = f"developerApplication:urn:li:developerApplication:77,user:{ADMIN},entity:{PAGE}"
    assert provider.subscriptions == {f"({names},eventType:ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS)": HOOK}
    assert [(lead["leadType"], lead["owner"]) for lead in provider.leads] == [
        ("COMPANY", {"organization": PAGE}),
        ("SPONSORED", {"sponsoredAccount": "urn:li:sponsoredAccount:55"}),
    ]
    without = errors(await adapter.connect(http, HOOK, {**settings, "application_id": ""}, provider.secrets))
    assert [finding.title for finding in without] == ["Comments"]


def test_the_challenge_is_signed_and_nothing_that_could_be_a_body() -> None:
    asked = Request("GET", {}, {"challengeCode": "890e4665-4dfe-4ab1-b689-ed553bceeed0"}, b"", NOW)
    secrets = {"client_secret": "li_client_secret_test"}
    answer = adapter.handshake(asked, {}, secrets)
    assert answer is not None
    assert b"c8afbd96ab687f215fa5a2abaeeea35a5441404446a79ac8064c8327f738eb61" in answer.body
    for code in ("hmacsha256={}", "", "{890e4665-4dfe-4ab1-b689-ed553bceeed0}", "890e46654dfe4ab1b689ed553bceeed0", "\u0661" * 36):
        refused = adapter.handshake(replace(asked, query={"challengeCode": code}), {}, secrets)
        assert refused is not None
        assert refused.status == 400
    with pytest.raises(NotConfigured):
        adapter.handshake(asked, {}, {})
