"""LinkedIn's REST API: addresses, headers, names of things, and what its refusals mean (learn.microsoft.com/linkedin/shared/api-guide)."""

import re
from datetime import datetime
from urllib.parse import quote

from server.channels.contract import Secrets, SendFailed, Settings
from server.channels.payload import text_of
from server.channels.provider import Told

API_URL = "https://api.linkedin.com"
SIGN_IN_URL = "https://www.linkedin.com"
VERSION = "202609"
TOKEN = "access_token"

_COMMENT = re.compile(r"urn:li:comment:\((?:urn:li:)?(activity|share|ugcPost):(\d{1,25}),(\d{1,25})\)", re.ASCII)
_SUNSET = 426


def rest_url(settings: Settings, path: str) -> str:
    """The address of something in the versioned API."""
    return f"{str(settings.get('api_url') or API_URL).rstrip('/')}/rest/{path}"


def headers(settings: Settings, secrets: Secrets) -> dict[str, str]:
    """What every call carries."""
    return {
        "Authorization": f"Bearer {secrets.get(TOKEN, '')}",
        "LinkedIn-Version": str(settings.get("version") or VERSION),
        "X-Restli-Protocol-Version": "2.0.0",
    }


def organization_of(settings: Settings) -> str:
    """The channel's page as LinkedIn names it; empty while it is not known."""
    number = settings.get("organization_id")
    return f"urn:li:organization:{number}" if number else ""


def encoded(name: str) -> str:
    """A name as part of an address."""
    return quote(name, safe="")


def comment_in(name: str) -> tuple[str, str, str] | None:
    """A comment's full name, the name of what was commented on, and its number; None when it names no comment."""
    found = _COMMENT.fullmatch(name)
    if found is None:
        return None
    target = f"urn:li:{found[1]}:{found[2]}"
    return f"urn:li:comment:({target},{found[3]})", target, found[3]


def refusal(told: Told, now: datetime) -> SendFailed:
    """Whether a comment may be tried again, and when. LinkedIn counts calls by the day, which ends at midnight UTC."""
    reason = reason_of(told)
    if told.status == 429:
        midnight_s = 86_400 - now.timestamp() % 86_400
        return SendFailed("retry", f"LinkedIn takes no more today: {reason}", told.retry_after_s or midnight_s)
    if told.status >= 500:
        return SendFailed("retry", f"LinkedIn has trouble: {reason}", told.retry_after_s)
    if told.status == _SUNSET:
        return SendFailed("retry", f"LinkedIn does not know this version any more: {reason} Enter a newer one.", blocks=True)
    if told.status in (401, 403):
        return SendFailed("retry", f"LinkedIn does not let this token comment: {reason} Run the channel's live check.", blocks=True)
    return SendFailed("dead", f"LinkedIn does not take this comment: {reason}")


def reason_of(told: Told) -> str:
    """LinkedIn's own words."""
    words = text_of(told.data, "message") or text_of(told.data, "error_description") or f"answer {told.status}"
    return f"{words[:300].rstrip('.')}."
