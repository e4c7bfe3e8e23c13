"""Older flow documents, brought to the version this code runs: one function per version, each from its number to the next."""

from collections.abc import Callable, Mapping
from typing import Any

SCHEMA_VERSION = 1

Upgrade = Callable[[dict[str, Any]], dict[str, Any]]
UPGRADES: Mapping[int, Upgrade] = {}


def upgraded(document: dict[str, Any], upgrades: Mapping[int, Upgrade] = UPGRADES) -> dict[str, Any]:
    """The document at the newest version that the functions lead to; one that is newer or has no version is left as it is."""
    version = document.get("schema_version")
    while isinstance(version, int) and version in upgrades:
        document = {**upgrades[version](document), "schema_version": version + 1}
        version += 1
    return document
