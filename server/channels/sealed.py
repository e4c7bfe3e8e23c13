"""A channel's secrets as they are stored: one sealed JSON object of name and value."""

import logging
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from server.channels.contract import Secrets
from server.kit.secrets import CannotUnseal, Vault

PLACE = ("channels", "secrets_sealed")
FIRST_SECRET = "signing_secret"

log = logging.getLogger(__name__)


async def open_secrets(conn: AsyncConnection, vault: Vault, tenant_id: UUID, channel_id: UUID, sealed: bytes | None) -> Secrets:
    """The channel's secrets by name; empty when there are none, or when they cannot be opened any more."""
    if sealed is None:
        return {}
    try:
        return read_secrets(await vault.unseal(conn, tenant_id, *PLACE, channel_id, sealed))
    except CannotUnseal:
        log.error("the secrets of channel %s cannot be opened", channel_id)
        return {}


async def seal_secrets(conn: AsyncConnection, vault: Vault, tenant_id: UUID, channel_id: UUID, secrets: Secrets) -> bytes:
    """The secrets as they are stored with the channel."""
    return await vault.seal(conn, tenant_id, *PLACE, channel_id, msgspec.json.encode(secrets).decode())


def read_secrets(opened: str) -> Secrets:
    """The secrets in an opened value. A channel once had a single one, stored as it was: it is read as the signing secret."""
    try:
        return msgspec.json.decode(opened, type=dict[str, str])
    except msgspec.DecodeError:
        return {FIRST_SECRET: opened}
