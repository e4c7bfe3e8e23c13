"""Only the tokens this server wrote are read."""

import base64
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest

from server.kit.clock import now
from server.kit.ids import uuid7
from server.security import tokens
from server.security.identity import Identity

KEY = b"k" * 32
ROWS = [json.loads(line) for line in (Path(__file__).parents[2] / "data" / "jwt.jsonl").read_text().splitlines()]
FORGED = [pytest.param(row["input"]["token"], id=row["id"]) for row in ROWS if "token" in row["input"]]


def somebody() -> Identity:
    return Identity(uuid7(), uuid7(), uuid7(), "editor", "Ada", "ada@example.com", uuid7())


def claims_of(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


def resigned(token: str, changes: dict[str, Any], *, without: str = "") -> str:
    """A token with our own signature and header but other claims."""
    claims = claims_of(token) | changes
    claims.pop(without, None)
    return jwt.encode(claims, KEY, algorithm="HS256", headers=jwt.get_unverified_header(token))


def test_a_token_gives_back_who_it_was_made_for():
    identity = somebody()
    assert tokens.read(KEY, tokens.issue(KEY, identity)) == identity


def test_a_token_carries_the_claims_of_the_contract_and_lives_ten_minutes():
    claims = claims_of(tokens.issue(KEY, somebody()))
    assert {"user_id", "organization_id", "role", "exp", "iat", "iss", "aud", "sub", "jti"} <= claims.keys()
    assert claims["exp"] - claims["iat"] == 600


@pytest.mark.parametrize("token", FORGED)
def test_a_forged_token_is_refused(token: str):
    with pytest.raises(tokens.InvalidToken):
        tokens.read(KEY, token)


@pytest.mark.parametrize("claim", ["exp", "iat", "iss", "aud", "sub", "jti", "sid", "user_id", "organization_id", "role", "token_use"])
def test_a_token_without_one_of_the_claims_is_refused(claim: str):
    with pytest.raises(tokens.InvalidToken):
        tokens.read(KEY, resigned(tokens.issue(KEY, somebody()), {}, without=claim))


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://elsewhere.example"},
        {"aud": "another-api"},
        {"token_use": "mfa_pending"},
        {"role": "god"},
        {"organization_id": "not-a-uuid"},
        {"exp": "tomorrow"},
        {"exp": 1e400},
        {"iat": True},
        {"scope": "everything"},
    ],
    ids=str,
)
def test_a_token_with_a_wrong_claim_is_refused_even_with_our_signature(changes: dict[str, Any]):
    with pytest.raises(tokens.InvalidToken):
        tokens.read(KEY, resigned(tokens.issue(KEY, somebody()), changes))


def test_an_old_token_is_told_from_a_false_one():
    past = int((now() - timedelta(seconds=5)).timestamp())
    with pytest.raises(tokens.InvalidToken) as caught:
        tokens.read(KEY, resigned(tokens.issue(KEY, somebody()), {"exp": past}))
    assert caught.value.expired


@pytest.mark.parametrize(
    "header", [{"alg": "none", "typ": "JWT"}, {"alg": "HS512", "typ": "JWT"}, {"alg": "HS256", "typ": "JWT", "kid": "x"}, {}]
)
def test_no_other_header_is_accepted(header: dict[str, str]):
    _, payload, signature = tokens.issue(KEY, somebody()).split(".")
    encoded = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    with pytest.raises(tokens.InvalidToken):
        tokens.read(KEY, f"{encoded}.{payload}.{signature}")


def test_a_token_of_another_installation_is_refused():
    with pytest.raises(tokens.InvalidToken):
        tokens.read(KEY, tokens.issue(b"o" * 32, somebody()))


def test_every_bit_of_a_token_counts():
    token = tokens.issue(KEY, somebody())
    for place in range(0, len(token), 7):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(tokens.InvalidToken):
            tokens.read(KEY, changed)
