"""OAuth 1.0a: how calls in the name of an account are signed (RFC 5849, HMAC-SHA1). These tokens never end and never change."""

import hmac
import secrets
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlsplit

from server.kit import clock


@dataclass(frozen=True, slots=True)
class Keys:
    """The app's key and the account's token, each with its secret."""

    consumer_key: str
    consumer_secret: str
    token: str
    token_secret: str


def authorization(method: str, url: str, keys: Keys, nonce: str, timestamp: int, form: Mapping[str, str] | None = None) -> str:
    """The value of the header `Authorization`. `timestamp` is in seconds since 1970; a body counts only when it is a form."""
    told = {
        "oauth_consumer_key": keys.consumer_key,
        "oauth_nonce": nonce,
        "oauth_signature_method": "HMAC-SHA1",
        "oauth_timestamp": str(timestamp),
        "oauth_token": keys.token,
        "oauth_version": "1.0",
    }
    signed = told | {"oauth_signature": _signature(method, url, {**told, **(form or {})}, keys)}
    return "OAuth " + ", ".join(f'{name}="{_encoded(value)}"' for name, value in sorted(signed.items()))


@dataclass(frozen=True, slots=True)
class Signed:
    """Signs calls in the account's name."""

    keys: Keys

    def headers(self, method: str, url: str, form: Mapping[str, str] | None = None) -> dict[str, str]:
        """The headers of a call that is made now."""
        at = int(clock.now().timestamp())
        return {"Authorization": authorization(method, url, self.keys, secrets.token_hex(16), at, form)}


def _signature(method: str, url: str, given: Mapping[str, str], keys: Keys) -> str:
    parts = urlsplit(url)
    pairs = [*parse_qsl(parts.query, keep_blank_values=True), *given.items()]
    told = "&".join(f"{name}={value}" for name, value in sorted((_encoded(name), _encoded(value)) for name, value in pairs))
    base = "&".join(_encoded(part) for part in (method.upper(), f"{parts.scheme}://{parts.netloc}{parts.path}", told))
    key = f"{_encoded(keys.consumer_secret)}&{_encoded(keys.token_secret)}"
    return b64encode(hmac.digest(key.encode(), base.encode(), "sha1")).decode()


def _encoded(text: str) -> str:
    return quote(text, safe="~")
