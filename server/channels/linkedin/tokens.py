"""Access tokens made from a refresh token, which LinkedIn gives approved apps for a year: each lasts 60 days and is kept in memory.

learn.microsoft.com/linkedin/shared/authentication/programmatic-refresh-tokens. The refresh token stays the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from server.channels.contract import Finding, Secrets, Settings
from server.channels.linkedin.api import SIGN_IN_URL, TOKEN
from server.channels.payload import text_of
from server.channels.provider import Told, told
from server.kit import clock
from server.kit.http import OutboundClient, OutboundFailed, OutboundRefused

REFRESH = "refresh_token"
EARLY_S = 3_600.0
MOST_KEPT = 1_000
MOST_BYTES = 64_000


@dataclass(frozen=True, slots=True)
class _Made:
    token: str
    ends_s: float


_made: dict[tuple[str, ...], _Made] = {}
"""By all that it takes to make one: whoever lacks a part of that does not get what somebody else made."""


async def with_token(http: OutboundClient, settings: Settings, secrets: Secrets) -> Secrets:
    """The secrets with an access token that still lasts; as they are when there is no refresh token, or LinkedIn makes none of it."""
    refresh = secrets.get(REFRESH)
    if not refresh:
        return secrets
    key = (str(settings.get("sign_in_url", "")), str(settings.get("client_id", "")), secrets.get("client_secret", ""), refresh)
    now = clock.now().timestamp()
    known = _made.get(key)
    if known is None or known.ends_s - EARLY_S < now:
        form = {"grant_type": REFRESH, REFRESH: refresh}
        answer = await ask_sign_in(http, "accessToken", form, settings, secrets)
        if isinstance(answer, Finding) or answer.status != 200 or not (token := text_of(answer.data, TOKEN)):
            return secrets
        lasts = answer.data.get("expires_in")
        known = _Made(token, now + (lasts if isinstance(lasts, int) else 0))
        if len(_made) >= MOST_KEPT:
            _made.clear()
        _made[key] = known
    return {**secrets, TOKEN: known.token}


async def ask_sign_in(http: OutboundClient, what: str, form: Mapping[str, str], settings: Settings, secrets: Secrets) -> Told | Finding:
    """LinkedIn's sign-in asked in the app's name; a finding when it cannot be asked."""
    url = f"{str(settings.get('sign_in_url') or SIGN_IN_URL).rstrip('/')}/oauth/v2/{what}"
    given = {**form, "client_id": str(settings.get("client_id", "")), "client_secret": secrets.get("client_secret", "")}
    kind = {"content-type": "application/x-www-form-urlencoded"}
    try:
        return told(await http.request("POST", url, headers=kind, body=urlencode(given).encode(), timeout_s=10.0, max_bytes=MOST_BYTES))
    except (OutboundRefused, OutboundFailed) as error:
        return Finding("error", "Connection", f"LinkedIn cannot be reached: {error}")
