"""What is sealed can be opened in its own place only."""

import threading
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from server.kit.db import Database
from server.kit.ids import uuid7
from server.kit.secrets import CannotUnseal, Vault
from server.kit.settings import BadSetting
from server.tenants.create_workspace import create_workspace

SECRET = "sk-a-very-secret-key"


@pytest.fixture
def vault() -> Vault:
    return Vault(b"m" * 32)


@pytest.fixture
async def tenant_id(db: Database) -> UUID:
    return await make_tenant(db)


async def make_tenant(db: Database) -> UUID:
    tenant_id = uuid7()
    async with db.tenant(tenant_id) as connection:
        await create_workspace(connection, tenant_id, name="Acme", account_id=uuid7(), owner_name="Ada", owner_email="ada@example.com")
    return tenant_id


async def sealed_of(db: Database, vault: Vault, tenant_id: UUID, row: UUID) -> bytes:
    async with db.tenant(tenant_id) as connection:
        return await vault.seal(connection, tenant_id, "models", "api_key", row, SECRET)


async def test_what_is_sealed_can_be_opened_again_and_shows_nothing(db: Database, vault: Vault, tenant_id: UUID):
    row = uuid7()
    sealed = await sealed_of(db, vault, tenant_id, row)
    assert SECRET.encode() not in sealed
    async with db.tenant(tenant_id) as connection:
        assert await vault.unseal(connection, tenant_id, "models", "api_key", row, sealed) == SECRET
        assert await vault.seal(connection, tenant_id, "models", "api_key", row, SECRET) != sealed


@pytest.mark.parametrize("place", [("other", "api_key"), ("models", "other")])
async def test_a_sealed_value_cannot_be_moved_to_another_column(db: Database, vault: Vault, tenant_id: UUID, place: tuple[str, str]):
    row = uuid7()
    sealed = await sealed_of(db, vault, tenant_id, row)
    async with db.tenant(tenant_id) as connection:
        with pytest.raises(CannotUnseal):
            await vault.unseal(connection, tenant_id, *place, row, sealed)


async def test_a_sealed_value_cannot_be_moved_to_another_row_or_tenant(db: Database, vault: Vault, tenant_id: UUID):
    row, other = uuid7(), await make_tenant(db)
    sealed = await sealed_of(db, vault, tenant_id, row)
    await sealed_of(db, vault, other, row)
    async with db.tenant(tenant_id) as connection:
        with pytest.raises(CannotUnseal):
            await vault.unseal(connection, tenant_id, "models", "api_key", uuid7(), sealed)
    async with db.tenant(other) as connection:
        with pytest.raises(CannotUnseal):
            await vault.unseal(connection, other, "models", "api_key", row, sealed)


@pytest.mark.parametrize(
    "damage",
    [
        lambda s: s[:-1],
        lambda s: s[:20] + bytes([s[20] ^ 1]) + s[21:],
        lambda s: b"\x02" + s[1:],
        lambda s: s[:4] + b"\x09" + s[5:],
        lambda s: b"",
    ],
    ids=["cut", "flipped", "version", "key", "empty"],
)
async def test_a_damaged_value_is_refused(db: Database, vault: Vault, tenant_id: UUID, damage: Callable[[bytes], bytes]):
    row = uuid7()
    sealed = await sealed_of(db, vault, tenant_id, row)
    async with db.tenant(tenant_id) as connection:
        with pytest.raises(CannotUnseal):
            await vault.unseal(connection, tenant_id, "models", "api_key", row, damage(sealed))


async def test_a_server_with_the_wrong_key_refuses_to_start(db: Database, vault: Vault, tenant_id: UUID):
    wrong = Vault(b"w" * 32)
    await wrong.check(db)
    sealed = await sealed_of(db, vault, tenant_id, uuid7())
    await vault.check(db)
    with pytest.raises(BadSetting, match="secret key"):
        await wrong.check(db)
    async with db.tenant(tenant_id) as connection:
        with pytest.raises(CannotUnseal):
            await wrong.unseal(connection, tenant_id, "models", "api_key", uuid7(), sealed)


def test_each_purpose_has_a_key_of_its_own(vault: Vault):
    assert len({vault.derive("a"), vault.derive("b"), Vault(b"w" * 32).derive("a")}) == 3


def test_the_key_file_is_made_once_and_only_its_owner_reads_it(tmp_path: Path):
    path = tmp_path / "new" / "secret.key"
    made: list[str] = []
    threads = [threading.Thread(target=lambda: made.append(Vault.open(path).key_id)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 1
    assert len(made) == 8
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["secret.key"]


@pytest.mark.parametrize("content", [b"", b"too short", b"\xff\xfe", b"QUJD"])
def test_a_file_that_holds_no_key_is_refused(tmp_path: Path, content: bytes):
    path = tmp_path / "secret.key"
    path.write_bytes(content)
    with pytest.raises(BadSetting, match="key file"):
        Vault.open(path)
