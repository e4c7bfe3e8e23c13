"""Older flow documents, brought to the version this code runs: one function per version, each from its number to the next."""

from collections.abc import Callable, Mapping
from typing import Any

from flow_runtime.nodes import Library, NodeType

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


SettingsUpgrade = Callable[[dict[str, Any]], dict[str, Any]]
"""Settings of one version of a node type to those of the next: what node.py gives in `UPGRADES`, by the version it starts from."""


class UpgradeFailed(Exception):
    """Settings could not be brought to the next version; the message is a sentence."""


def upgraded_nodes(document: dict[str, Any], library: Library) -> dict[str, Any]:
    """A well-formed document with each node's settings at the version that this server has, as far as its upgrades lead.

    A node whose upgrade fails stays as it was; the checks tell, by `upgrade_fault`.
    """
    changed = {node_id: newer for node_id, node in document["nodes"].items() if (newer := _upgraded_node(node, library)) is not None}
    return {**document, "nodes": {**document["nodes"], **changed}} if changed else document


def _upgraded_node(node: Mapping[str, Any], library: Library) -> dict[str, Any] | None:
    kind = library.get(node["type"])
    if kind is None or node.get("type_version", 1) >= kind.version:
        return None
    try:
        settings, version = _brought_up(kind, node)
    except UpgradeFailed:
        return None
    return {**node, "settings": settings, "type_version": version}


def upgrade_fault(kind: NodeType, node: Mapping[str, Any]) -> str | None:
    """Why the settings of an older node cannot be brought to the version of its kind; None when no upgrade fails."""
    try:
        _brought_up(kind, node)
    except UpgradeFailed as failure:
        return str(failure)
    return None


def _brought_up(kind: NodeType, node: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    """The settings after all the upgrades there are, and their version. Raises UpgradeFailed."""
    upgrades: Mapping[int, SettingsUpgrade] = getattr(kind, "upgrades", {})
    version: int = node.get("type_version", 1)
    settings = dict(node["settings"])
    while version < kind.version and version in upgrades:
        try:
            settings = upgrades[version](dict(settings))
        except Exception as error:
            raise UpgradeFailed(f"From version {version} to {version + 1}: {type(error).__name__}: {error}"[:300]) from None
        if not isinstance(settings, dict):
            raise UpgradeFailed(f"From version {version} to {version + 1}: what came out are no settings")
        version += 1
    return settings, version
