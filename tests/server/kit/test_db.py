"""A snapshot sees one moment and changes nothing; a database that is away is told from one that refuses."""

import asyncpg
import httpx
import pytest
from litestar import Litestar
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import DBAPIError

from server.kit.db import Database, is_away
from server.kit.embedded.postgres import EmbeddedPostgres
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


async def test_a_database_that_cannot_be_reached_is_away() -> None:
    nobody = Database("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(OSError) as caught:  # noqa: PT011  there is no name for "all addresses refused"
        async with nobody.tenant(uuid7()):
            pass
    await nobody.close()
    assert is_away(caught.value)


async def test_a_lost_connection_is_away_and_a_refused_statement_is_not(db: Database, postgres: EmbeddedPostgres) -> None:
    async with db.tenant(uuid7()) as connection:
        number = await connection.scalar(text("select pg_backend_pid()"))
    admin = await asyncpg.connect(postgres.admin_url)
    await admin.execute("select pg_terminate_backend($1)", number)
    await admin.close()
    with pytest.raises(DBAPIError) as lost:
        async with db.tenant(uuid7()):
            pass
    assert is_away(lost.value)
    with pytest.raises(DBAPIError) as refused:
        async with db.tenant(uuid7()) as connection:
            await connection.execute(text("select 1 / 0"))
    assert not is_away(refused.value)
    assert not is_away(ValueError("other"))


async def test_while_the_database_is_away_a_request_is_asked_to_come_again(client: httpx.AsyncClient, app: Litestar) -> None:
    app.state.db.engine = Database("postgresql://nobody@127.0.0.1:1/none").engine
    response = await client.post("/api/v1/auth/login", json={"email": "ada@example.com", "password": "correct horse battery"})
    assert (response.status_code, response.json()["type"], response.headers["retry-after"]) == (503, "urn:chatloom:database_away", "1")
