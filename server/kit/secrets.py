"""Keys and sealed values: one master key per installation, one data key per tenant wrapped by it.

A sealed value is bound to its place (tenant, table, column, row): moved to another place it cannot be opened.
Layout: version (1 byte), data key number (4 bytes), nonce (12 bytes), AES-256-GCM ciphertext with its tag.
"""

import base64
import hashlib
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from sqlalchemy import select
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from server.kit.db import Database
from server.kit.settings import BadSetting
from server.kit.tables import data_keys

KEY_BYTES = 32
_VERSION = b"\x01"
_NONCE_BYTES = 12
_HEAD_BYTES = len(_VERSION) + 4 + _NONCE_BYTES


class CannotUnseal(Exception):
    """The value was changed, moved to another place or sealed with a key that is gone."""


class Vault:
    """Seals and opens secrets; derives the keys of the other rooms from the master key."""

    def __init__(self, master_key: bytes) -> None:
        """`master_key` is 32 random bytes."""
        if len(master_key) != KEY_BYTES:
            raise ValueError("the master key must have 32 bytes")
        self._master_key = master_key
        self._wrapping = AESGCM(self.derive("wrap data keys"))
        self.key_id = hashlib.sha256(self.derive("key id")).hexdigest()[:16]

    @classmethod
    def open(cls, path: Path) -> "Vault":
        """The vault of the key file at `path`; the file is made when there is none."""
        if not path.exists():
            _make_key_file(path)
        return cls(_read_key_file(path))

    def derive(self, purpose: str) -> bytes:
        """A 32-byte key that serves `purpose` only (HKDF-SHA-256)."""
        return HKDFExpand(hashes.SHA256(), KEY_BYTES, b"chatloom " + purpose.encode()).derive(self._master_key)

    async def check(self, db: Database) -> None:
        """Refuse to go on with a master key that cannot open what the database holds."""
        async with db.sweep() as connection:
            foreign = await connection.scalar(select(data_keys.c.key_no).where(data_keys.c.master_key_id != self.key_id).limit(1))
        if foreign is not None:
            raise BadSetting(
                "the secret key is not the one this database was sealed with: put the right key file back "
                "(CHATLOOM_SECRET_KEY_FILE), or stored credentials cannot be opened"
            )

    async def seal(self, connection: AsyncConnection, tenant_id: UUID, table: str, column: str, row_id: object, plaintext: str) -> bytes:
        """`plaintext` encrypted for one place; `connection` is a transaction of the tenant."""
        key_no, key = await self._newest_key(connection, tenant_id)
        nonce = os.urandom(_NONCE_BYTES)
        place = _place(tenant_id, table, column, row_id)
        return _VERSION + key_no.to_bytes(4, "big") + nonce + AESGCM(key).encrypt(nonce, plaintext.encode(), place)

    async def unseal(self, connection: AsyncConnection, tenant_id: UUID, table: str, column: str, row_id: object, sealed: bytes) -> str:
        """The text sealed for this very place; raises CannotUnseal."""
        if len(sealed) <= _HEAD_BYTES or not sealed.startswith(_VERSION):
            raise CannotUnseal("not a sealed value")
        key = await self._key(connection, tenant_id, int.from_bytes(sealed[1:5], "big"))
        place = _place(tenant_id, table, column, row_id)
        try:
            return AESGCM(key).decrypt(sealed[5:_HEAD_BYTES], sealed[_HEAD_BYTES:], place).decode()
        except InvalidTag:
            raise CannotUnseal(f"a value of {table}.{column} does not belong to this place or was changed") from None

    async def _newest_key(self, connection: AsyncConnection, tenant_id: UUID) -> tuple[int, bytes]:
        newest = select(data_keys).where(data_keys.c.tenant_id == tenant_id).order_by(data_keys.c.key_no.desc()).limit(1)
        row = (await connection.execute(newest)).one_or_none()
        if row is None:
            await connection.execute(self._first_key(tenant_id))
            row = (await connection.execute(newest)).one()
        return row.key_no, self._unwrap(tenant_id, row.key_no, row.wrapped_key)

    def _first_key(self, tenant_id: UUID) -> postgresql.Insert:
        wrapped = self._wrap(tenant_id, 1, secrets.token_bytes(KEY_BYTES))
        values = {"tenant_id": tenant_id, "key_no": 1, "wrapped_key": wrapped, "master_key_id": self.key_id}
        return postgresql.insert(data_keys).values(values).on_conflict_do_nothing()

    async def _key(self, connection: AsyncConnection, tenant_id: UUID, key_no: int) -> bytes:
        wanted = select(data_keys.c.wrapped_key).where(data_keys.c.tenant_id == tenant_id, data_keys.c.key_no == key_no)
        wrapped = await connection.scalar(wanted)
        if wrapped is None:
            raise CannotUnseal("the data key of this value is gone")
        return self._unwrap(tenant_id, key_no, wrapped)

    def _wrap(self, tenant_id: UUID, key_no: int, key: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._wrapping.encrypt(nonce, key, _place(tenant_id, "data_keys", "wrapped_key", key_no))

    def _unwrap(self, tenant_id: UUID, key_no: int, wrapped: bytes) -> bytes:
        place = _place(tenant_id, "data_keys", "wrapped_key", key_no)
        try:
            return self._wrapping.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], place)
        except InvalidTag:
            raise CannotUnseal("the secret key is not the one this workspace's data key was wrapped with") from None


def _place(tenant_id: UUID, table: str, column: str, row_id: object) -> bytes:
    return msgspec.json.encode([str(tenant_id), table, column, str(row_id)])


def _make_key_file(path: Path) -> None:
    """Write a fresh key whole or not at all: of two processes that start together one wins and both read its key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".key-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        os.unlink(draft)


def _read_key_file(path: Path) -> bytes:
    try:
        key = base64.b64decode(path.read_bytes().strip(), validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise BadSetting(f"{path} is not a Chatloom key file: it must hold 32 bytes in base64; put the right file back")
    return key
