"""What X answers when it does not take a message (docs.x.com/x-api/fundamentals/response-codes-and-errors, .../rate-limits)."""

from datetime import datetime

from server.channels.contract import SendFailed
from server.channels.payload import parts_of, text_of
from server.channels.provider import Told

USUAL_WAIT_S = 900.0

_LIMITS = ("x-rate-limit", "x-app-limit-24hour", "x-user-limit-24hour")
_BLOCKS = ("client-not-enrolled", "client-forbidden", "oauth1-permissions", "usage-capped", "unsupported-authentication", "credits")


def refusal(told: Told, now: datetime) -> SendFailed:
    """Whether the message may be sent again, and when."""
    reason, problem = reason_of(told), text_of(told.data, "type")
    if told.status == 429:
        return SendFailed("retry", f"X counts messages, and this account or app has sent as many as it may: {reason}", wait_s(told, now))
    if told.status >= 500:
        return SendFailed("retry", f"X has trouble: {reason}", told.retry_after_s)
    if told.status in (401, 402) or (told.status == 403 and any(word in problem for word in _BLOCKS)):
        return SendFailed("retry", f"X does not let this app write: {reason} Run the channel's live check.", blocks=True)
    if told.status == 403:
        return SendFailed("dead", f"X does not let the account write to this person: {reason}")
    return SendFailed("dead", f"X does not take this message: {reason}")


def wait_s(told: Told, now: datetime) -> float:
    """The seconds until all of X's counts that are used up begin anew; a quarter of an hour when X does not say."""
    ends = []
    for limit in _LIMITS:
        left, end = told.headers.get(f"{limit}-remaining", "0"), told.headers.get(f"{limit}-reset", "")
        if left.strip() == "0" and end.isascii() and end.isdigit() and len(end) < 12:
            ends.append(int(end) - now.timestamp())
    return max(1.0, *ends) if ends else told.retry_after_s or USUAL_WAIT_S


def reason_of(told: Told) -> str:
    """X's own words."""
    error = next(parts_of(told.data, "errors"), {})
    words = text_of(told.data, "detail") or text_of(error, "message") or text_of(told.data, "title") or f"answer {told.status}"
    return f"{words[:300].rstrip('.')}."
