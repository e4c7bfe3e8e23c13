"""Slack when things go wrong: what is sent again, what never, what nobody knows; and what the live check says."""

from collections.abc import Iterator
from typing import Any

import pytest

from server.channels.contract import Finding, NotFetched, SendFailed
from server.channels.slack.adapter import adapter
from server.channels.slack.text import mrkdwn, plain
from server.kit.http import OutboundClient
from tests.fakes.channels.provider import Fault
from tests.fakes.channels.slack import FakeSlack
from tests.server.channels.conftest import Say


@pytest.fixture
def provider() -> Iterator[FakeSlack]:
    with FakeSlack() as fake:
        yield fake


@pytest.mark.parametrize(
    ("fault", "outcome", "wait_s", "blocks"),
    [
        (Fault(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "30"}), "retry", 30, False),
        (Fault(200, {"ok": False, "error": "internal_error"}), "retry", None, False),
        (Fault(503), "retry", None, False),
        (Fault(200, {"ok": False, "error": "channel_not_found"}), "dead", None, False),
        (Fault(200, {"ok": False, "error": "msg_too_long"}), "dead", None, False),
        (Fault(200, {"ok": False, "error": "token_revoked"}), "retry", None, True),
        (Fault(200, ["garbage"]), "dead", None, False),
        (Fault(took_it=True), "maybe", None, False),
    ],
)
async def test_a_failure_says_whether_to_send_again(
    provider: FakeSlack, http: OutboundClient, say: Say, fault: Fault, outcome: str, wait_s: float | None, blocks: bool
) -> None:
    provider.faults = [fault]
    with pytest.raises(SendFailed) as failed:
        await adapter.send(http, say(), provider.settings, provider.secrets)
    assert (failed.value.outcome, failed.value.wait_s, failed.value.blocks) == (outcome, wait_s, blocks)
    assert len(provider.calls) == fault.took_it


async def test_a_long_message_goes_on_where_it_stopped(provider: FakeSlack, http: OutboundClient, say: Say) -> None:
    long = "word " * 3_000
    parts = len(adapter.render(say(long).body, {}))
    assert parts > 2
    provider.faults = [Fault(503)]
    with pytest.raises(SendFailed) as failed:
        await adapter.send(http, say(long, parts_sent=1), provider.settings, provider.secrets)
    assert failed.value.parts_sent == 1
    assert await adapter.send(http, say(long, parts_sent=1), provider.settings, provider.secrets)
    assert len(provider.calls) == parts - 1
    assert provider.broken == []


async def test_the_answer_goes_to_the_thread_it_belongs_to(provider: FakeSlack, http: OutboundClient, say: Say) -> None:
    await adapter.send(http, say(place={"channel": "C1", "thread_ts": "1.2"}), provider.settings, provider.secrets)
    assert (provider.calls[0]["channel"], provider.calls[0]["thread_ts"]) == ("C1", "1.2")


def errors(found: Any) -> list[Finding]:
    return [finding for finding in found if finding.level != "ok"]


async def test_the_live_check_says_exactly_what_is_wrong(provider: FakeSlack, http: OutboundClient) -> None:
    found = await adapter.check(http, provider.settings, provider.secrets)
    assert errors(found) == []
    assert found[1].learned == {"team_id": "T1", "bot_user_id": "U0BOT", "app_id": "A1"}
    assert found[1].message == "It belongs to assistant in the workspace Acme."
    wrong = await adapter.check(http, provider.settings, {**provider.secrets, "bot_token": "xoxb-wrong"})
    assert errors(wrong)[0].message.startswith("Slack says invalid_auth.")
    assert [finding.title for finding in errors(await adapter.check(http, provider.settings, {}))] == ["Signing secret", "Bot token"]
    nowhere = await adapter.check(http, {"api_url": f"{provider.url}/nowhere"}, provider.secrets)
    assert "Slack says unknown_method" in errors(nowhere)[0].message


async def test_our_token_goes_to_slack_only(provider: FakeSlack, http: OutboundClient) -> None:
    file = await adapter.fetch(http, f"{provider.url}/files/receipt", provider.settings, provider.secrets)
    assert file.content.startswith(b"%PDF")
    for url in (
        "https://evil.example/x",
        "http://files.slack.com/x",
        "https://files.slack.com.evil.example/x",
        "https://files.slack.com@evil.example/",
    ):
        with pytest.raises(NotFetched, match="not at Slack"):
            await adapter.fetch(http, url, {}, provider.secrets)


def test_nobody_is_rung_by_what_a_customer_is_called() -> None:
    assert mrkdwn("Hi <!channel> & <@U1>") == "Hi &lt;!channel&gt; &amp; &lt;@U1&gt;"
    assert mrkdwn("**so** [a|b](https://x.example/?a=<!here>)") == "*so* [a|b](https://x.example/?a=&lt;!here&gt;)"
    assert plain("<@U0BOT> &lt;b&gt; <!here> <https://x.example>", "U0BOT") == "<b> @here https://x.example"
