"""A snapshot sees one moment and changes nothing; a database that is away is told from one that refuses."""

import asyncio

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


@pytest.mark.parametrize("condition", ["disk_full", "out_of_memory", "too_many_connections", "io_error", "read_only_sql_transaction"])
async def test_a_database_that_has_no_room_is_away(db: Database, condition: str) -> None:
    with pytest.raises(DBAPIError) as full:
        async with db.tenant(uuid7()) as connection:
            await connection.execute(text(f"do $$ begin raise exception 'no room' using errcode = '{condition}'; end $$"))
    assert is_away(full.value)


SPOILT = {
    "an error without a code": b"E\0\0\0\x05\0",
    "no end of the parameters": b"1\0\0\0\x04t\0\0\0\x06\0\x02",
    "a column's name is noise": b"1\0\0\0\x04t\0\0\0\x06\0\0T\0\0\0\x1a\0\x01\xff\0" + bytes(18) + b"Z\0\0\0\x05I",
}


@pytest.mark.parametrize("answer", SPOILT.values(), ids=SPOILT)
async def test_an_answer_that_the_network_spoilt_is_away(answer: bytes) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1_000)
        version = b"server_version\x0018.0\0"
        writer.write(b"R\0\0\0\x08\0\0\0\0S" + (len(version) + 4).to_bytes(4) + version + b"Z\0\0\0\x05I")
        await reader.read(1_000)
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        connection = await asyncpg.connect(f"postgresql://nobody@127.0.0.1:{port}/none?sslmode=disable")
        with pytest.raises(Exception) as caught:  # noqa: PT011  whatever the driver's parser happens to raise
            await connection.fetch("select 1")
        connection.terminate()
    assert is_away(caught.value), repr(caught.value)


async def test_while_the_database_is_away_a_request_is_asked_to_come_again(client: httpx.AsyncClient, app: Litestar) -> None:
    app.state.db.engine = Database("postgresql://nobody@127.0.0.1:1/none").engine
    response = await client.post("/api/v1/auth/login", json={"email": "ada@example.com", "password": "correct horse battery"})
    assert (response.status_code, response.json()["type"], response.headers["retry-after"]) == (503, "urn:chatloom:database_away", "1")
