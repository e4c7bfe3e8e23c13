"""The Bot Connector's tokens: who may post to a bot (learn.microsoft.com, "Authenticate requests from the Bot Connector service").

A token does not cover the body: it says whose bot it is for, and at which service the answer belongs.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import jwt
import msgspec
from jwt.types import Options

from server.channels.contract import NotProven, Settings, Unusable
from server.channels.payload import json_object, parts_of, text_of

ALGORITHM = "RS256"
CHANNEL = "msteams"
LEEWAY_S = 300
MOST_TOKEN = 8_192
ISSUER = "https://api.botframework.com"

_BEARER = re.compile(r"(?i:bearer) +([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)", re.ASCII)
_UNCHECKED: Options = {
    "verify_signature": True,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}


def issuer_of(settings: Settings) -> str:
    """Who signs the tokens: one for each of Microsoft's clouds."""
    return str(settings.get("issuer") or ISSUER)


def key_id_of(authorization: str) -> str | None:
    """The id of the key that a token names; None for what is no token that could be proven."""
    try:
        header = jwt.get_unverified_header(_token(authorization))
    except (NotProven, jwt.PyJWTError):
        return None
    key_id = header.get("kid")
    return key_id if header.get("alg") == ALGORITHM and isinstance(key_id, str) and 0 < len(key_id) <= 200 else None


def prove(authorization: str, body: bytes, settings: Settings, key_sets: Iterable[str], at: datetime) -> None:
    """Raise NotProven unless the token is the connector's, for this bot, now, and for what the body says."""
    try:
        activity = json_object(body)
    except Unusable as error:
        raise NotProven(f"the body cannot be held against the token: {error}") from None
    if text_of(activity, "channelId") != CHANNEL:
        raise NotProven("it is not from Teams")
    token, key_id = _token(authorization), key_id_of(authorization)
    keys = [key for keys in key_sets for key in parts_of(msgspec.json.decode(keys), "keys") if key.get("kid") == key_id]
    endorsed = [key for key in keys if isinstance(marks := key.get("endorsements"), list) and CHANNEL in marks]
    if key_id is None or not endorsed:
        raise NotProven("no key for it, or one that may not speak for Teams")
    _check(_claims(token, endorsed[0]), settings, at, text_of(activity, "serviceUrl"))


def _token(authorization: str) -> str:
    found = _BEARER.fullmatch(authorization) if len(authorization) <= MOST_TOKEN else None
    if found is None:
        raise NotProven("no token")
    return found[1]


def _claims(token: str, key: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a token says whose signature fits. The claims are looked at here and not by the library: it knows no other time than now."""
    if key.get("kty") != "RSA":
        raise NotProven("the key is none for RS256")
    try:
        public = jwt.PyJWK(dict(key), algorithm=ALGORITHM)
        claims: Mapping[str, Any] = jwt.decode(token, public, algorithms=[ALGORITHM], options=_UNCHECKED)
    except jwt.PyJWTError as error:
        raise NotProven(f"the token does not fit: {error}") from None
    return claims


def _check(claims: Mapping[str, Any], settings: Settings, at: datetime, service_url: str) -> None:
    now, starts, ends = at.timestamp(), _moment(claims.get("nbf", 0)), _moment(claims.get("exp"))
    if starts is None or ends is None or now < starts - LEEWAY_S or now >= ends + LEEWAY_S:
        raise NotProven("the token is not valid now")
    if claims.get("iss") != issuer_of(settings):
        raise NotProven("another issuer")
    audience = claims.get("aud")
    if not isinstance(audience, str) or audience.lower() != str(settings.get("app_id")).lower():
        raise NotProven("another bot's token")
    if not service_url or claims.get("serviceurl") != service_url:
        raise NotProven("another service's token")


def _moment(value: Any) -> float | None:
    """Seconds since 1970, as a claim tells them; None for what is no number."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
