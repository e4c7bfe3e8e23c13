"""Migrations on a server that is not ours: an ordinary owner, no roles made beforehand."""

from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from server.kit.db import Database
from server.kit.embedded.postgres import DATABASE, LOGIN, OWNER, EmbeddedPostgres, start_postgres
from server.kit.ids import uuid7
from server.kit.migrate import migrate, revisions
from server.tenants.tables import tenants


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A server whose administrator gave us a database, a login that may make roles, and nothing else."""
    server = start_postgres(tmp_path)
    try:
        yield server
    finally:
        server.stop()


async def admin(server: EmbeddedPostgres, *statements: str) -> None:
    connection = await asyncpg.connect(server.admin_url)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


async def test_one_login_that_owns_the_database_is_enough(outside: EmbeddedPostgres) -> None:
    await admin(
        outside,
        f"drop database {DATABASE}",
        f"drop role chatloom_app, chatloom_sweeper, {LOGIN}, {OWNER}",
        "create role somebody login createrole",
        "create database ours owner somebody",
    )
    url = outside.address("somebody", "ours")
    assert (await revisions(url))[0] is None
    await migrate(url)
    await migrate(url)
    current, newest = await revisions(url)
    assert current == newest
    db = Database(url, pool_size=1)
    tenant_id = uuid7()
    async with db.tenant(tenant_id) as connection:
        await connection.execute(tenants.insert().values(tenant_id=tenant_id, name="Acme"))
    async with db.tenant(uuid7()) as connection:
        assert (await connection.execute(tenants.select())).all() == []
    async with db.sweep() as connection:
        assert (await connection.execute(tenants.select().with_only_columns(tenants.c.tenant_id))).scalars().all() == [tenant_id]
    await db.close()
