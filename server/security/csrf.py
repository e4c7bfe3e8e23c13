"""Against forged requests: a browser sends cookies by itself, so an unsafe request must also prove that our own page made it."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit
from uuid import UUID

from server.kit.errors import Problem

HEADER = "x-csrf-token"
FIELD = "_csrf"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_NONCE_BYTES = 16


def make_token(key: bytes, session_id: UUID) -> str:
    """A token for the pages of one session; different each time, so that compression leaks nothing."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return base64.urlsafe_b64encode(nonce + _proof(key, session_id, nonce)).decode()


def token_fits(key: bytes, session_id: UUID, token: str) -> bool:
    """Whether `token` was made for this session."""
    try:
        raw = base64.urlsafe_b64decode(token.encode())
    except ValueError:
        return False
    return hmac.compare_digest(raw[_NONCE_BYTES:], _proof(key, session_id, raw[:_NONCE_BYTES]))


def check_origin(headers: Mapping[str, str], public_url: str, *, must_tell: bool = False) -> None:
    """Refuse a request that another site made; `must_tell` also refuses one that does not say where it comes from."""
    site = headers.get("sec-fetch-site")
    origin = headers.get("origin")
    if origin is not None:
        fits = origin.lower() in (public_url.lower(), _own_origin(origin, headers.get("host", "")))
    else:
        fits = site in ("same-origin", "none") if site is not None else not must_tell
    if not fits or site in ("cross-site", "same-site"):
        raise Problem(403, "foreign_request", "This request came from another site. Open Chatloom and try again there.")


def _own_origin(origin: str, host: str) -> str | None:
    parts = urlsplit(origin)
    return f"{parts.scheme}://{host}".lower() if parts.scheme in ("http", "https") and host else None


def refuse_token() -> Problem:
    """403 for a page that is too old or not ours."""
    return Problem(403, "stale_page", "This page is out of date. Reload it and try again.")


def _proof(key: bytes, session_id: UUID, nonce: bytes) -> bytes:
    return hmac.digest(key, session_id.bytes + nonce, hashlib.sha256)
