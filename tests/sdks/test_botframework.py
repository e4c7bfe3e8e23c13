"""botframework-connector takes what our fake signs and sends, signs in to it, and reads and writes activities as we do."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from server.channels.contract import NotProven, Request
from server.channels.teams.access import LOGIN_URL
from server.channels.teams.adapter import KEYS, adapter
from tests.fakes.channels.teams import APP, CHAT, ISSUER, PASSWORD, TENANT, USER, FakeTeams, published_key
from tests.sdks.sdk import ask_sdk

CHOICES = [{"value": "s", "label": "Small"}, {"value": "l", "label": "Large"}]
CARDS = [{"title": "Red shoe", "text": "It fits.", "image_url": "https://example.com/red.png", "buttons": CHOICES}]
MEDIA = [{"kind": "image", "url": "https://example.com/shoe.png", "alt": "A shoe"}]
SAID: list[dict[str, Any]] = [
    {"text": "caf\u00e9 \u2615 & <b>"},
    {"text": "Which?", "choices": CHOICES},
    {"text": "Our shoes:", "cards": CARDS},
    {"text": "Look", "media": MEDIA},
]


@pytest.fixture
def teams() -> Iterator[FakeTeams]:
    with FakeTeams() as fake:
        yield fake


def test_it_takes_our_fake_for_microsoft_and_reads_what_we_read(teams: FakeTeams) -> None:
    teams.keys.append(published_key(key_id="other", endorsements=("webchat",)))
    tokens = list(_tokens(teams))
    sender = {"from": {"id": f"28:{APP}"}, "conversation": {"id": CHAT}, "recipient": {"id": USER}}
    sent = [{**part, **sender} for body in SAID for part in adapter.render(body, {})]
    teams.actions = {"Small": adapter.render(SAID[1], {})[0]["attachments"][0]["content"]["body"][1]["actions"][0]}
    received = [json.loads(one.read()) for one in (teams.writes("hi <b>"), teams.presses("Small"), teams.gives("a.pdf", "application/pdf"))]
    told = ask_sdk(
        "botframework",
        app_id=APP,
        tenant_id=TENANT,
        password=PASSWORD,
        login_url=teams.url,
        openid_url=teams.openid_url,
        service_url=teams.service_url,
        conversation=CHAT,
        tokens=[f"Bearer {token}" for token, _ in tokens],
        sent=sent,
        received=received,
    )
    assert (told["endpoint"], told["scope"]) == (f"{LOGIN_URL}/{TENANT}", ISSUER)
    assert [_takes(teams, token) for token, _ in tokens] == [expected for _, expected in tokens] == [True] + [False] * (len(tokens) - 1)
    laxer = [token for (token, expected), taken in zip(tokens, told["takes"], strict=True) if taken != expected]
    assert laxer == [tokens[1][0]], "it takes a token without an end, we do not; else it says what we say"
    assert told["posted"] == [str(1_700_000_000_001 + number) for number in range(len(sent) + 1)]
    assert [one.text for one in teams.said] == ["caf\u00e9 \u2615 & <b>", "Which?", "Our shoes:", "Look", "caf\u00e9 \u2615 & <b>"]
    assert told["kept"] == sent, "it knows every field that we send"
    assert told["gone"] == [404, "ConversationNotFound"]
    assert "AADSTS7000215" in told["wrong_password"]
    for ours, theirs in zip(received, told["written"], strict=True):
        assert _read(teams, theirs) == _read(teams, ours), "what it writes, we read"


def _tokens(teams: FakeTeams) -> Iterator[tuple[str, bool]]:
    """Tokens, and whether we take them: the right one, one without an end, and wrong ones."""
    now = int(datetime.now(UTC).timestamp())
    yield teams.token(), True
    yield teams.token(drop="exp"), False
    wrong: list[dict[str, Any]] = [
        {"iss": "https://evil.example"},
        {"iss": "https://sts.windows.net/d6d49420-f39b-4df7-a1dc-d59a935871db/"},
        {"aud": "99999999-2222-3333-4444-555555555555"},
        {"serviceurl": "https://evil.example/"},
        {"exp": now - 400},
        {"nbf": now + 400},
    ]
    yield from ((teams.token(**claims), False) for claims in wrong)
    yield from ((teams.token(drop=name), False) for name in ("iss", "aud", "serviceurl"))
    yield teams.token(key=rsa.generate_private_key(65537, 2048)), False
    yield teams.token(key_id="other"), False


def _takes(teams: FakeTeams, token: str) -> bool:
    body = json.dumps(teams.activity(text="hi")).encode()
    secrets = {**teams.secrets, KEYS: json.dumps({"keys": teams.keys})}
    try:
        adapter.verify(Request("POST", {"authorization": f"Bearer {token}"}, {}, body, datetime.now(UTC)), teams.settings, secrets)
    except NotProven:
        return False
    return True


def _read(teams: FakeTeams, activity: dict[str, Any]) -> Any:
    return adapter.parse(Request("POST", {}, {}, json.dumps(activity).encode(), datetime.now(UTC)), teams.settings).messages
