"""Looks a text over for unwanted content. Words that were found are counted by category and not repeated."""

from collections import Counter

from server.conversations.processing.contract import Rejected, Result, Said, Settings
from server.understanding.moderation.moderate import CATEGORIES, OWN_WORDS, moderate

NEVER_REFUSED = frozenset(("self_harm", "personal_data"))
_LOOKED_FOR = tuple(category for category in CATEGORIES if category != "personal_data")


def process(said: Said, settings: Settings) -> Result:
    """The categories that were found; Rejected where the channel wants it. Who speaks of harming themselves is always heard."""
    own = [line.strip() for line in settings["words"].splitlines() if line.strip()]
    found = moderate(said.text, said.language, _LOOKED_FOR, own)
    counted = Counter(match.category for match in found.matches)
    if settings["then"] == "refuse" and not NEVER_REFUSED & counted.keys() and _unwanted(settings["refuse"]) & counted.keys():
        raise Rejected("Please write this in other words: it has words that are not accepted here.")
    return Result({"flagged": bool(counted), "categories": dict(sorted(counted.items()))})


def _unwanted(named: str) -> set[str]:
    chosen = {category.strip() for category in named.split(",") if category.strip()}
    return chosen or {*_LOOKED_FOR, OWN_WORDS}
