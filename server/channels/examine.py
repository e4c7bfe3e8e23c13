"""The live check: is everything in place, and if not, what exactly is wrong."""

import logging
from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from server.channels.about import About, about_of
from server.channels.contract import Finding, Secrets, adapter_of
from server.channels.keep import find, learn, secrets_of
from server.channels.schemas import CheckResult, hook_url_of
from server.kit.db import Database
from server.kit.http import OutboundClient
from server.kit.secrets import Vault
from server.kit.settings import Settings

log = logging.getLogger(__name__)


async def examine(db: Database, vault: Vault, http: OutboundClient, server: Settings, tenant_id: UUID, channel_id: UUID) -> CheckResult:
    """Look at a channel from all sides and ask its provider; what the provider tells is kept. Problem 404."""
    async with db.tenant(tenant_id) as conn:
        row = await find(conn, tenant_id, channel_id)
        secrets = await secrets_of(conn, vault, row)
    about = about_of(row.kind)
    if about is None:
        return _result([Finding("error", "Kind", f"This server has no channels of the kind {row.kind} any more.")])
    found = list(_at_home(about, row, secrets, server.public_url))
    if not any(finding.level == "error" and finding.title in _titles(about) for finding in found):
        found += await _with_provider(http, about, row, secrets, server.public_url)
    if learned := _learned(found):
        async with db.tenant(tenant_id) as conn:
            await learn(conn, tenant_id, channel_id, learned)
    return _result(found)


def _at_home(about: About, row: Row[Any], secrets: Secrets, public_url: str) -> Iterator[Finding]:
    if row.flow_id is None:
        yield Finding("error", "Flow", "Nobody answers yet. Choose the flow that does.")
    if not row.enabled:
        yield Finding("warning", "Switched off", "Messages are turned away. Switch the channel on when it is ready.")
    for field in about.settings:
        if field.required and not row.settings.get(field.name):
            yield Finding("error", field.title, f"It is missing. {field.help}")
    for field in about.secrets:
        if field.required and not secrets.get(field.name):
            yield Finding("error", field.title, f"It is missing. {field.help}")
    if about.kind not in ("web", "webhook") and not public_url.startswith("https://"):
        sentence = f"{about.title} calls only https addresses; this server's is {public_url}. Set CHATLOOM_BASE_URL to one it can reach."
        yield Finding("warning", "Address of this server", sentence)


async def _with_provider(http: OutboundClient, about: About, row: Row[Any], secrets: Secrets, public_url: str) -> list[Finding]:
    adapter = adapter_of(row.kind)
    if adapter is None:
        return [Finding("ok", about.title, "There is nothing to ask anybody else.")]
    try:
        checked = list(await adapter.check(http, row.settings, secrets))
        if any(finding.level == "error" for finding in checked):
            return checked
        settings = row.settings | _learned(checked)
        return [*checked, *await adapter.connect(http, hook_url_of(public_url, row.kind, row.id), settings, secrets)]
    except Exception:
        log.exception("the check of channel %s failed", row.id)
        return [Finding("error", about.title, "The check itself failed. The server's log says why.")]


def _learned(findings: Iterable[Finding]) -> dict[str, str]:
    """The settings that the provider told us."""
    return {name: text for finding in findings for name, text in finding.learned.items() if text}


def _titles(about: About) -> set[str]:
    return {field.title for field in (*about.settings, *about.secrets)}


def _result(findings: list[Finding]) -> CheckResult:
    return CheckResult(all(finding.level != "error" for finding in findings), findings)
