"""slack_sdk and we sign and prove alike, and it takes our fake for Slack."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from server.channels.contract import NotProven, Request
from server.channels.slack.adapter import adapter, signature
from tests.fakes.channels.slack import BOT, SECRET, TOKEN, FakeSlack
from tests.sdks.sdk import ask_sdk

AT = 1_700_000_000
BODY = '{"type":"event_callback","event":{"text":"caf\u00e9 \u2615 & <b>"}}'
PARTS = adapter.render({"text": "Which?", "choices": [{"value": "s", "label": "Small"}, {"value": "l", "label": "Large"}]}, {})


@pytest.fixture
def slack() -> Iterator[FakeSlack]:
    with FakeSlack() as fake:
        yield fake


def test_it_takes_what_we_sign_and_our_fake_for_slack(slack: FakeSlack) -> None:
    times = [AT, AT - 300, AT - 301, AT + 300, AT + 301]
    signed = [{"body": BODY, "timestamp": str(at), "signature": signature(SECRET, str(at), BODY.encode())} for at in times]
    proofs = {"secret": SECRET, "at": AT, "body": BODY, "signed": signed}
    too_many = [{"type": "section", "text": {"type": "mrkdwn", "text": "x"}}] * 51
    told = ask_sdk("slack", token=TOKEN, api_url=f"{slack.url}/api", channel="D1", parts=PARTS, too_many=too_many, **proofs)
    assert told["takes"] == [_takes(one["timestamp"], one["signature"]) for one in signed] == [True, True, False, True, False]
    assert _takes(str(AT), told["signature"])
    assert told["who"]["user_id"] == BOT
    assert [one["ok"] for one in told["posted"]] == [True] * len(PARTS)
    assert slack.said[-1].choices == ("Small", "Large")
    assert told["refused"] == [200, "invalid_blocks"]


def _takes(timestamp: str, proof: str) -> bool:
    headers = {"x-slack-request-timestamp": timestamp, "x-slack-signature": proof}
    asked = Request("POST", headers, {}, BODY.encode(), datetime.fromtimestamp(0, UTC) + timedelta(seconds=AT))
    try:
        adapter.verify(asked, {}, {"signing_secret": SECRET})
    except NotProven:
        return False
    return True
