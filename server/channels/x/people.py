"""Who wrote on X, when, and in which words."""

import html
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from server.channels.payload import Object, parts_of, text_of

AUTOMATED = "Automated"
"""What stands beside the name of an account that says of itself that it is a bot."""

People = Mapping[str, Object]


def is_automated(user: Object) -> bool:
    """Whether the account says that it is a bot."""
    affiliation = user.get("affiliation")
    return isinstance(affiliation, dict) and affiliation.get("description") == AUTOMATED


def who_is(user: Object) -> dict[str, Any]:
    """What is known of the person, as fields of what they said."""
    username = text_of(user, "username") or text_of(user, "screen_name")
    return {"contact_name": text_of(user, "name")[:200] or None, "attributes": {"username": username[:100]} if username else {}}


def plain(text: str, entities: Object) -> str:
    """The text as its author wrote it: with the addresses behind X's short ones, and without its escaping."""
    for link in parts_of(entities, "urls"):
        short, long = text_of(link, "url"), text_of(link, "expanded_url")
        if short and long:
            text = text.replace(short, long)
    return html.unescape(text).strip()


def moment(milliseconds: Any) -> datetime | None:
    """The time of a number of milliseconds since 1970; None when it is none."""
    try:
        return datetime.fromtimestamp(int(milliseconds) / 1000, UTC) if isinstance(milliseconds, str | int) else None
    except (ValueError, OverflowError, OSError):
        return None
