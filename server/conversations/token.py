"""The conversation token: what a widget shows to read and continue its own conversation, and nothing else."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import jwt

from server.kit.errors import Problem
from server.kit.secrets import Vault

LIFETIME = timedelta(days=30)

_AUDIENCE = "widget"
_ALGORITHM = "HS256"
_CLAIMS = ["tenant", "channel", "conversation", "contact", "exp", "aud"]


@dataclass(frozen=True, slots=True)
class ConversationToken:
    """Whose conversation it is, and where it runs."""

    tenant_id: UUID
    channel_id: UUID
    conversation_id: UUID
    contact_id: UUID


def token_key(vault: Vault) -> bytes:
    """The key of conversation tokens: of its own, so that no other token of this server is ever taken for one."""
    return vault.derive("conversation tokens")


def sign_token(key: bytes, token: ConversationToken, now: datetime) -> str:
    """The signed text of `token`, good for 30 days from `now`."""
    claims = {
        "tenant": str(token.tenant_id),
        "channel": str(token.channel_id),
        "conversation": str(token.conversation_id),
        "contact": str(token.contact_id),
        "aud": _AUDIENCE,
        "exp": now + LIFETIME,
    }
    return jwt.encode(claims, key, algorithm=_ALGORITHM)


def read_token(key: bytes, text: str, now: datetime) -> ConversationToken:
    """The token behind `text`; Problem 401 for a forged, foreign or outdated one."""
    try:
        claims = jwt.decode(
            text,
            key,
            algorithms=[_ALGORITHM],
            audience=_AUDIENCE,
            options={"require": _CLAIMS, "verify_exp": False},
        )
        token = ConversationToken(*(UUID(claims[name]) for name in _CLAIMS[:4]))
        expires = float(claims["exp"])
    except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError) as error:
        raise _refused("This conversation token is not valid. Start a new conversation.") from error
    if expires <= now.timestamp():
        raise _refused("This conversation token is out of date. Start a new conversation.")
    return token


def bearer(authorization: str | None) -> str:
    """The token of an `Authorization: Bearer` header; Problem 401 when there is none."""
    scheme, _, text = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not text.strip():
        raise _refused("Send the conversation token as `Authorization: Bearer <token>`.")
    return text.strip()


def _refused(detail: str) -> Problem:
    return Problem(401, "conversation_token_refused", detail, headers={"WWW-Authenticate": "Bearer"})
