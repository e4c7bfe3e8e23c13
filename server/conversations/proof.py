"""The proof with which a visitor begins a conversation as a user of the site around: short-lived, for one contact of one channel."""

from datetime import datetime, timedelta
from uuid import UUID

import jwt

from server.kit.secrets import Vault

LIFETIME = timedelta(days=1)

_AUDIENCE = "visitor"
_ALGORITHM = "HS256"
_CLAIMS = ["channel", "sub", "aud", "exp"]


def proof_key(vault: Vault) -> bytes:
    """The key of these proofs: of its own, so that no other token of this server is ever taken for one."""
    return vault.derive("visitor proofs")


def sign_proof(key: bytes, channel_id: UUID, external_id: str, now: datetime) -> str:
    """A proof that whoever has it is the channel's contact `external_id`, good for a day from `now`."""
    return jwt.encode({"channel": str(channel_id), "sub": external_id, "aud": _AUDIENCE, "exp": now + LIFETIME}, key, algorithm=_ALGORITHM)


def proves(key: bytes, text: str, channel_id: UUID, external_id: str, now: datetime) -> bool:
    """Whether `text` is such a proof, and not outdated."""
    try:
        claims = jwt.decode(text, key, algorithms=[_ALGORITHM], audience=_AUDIENCE, options={"require": _CLAIMS, "verify_exp": False})
        return claims["channel"] == str(channel_id) and claims["sub"] == external_id and float(claims["exp"]) > now.timestamp()
    except (jwt.InvalidTokenError, ValueError, TypeError):
        return False
