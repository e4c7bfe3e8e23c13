"""Read marks and the sign of writing, in direct messages only (developer.x.com: typing indicator and read receipts, API v1.1)."""

from collections.abc import Mapping
from urllib.parse import urlencode

from server.channels.contract import SendFailed
from server.channels.provider import told
from server.channels.x.refusals import reason_of
from server.kit.http import OutboundClient, OutboundFailed, OutboundRefused

TYPING = "indicate_typing"
READ = "mark_read"
MOST_BYTES = 64_000


def mark_url(api_url: str, mark: str) -> str:
    """Where the mark is set."""
    return f"{api_url}/1.1/direct_messages/{mark}.json"


async def show(http: OutboundClient, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> None:
    """Set the mark; SendFailed when X does not take it."""
    kind = {"content-type": "application/x-www-form-urlencoded"}
    try:
        answer = told(
            await http.request("POST", url, headers={**kind, **headers}, body=urlencode(form).encode(), timeout_s=5.0, max_bytes=MOST_BYTES)
        )
    except (OutboundRefused, OutboundFailed) as error:
        raise SendFailed("dead", str(error)) from None
    if answer.status >= 300:
        raise SendFailed("dead", f"X says: {reason_of(answer)}")
