"""Teams when things go wrong: what is sent again, what never, what nobody knows; tokens that end; and what the live check says."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from server.channels.contract import Finding, NotFetched, SendFailed
from server.channels.teams.adapter import TeamsAdapter
from server.channels.teams.cards import MOST_BYTES, messages_of
from server.channels.teams.services import activities_url
from server.kit import clock
from server.kit.http import OutboundAnswer, OutboundClient
from tests.fakes.channels.provider import Fault
from tests.fakes.channels.teams import CHAT, FILE, PASSWORD, USER, FakeTeams, error, published_key
from tests.server.channels.conftest import Say


@pytest.fixture
def provider() -> Iterator[FakeTeams]:
    with FakeTeams() as fake:
        yield fake


@pytest.fixture
def adapter() -> TeamsAdapter:
    """One that keeps no tokens yet."""
    return TeamsAdapter()


@pytest.fixture
def there(provider: FakeTeams) -> dict[str, str]:
    """Where the person wrote."""
    return {"service_url": provider.service_url, "conversation": CHAT}


def refusal(status: int, code: str) -> Fault:
    return Fault(status, error(status, code, "So it is.").body)


@pytest.mark.parametrize(
    ("fault", "outcome", "wait_s", "says"),
    [
        (Fault(429, error(429, "TooManyRequests", "Slow down.").body, {"Retry-After": "30"}), "retry", 30, "Slow down"),
        (refusal(412, "PreconditionFailed"), "retry", None, "asks to wait"),
        (Fault(502), "retry", None, "asks to wait"),
        (Fault(504), "retry", None, "asks to wait"),
        (refusal(403, "BotNotInConversationRoster"), "dead", None, "was removed from this chat"),
        (refusal(403, "MessageWritesBlocked"), "dead", None, "blocked the bot"),
        (refusal(404, "ConversationNotFound"), "dead", None, "does not exist any more"),
        (refusal(413, "MessageSizeTooBig"), "dead", None, "too large"),
        (refusal(400, "BadSyntax"), "dead", None, "So it is"),
        (Fault(403, ["garbage"]), "dead", None, "answer 403"),
        (Fault(took_it=True), "maybe", None, "before it had answered"),
    ],
)
async def test_a_failure_says_whether_to_send_again(
    provider: FakeTeams,
    adapter: TeamsAdapter,
    http: OutboundClient,
    say: Say,
    there: Any,
    fault: Fault,
    outcome: str,
    wait_s: float | None,
    says: str,
) -> None:
    provider.faults = [fault]
    with pytest.raises(SendFailed, match=says) as failed:
        await adapter.send(http, say(place=there), provider.settings, provider.secrets)
    assert (failed.value.outcome, failed.value.wait_s, failed.value.blocks) == (outcome, wait_s, False)
    assert len(provider.calls) == fault.took_it


async def test_a_token_is_asked_for_once_and_replaced_when_it_is_not_taken(
    provider: FakeTeams, adapter: TeamsAdapter, http: OutboundClient, say: Say, there: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def send() -> str | None:
        return await adapter.send(http, say(place=there), provider.settings, provider.secrets)

    assert await send() == f"{CHAT}:1700000000001"
    await send()
    assert len(provider.tokens) == 1
    provider.tokens.append("revoked")
    await send()
    assert len(provider.tokens) == 3, "the old one is not taken any more: a new one, once"
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(seconds=provider.lasts_s - 290))
    await send()
    assert len(provider.tokens) == 4, "in its last five minutes a token is not used"
    assert len(provider.calls) == 4


async def test_a_token_that_is_never_taken_pauses_the_channel(
    provider: FakeTeams, adapter: TeamsAdapter, http: OutboundClient, say: Say, there: Any
) -> None:
    provider.faults = [Fault(401, {"message": "denied"}), Fault(401, {"message": "denied"}), Fault(500)]
    with pytest.raises(SendFailed, match="does not take the bot's token") as failed:
        await adapter.send(http, say(place=there), provider.settings, provider.secrets)
    assert (failed.value.outcome, failed.value.blocks) == ("retry", True)
    assert len(provider.faults) == 1, "it is tried twice and not again"


async def test_while_a_secret_is_replaced_both_count(
    provider: FakeTeams, adapter: TeamsAdapter, http: OutboundClient, say: Say, there: Any
) -> None:
    rotating = {"app_password": "the-new-one-is-not-there-yet", "app_password.previous": PASSWORD}
    assert await adapter.send(http, say(place=there), provider.settings, rotating)
    with pytest.raises(SendFailed, match="Copy the secret's value, not its id") as failed:
        await adapter.send(http, say(place=there), provider.settings, {"app_password": "wrong"})
    assert (failed.value.outcome, failed.value.blocks) == ("retry", True)
    with pytest.raises(SendFailed, match="no client secret") as failed:
        await adapter.send(http, say(place=there), provider.settings, {})
    assert (failed.value.outcome, failed.value.blocks) == ("dead", True)


async def test_our_token_goes_to_microsoft_only(
    provider: FakeTeams, adapter: TeamsAdapter, http: OutboundClient, say: Say, there: Any
) -> None:
    for place in ({}, there | {"service_url": "https://evil.example/"}, there | {"service_url": "http://smba.trafficmanager.net/emea/"}):
        with pytest.raises(SendFailed, match="only where the customer wrote") as failed:
            await adapter.send(http, say(place=place), provider.settings, provider.secrets)
        assert failed.value.outcome == "dead"
    picture = f"{provider.service_url}v3/attachments/receipt/views/original"
    assert (await adapter.fetch(http, picture, provider.settings, provider.secrets)).content == FILE
    with pytest.raises(NotFetched, match="not at Microsoft"):
        await adapter.fetch(http, "http://acme.sharepoint.com/plan.pdf", provider.settings, provider.secrets)
    drive = _Drive()
    await adapter.fetch(drive, "https://acme.sharepoint.com/plan.pdf?tempauth=x", provider.settings, provider.secrets)
    assert drive.headers == {}, "the customer's drive gives the file to whoever has the address"


class _Drive(OutboundClient):
    """Records what the customer's drive is told."""

    headers: dict[str, str] | None = None

    async def request(self, method: str, url: str, **given: Any) -> OutboundAnswer:
        self.headers = dict(given.get("headers") or {})
        return OutboundAnswer(200, {"content-type": "application/pdf"}, FILE, 1.0)


def wrong(found: Any) -> list[Finding]:
    return [finding for finding in found if finding.level != "ok"]


async def test_the_live_check_says_exactly_what_is_wrong(provider: FakeTeams, http: OutboundClient) -> None:
    async def check(secrets: dict[str, str] | None = None, **settings: str) -> list[Finding]:
        return wrong(await TeamsAdapter().check(http, provider.settings | settings, provider.secrets if secrets is None else secrets))

    assert await check() == []
    assert [finding.title for finding in await check({})] == ["Client secret"]
    [secret] = await check({"app_password": "the-id-of-it"})
    assert (secret.title, "AADSTS7000215" in secret.message) == ("Client secret", True)
    [app] = await check(app_id="99999999-2222-3333-4444-555555555555")
    assert (app.title, "no such app in this directory" in app.message) == ("App id", True)
    [directory] = await check(tenant_id="")
    assert (directory.title, "enter the Directory (tenant) id" in directory.message) == ("Directory id", True)
    [keys] = await check(openid_url=f"{provider.url}/nowhere")
    assert (keys.title, "answers 401" in keys.message) == ("Keys of the Bot Connector", True)
    [away] = await check(login_url="http://127.0.0.1:1")
    assert away.title == "Connection"
    provider.keys = [published_key(endorsements=("webchat",))]
    [speechless] = await check()
    assert "None of them may speak for Teams" in speechless.message
    [endpoint] = await TeamsAdapter().connect(http, "https://bot.example.com/hooks/teams/1", {}, {})
    assert "https://bot.example.com/hooks/teams/1" in endpoint.message


async def test_a_long_message_goes_on_where_it_stopped(
    provider: FakeTeams, adapter: TeamsAdapter, http: OutboundClient, say: Say, there: Any
) -> None:
    long = "word " * 3_000
    provider.faults = [Fault(503)]
    with pytest.raises(SendFailed) as failed:
        await adapter.send(http, say(long, parts_sent=1, place=there), provider.settings, provider.secrets)
    assert failed.value.parts_sent == 1
    assert await adapter.send(http, say(long, parts_sent=1, place=there), provider.settings, provider.secrets)
    assert len(provider.calls) == len(messages_of({"text": long})) - 1
    assert provider.broken == []


def test_what_is_too_large_for_a_card_is_told_in_words() -> None:
    huge = [{"value": "v" * 400, "label": f"{number} " + "long " * 30} for number in range(100)]
    parts = messages_of({"text": "Which?", "choices": huge})
    assert all("attachments" not in part for part in parts)
    assert "100. 99 long" in parts[-1]["text"]
    cards = [{"title": f"Shoe {number}", "text": "It fits. " * 300} for number in range(12)] + [{"title": "Last", "text": "x" * MOST_BYTES}]
    parts = messages_of({"text": "Look", "cards": cards})
    assert sum(len(part.get("attachments", ())) for part in parts) == 12
    assert parts[0]["text"] == "Look"
    assert all("Look" not in part.get("text", "") for part in parts[1:])


async def test_an_answer_in_a_group_names_whom_it_is_for(
    provider: FakeTeams, adapter: TeamsAdapter, http: OutboundClient, say: Say, there: Any
) -> None:
    place = there | {"mention": {"id": USER, "name": "Ada <3"}}
    await adapter.send(http, say("It is <here>.", place=place), provider.settings, provider.secrets)
    await adapter.send(http, say("Which?", place=place, choices=[{"value": "s", "label": "Small"}]), provider.settings, provider.secrets)
    assert [call["text"] for call in provider.calls] == ["<at>Ada &lt;3</at> It is &lt;here&gt;.", "<at>Ada &lt;3</at>"]
    [entity] = provider.calls[0]["entities"]
    assert entity == {"type": "mention", "text": "<at>Ada &lt;3</at>", "mentioned": {"id": USER, "name": "Ada <3"}}


async def test_typing_is_shown_where_the_customer_wrote(
    provider: FakeTeams, adapter: TeamsAdapter, http: OutboundClient, there: Any
) -> None:
    await adapter.show_typing(http, USER, there, provider.settings, provider.secrets)
    assert (provider.typed, provider.calls) == (1, [])
    with pytest.raises(SendFailed):
        await adapter.show_typing(http, USER, there | {"conversation": "gone"}, provider.settings, provider.secrets)


def test_ids_of_conversations_are_written_so_that_they_stay_one_part_of_the_address() -> None:
    url = activities_url("https://smba.trafficmanager.net/emea/", "19:a@thread.tacv2;messageid=1/../x")
    assert url == "https://smba.trafficmanager.net/emea/v3/conversations/19%3Aa%40thread.tacv2%3Bmessageid%3D1%2F..%2Fx/activities"
