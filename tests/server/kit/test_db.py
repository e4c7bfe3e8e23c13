"""A snapshot sees one moment and changes nothing."""

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import DBAPIError

from server.kit.db import Database
from server.kit.ids import uuid7
from server.tenants.tables import tenants


async def test_every_statement_of_a_snapshot_sees_the_same_moment(db: Database) -> None:
    tenant_id = uuid7()
    async with db.tenant(tenant_id) as connection:
        await connection.execute(insert(tenants).values(tenant_id=tenant_id, name="Before"))
    async with db.snapshot(tenant_id) as looking:
        assert await looking.scalar(select(tenants.c.name)) == "Before"
        async with db.tenant(tenant_id) as connection:
            await connection.execute(update(tenants).values(name="After"))
        assert await looking.scalar(select(tenants.c.name)) == "Before"
    async with db.tenant(tenant_id) as connection:
        assert await connection.scalar(select(tenants.c.name)) == "After"


async def test_a_snapshot_writes_nothing_and_leaves_the_connection_as_it_was(db: Database) -> None:
    tenant_id = uuid7()
    with pytest.raises(DBAPIError, match="read-only"):
        async with db.snapshot(tenant_id) as connection:
            await connection.execute(insert(tenants).values(tenant_id=tenant_id, name="Acme"))
    async with db.tenant(tenant_id) as connection:
        await connection.execute(insert(tenants).values(tenant_id=tenant_id, name="Acme"))


async def test_a_snapshot_sees_its_own_tenant_only(db: Database) -> None:
    tenant_id = uuid7()
    async with db.tenant(tenant_id) as connection:
        await connection.execute(insert(tenants).values(tenant_id=tenant_id, name="Acme"))
    async with db.snapshot(uuid7()) as connection:
        assert (await connection.execute(select(tenants.c.name))).all() == []
