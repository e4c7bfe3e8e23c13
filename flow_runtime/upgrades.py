"""Older flow documents, brought to the version this code runs: one function per version, each from its number to the next."""

from collections.abc import Callable, Mapping
from typing import Any

SCHEMA_VERSION = 2

Upgrade = Callable[[dict[str, Any]], dict[str, Any]]


def _to_2(document: dict[str, Any]) -> dict[str, Any]:
    """Version 2 only adds: triggers beside the start, translations, an interface, sub-flows, retries. What was there stays as it was."""
    return document


UPGRADES: Mapping[int, Upgrade] = {1: _to_2}


def upgraded(document: dict[str, Any], upgrades: Mapping[int, Upgrade] = UPGRADES) -> dict[str, Any]:
    """The document at the newest version that the functions lead to; one that is newer or has no version is left as it is."""
    version = document.get("schema_version")
    while isinstance(version, int) and not isinstance(version, bool) and version in upgrades:
        document = {**upgrades[version](document), "schema_version": version + 1}
        version += 1
    return document
