"""A conversation token opens its own conversation for thirty days, and nothing else does."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import jwt
import pytest

from server.conversations.token import ConversationToken, bearer, read_token, sign_token, token_key
from server.kit.errors import Problem
from server.kit.ids import uuid7
from server.kit.secrets import Vault

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
KEY = token_key(Vault(b"k" * 32))
TOKEN = ConversationToken(uuid7(), uuid7(), uuid7(), uuid7())


def test_it_says_what_was_signed() -> None:
    assert read_token(KEY, sign_token(KEY, TOKEN, NOW), NOW) == TOKEN


def test_it_is_good_for_thirty_days() -> None:
    text = sign_token(KEY, TOKEN, NOW)
    assert read_token(KEY, text, NOW + timedelta(days=29, hours=23)) == TOKEN
    with pytest.raises(Problem, match="out of date") as refused:
        read_token(KEY, text, NOW + timedelta(days=30))
    assert refused.value.status == 401


def test_another_installations_token_is_refused() -> None:
    with pytest.raises(Problem):
        read_token(token_key(Vault(b"o" * 32)), sign_token(KEY, TOKEN, NOW), NOW)


def test_a_changed_token_is_refused() -> None:
    head, _, signature = sign_token(KEY, TOKEN, NOW).split(".")
    _, other, _ = sign_token(KEY, replace(TOKEN, conversation_id=uuid7()), NOW).split(".")
    with pytest.raises(Problem):
        read_token(KEY, f"{head}.{other}.{signature}", NOW)


CLAIMS = {
    "tenant": str(TOKEN.tenant_id),
    "channel": str(TOKEN.channel_id),
    "conversation": str(TOKEN.conversation_id),
    "contact": str(TOKEN.contact_id),
    "aud": "widget",
    "exp": 4102444800,
}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "a.b.c",
        jwt.encode(CLAIMS, "", algorithm="none"),
        jwt.encode(CLAIMS, KEY * 2, algorithm="HS512"),
        jwt.encode(CLAIMS | {"aud": "api"}, KEY),
        jwt.encode(CLAIMS | {"conversation": 7}, KEY),
        jwt.encode(CLAIMS | {"conversation": "not an id"}, KEY),
        *(jwt.encode({k: v for k, v in CLAIMS.items() if k != missing}, KEY) for missing in CLAIMS),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(Problem) as refused:
        read_token(KEY, text, NOW)
    assert refused.value.status == 401


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic abc", "abc"])
def test_the_header_must_carry_a_token(header: str | None) -> None:
    with pytest.raises(Problem):
        bearer(header)


def test_the_scheme_is_written_as_people_like() -> None:
    assert bearer("bearer abc") == bearer("Bearer abc") == "abc"
