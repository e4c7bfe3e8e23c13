"""Access tokens: a JWT of ten minutes, signed and read here and nowhere else.

Only the one header this server writes is accepted, byte for byte, so nothing in a header can choose an algorithm, a key or an address.
"""

import hashlib
import re
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

import jwt
import msgspec

from server.kit.clock import now
from server.kit.ids import uuid7
from server.security.identity import Identity
from server.security.roles import Role

LIFETIME = timedelta(minutes=10)
ISSUER = "chatloom"
AUDIENCE = "chatloom-api"
MAX_LENGTH = 4096
_ALGORITHM = "HS256"
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}")
_headers: dict[bytes, str] = {}


class InvalidToken(Exception):
    """The token cannot be used; `expired` tells a genuine one that is too old."""

    def __init__(self, *, expired: bool = False) -> None:
        super().__init__("expired" if expired else "invalid")
        self.expired = expired


class Claims(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a token says; the types are part of the check."""

    iss: str
    aud: str
    sub: UUID
    jti: UUID
    sid: UUID
    iat: int
    exp: int
    token_use: Literal["access"]
    user_id: UUID
    organization_id: UUID
    role: Role
    name: str
    email: str


def issue(key: bytes, identity: Identity) -> str:
    """A new access token for `identity`."""
    at = now()
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(identity.account_id),
        "jti": str(uuid7()),
        "sid": str(identity.session_id),
        "iat": int(at.timestamp()),
        "exp": int((at + LIFETIME).timestamp()),
        "token_use": "access",
        "user_id": str(identity.member_id),
        "organization_id": str(identity.tenant_id),
        "role": identity.role,
        "name": identity.name,
        "email": identity.email,
    }
    return jwt.encode(claims, key, algorithm=_ALGORITHM, headers=_header(key))


def read(key: bytes, token: str) -> Identity:
    """The identity inside a token of ours; raises InvalidToken."""
    if len(token) > MAX_LENGTH or not _COMPACT.fullmatch(token) or token.partition(".")[0] != _encoded_header(key):
        raise InvalidToken
    try:
        payload = jwt.decode(
            token,
            key,
            algorithms=[_ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            options={"require": ["exp", "iat", "iss", "aud", "sub", "jti"]},
        )
        claims = msgspec.convert(payload, Claims)
    except jwt.ExpiredSignatureError:
        raise InvalidToken(expired=True) from None
    except (jwt.InvalidTokenError, msgspec.ValidationError):
        raise InvalidToken from None
    return Identity(claims.organization_id, claims.user_id, claims.sub, claims.role, claims.name, claims.email, claims.sid)


def _header(key: bytes) -> dict[str, Any]:
    return {"kid": hashlib.sha256(b"kid" + key).hexdigest()[:8]}


def _encoded_header(key: bytes) -> str:
    return _headers.get(key) or _headers.setdefault(key, jwt.encode({}, key, algorithm=_ALGORITHM, headers=_header(key)).partition(".")[0])
