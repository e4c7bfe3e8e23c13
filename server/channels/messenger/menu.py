"""The menu that stays beside the field for messages, and the button that a conversation begins with."""

from collections.abc import Iterator
from typing import Any

from server.channels.messenger.webhooks import SAYS

GET_STARTED = f"{SAYS}"
"""The payload of the first button: what is said is its title, in the customer's language."""
MOST_ENTRY = 30


def profile_of(menu: str) -> dict[str, Any]:
    """The page's Messenger profile for a menu as people write it: `Track my order | Shop = https://shop.example`."""
    entries = list(_entries(menu))
    profile: dict[str, Any] = {"get_started": {"payload": GET_STARTED}}
    if entries:
        profile["persistent_menu"] = [{"locale": "default", "composer_input_disabled": False, "call_to_actions": entries}]
    return profile


def _entries(menu: str) -> Iterator[dict[str, str]]:
    for entry in menu.split("|"):
        title, _, url = (part.strip() for part in entry.partition("="))
        if url and title:
            yield {"type": "web_url", "title": title[:MOST_ENTRY], "url": url}
        elif title:
            yield {"type": "postback", "title": title[:MOST_ENTRY], "payload": f"{SAYS}{title}"}
