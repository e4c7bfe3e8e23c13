"""A channel's secrets are sealed as one map; the single secret that channels once had is still read."""

import pytest

from server.channels.contract import NotConfigured, valid
from server.channels.sealed import open_secrets, seal_secrets
from server.kit.db import Database
from server.kit.ids import uuid7
from server.kit.secrets import Vault
from tests.server.turns.bots import make_tenant

VAULT = Vault(b"k" * 32)


async def test_secrets_come_back_as_they_were_sealed(db: Database) -> None:
    tenant_id, channel_id = await make_tenant(db), uuid7()
    async with db.tenant(tenant_id) as conn:
        sealed = await seal_secrets(conn, VAULT, tenant_id, channel_id, {"token": "x", "token.previous": "y"})
        assert await open_secrets(conn, VAULT, tenant_id, channel_id, sealed) == {"token": "x", "token.previous": "y"}
        assert await open_secrets(conn, VAULT, tenant_id, uuid7(), sealed) == {}
        assert await open_secrets(conn, VAULT, tenant_id, channel_id, None) == {}


async def test_a_single_secret_of_before_is_the_signing_secret(db: Database) -> None:
    tenant_id, channel_id = await make_tenant(db), uuid7()
    async with db.tenant(tenant_id) as conn:
        sealed = await VAULT.seal(conn, tenant_id, "channels", "secrets_sealed", channel_id, "whsec_c2VjcmV0")
        assert await open_secrets(conn, VAULT, tenant_id, channel_id, sealed) == {"signing_secret": "whsec_c2VjcmV0"}


def test_two_values_count_while_a_secret_is_rotated() -> None:
    assert valid({"token": "new", "token.previous": "old"}, "token") == ["new", "old"]
    assert valid({"token": "new"}, "token") == ["new"]
    with pytest.raises(NotConfigured, match="no app secret yet"):
        valid({"app_secret": ""}, "app_secret")
