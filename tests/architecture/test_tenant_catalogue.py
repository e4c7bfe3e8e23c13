"""Every table of the migrated database keeps tenants apart; a table that forgets it fails here."""

import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from server.kit.db import APP_ROLE, SWEEPER_ROLE, Database, metadata
from server.kit.embedded.postgres import LOGIN, OWNER
from server.kit.tables import TransactionId
from tests.architecture.rows import TenantRows

NOT_OURS = {"alembic_version"}
# The id of a channel is public and random: it names its tenant before the tenant is known.
UNIQUE_WITHOUT_TENANT = {("channels", ("id",))}
# Columns in which the sweeper finds due work: ids, numbers, states and times, never content.
SWEPT = re.compile(r"(\w+_)?id|seq|key_no|status|kind|(\w+_)?tx|\w+_(at|until|minutes)")
TENANT = "(tenant_id = ( SELECT (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid"

TABLES = """
    select c.relname as name, c.relrowsecurity as secured, c.relforcerowsecurity as forced, pg_get_userbyid(c.relowner) as owner
    from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
"""
POLICIES = (
    "select tablename, policyname, permissive, roles::text[] as roles, cmd, qual, with_check from pg_policies where schemaname = 'public'"
)
KEYS = """
    select c.conrelid::regclass::text as name, c.contype::text as kind, c.confrelid::regclass::text as parent,
           (select array_agg(a.attname::text order by k.n) from unnest(c.conkey) with ordinality k(att, n)
              join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.att) as columns,
           (select array_agg(a.attname::text order by k.n) from unnest(c.confkey) with ordinality k(att, n)
              join pg_attribute a on a.attrelid = c.confrelid and a.attnum = k.att) as parent_columns
    from pg_constraint c join pg_class t on t.oid = c.conrelid
    where c.connamespace = 'public'::regnamespace and c.contype in ('p', 'u', 'f') and not t.relispartition
"""
UNIQUE_INDEXES = """
    select t.relname as name, (select array_agg(a.attname::text order by k.n) from unnest(i.indkey) with ordinality k(att, n)
             join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.att) as columns
    from pg_index i join pg_class t on t.oid = i.indrelid
    where t.relnamespace = 'public'::regnamespace and i.indisunique and not t.relispartition
"""
GRANTS = """
    select table_name as name, column_name as column, grantee, privilege_type as privilege
    from information_schema.column_privileges where table_schema = 'public' and grantee in ($1, $2, 'PUBLIC')
"""


@pytest.fixture
async def catalogue(database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A look at the migrated database from outside."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def rows(connection: "asyncpg.Connection[asyncpg.Record]", query: str, *args: Any) -> list[asyncpg.Record]:
    """Rows of a query about our own tables."""
    return [row for row in await connection.fetch(query, *args) if row.get("name", row.get("tablename")) not in NOT_OURS]


async def test_every_table_is_secured_even_against_its_owner(catalogue: Any):
    tables = await rows(catalogue, TABLES)
    assert {table["name"] for table in tables} == set(metadata.tables)
    assert [table["name"] for table in tables if not (table["secured"] and table["forced"])] == []


async def test_every_table_has_the_tenants_policy_and_only_reading_doors_beside_it(catalogue: Any):
    policies = await rows(catalogue, POLICIES)
    own = {policy["tablename"] for policy in policies if policy["policyname"] == "tenant"}
    assert own == set(metadata.tables)
    for policy in policies:
        if policy["policyname"] == "tenant":
            assert policy["cmd"] == "ALL"
            assert policy["roles"] == [APP_ROLE]
            assert policy["qual"].startswith(TENANT)
            assert policy["with_check"] == policy["qual"]
        elif policy["policyname"] == "sweep":
            assert (policy["cmd"], policy["roles"]) == ("SELECT", [SWEEPER_ROLE])
        else:
            assert policy["policyname"].startswith("lookup_"), policy
            assert (policy["cmd"], policy["roles"]) == ("SELECT", [APP_ROLE])
            assert "current_setting('app." in policy["qual"]


async def test_every_key_starts_with_the_tenant(catalogue: Any):
    for key in await rows(catalogue, KEYS):
        assert key["columns"][0] == "tenant_id", dict(key)
        if key["kind"] == "f":
            assert key["parent_columns"][0] == "tenant_id", dict(key)
    for index in await rows(catalogue, UNIQUE_INDEXES):
        named = (index["name"], tuple(index["columns"]))
        assert index["columns"][0] == "tenant_id" or named in UNIQUE_WITHOUT_TENANT, named


async def test_the_applications_roles_own_nothing_and_cannot_look_past_the_policies(catalogue: Any):
    roles = await catalogue.fetch(
        "select rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb from pg_roles where rolname = any($1)",
        [APP_ROLE, SWEEPER_ROLE, LOGIN],
    )
    assert len(roles) == 3
    for role in roles:
        powers = [name for name, value in role.items() if value is True]
        assert powers == [], role["rolname"]
    owners = {table["owner"] for table in await rows(catalogue, TABLES)}
    assert owners.isdisjoint({APP_ROLE, SWEEPER_ROLE, LOGIN})
    for name in (APP_ROLE, SWEEPER_ROLE, LOGIN):
        assert not await catalogue.fetchval("select has_schema_privilege($1, 'public', 'create')", name), name
        assert not await catalogue.fetchval("select pg_has_role($1, $2, 'member')", name, OWNER), name


async def test_the_sweeper_reads_ids_and_times_and_nothing_else(catalogue: Any):
    grants = await rows(catalogue, GRANTS, APP_ROLE, SWEEPER_ROLE)
    for grant in grants:
        assert grant["grantee"] != "PUBLIC", dict(grant)
        if grant["grantee"] == SWEEPER_ROLE:
            assert grant["privilege"] == "SELECT", dict(grant)
            assert SWEPT.fullmatch(grant["column"]), dict(grant)


async def test_no_function_or_view_runs_with_its_owners_rights(catalogue: Any):
    functions = (
        "select proname from pg_proc where prosecdef and pronamespace::regnamespace::text not in ('pg_catalog', 'information_schema')"
    )
    assert await catalogue.fetch(functions) == []
    views = "select relname, reloptions from pg_class where relkind in ('v', 'm') and relnamespace = 'public'::regnamespace"
    for view in await catalogue.fetch(views):
        assert "security_invoker=true" in (view["reloptions"] or []), view["relname"]


async def test_the_migrated_database_is_what_the_code_describes(database_url: str):
    engine = create_async_engine(database_url.replace("postgresql://", "postgresql+asyncpg://"))
    try:
        async with engine.connect() as connection:
            differences = await connection.run_sync(_differences)
    finally:
        await engine.dispose()
    assert differences == []


def _differences(connection: Connection) -> list[Any]:
    connection.dialect.ischema_names = {**connection.dialect.ischema_names, "xid8": TransactionId}  # type: ignore[attr-defined]
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": False})
    return [change for change in compare_metadata(context, metadata) if not _is_about(change, NOT_OURS)]


def _is_about(change: Any, names: set[str]) -> bool:
    return isinstance(change, tuple) and getattr(change[1], "name", None) in names


@pytest.fixture
async def foreign(db: Database) -> TenantRows:
    """A tenant with a row in every table."""
    tenant = TenantRows(db)
    await tenant.fill_every_table()
    return tenant


async def test_without_a_tenant_no_table_shows_a_row(db: Database, foreign: TenantRows):
    async with db.engine.connect() as connection:
        for name in metadata.tables:
            assert await connection.scalar(text(f"select count(*) from {name}")) == 0, name


async def test_another_tenant_sees_changes_and_deletes_nothing(db: Database, foreign: TenantRows):
    mine = TenantRows(db)
    before = await foreign.snapshot()
    assert all(before.values())
    async with db.tenant(mine.tenant_id) as connection:
        for table in metadata.tables.values():
            assert await connection.scalar(text(f"select count(*) from {table.name}")) == 0, table.name
            changed = await connection.execute(table.update().values(tenant_id=table.c.tenant_id))
            deleted = await connection.execute(table.delete())
            assert (changed.rowcount, deleted.rowcount) == (0, 0), table.name
    assert await foreign.snapshot() == before


async def test_another_tenants_name_cannot_be_put_on_a_row(db: Database, foreign: TenantRows):
    mine = TenantRows(db)
    for table in metadata.tables.values():
        with pytest.raises(DBAPIError, match="row-level security"):
            async with db.tenant(mine.tenant_id) as connection:
                await connection.execute(table.insert().values(await foreign.values_for(table)))


async def test_a_row_cannot_hang_on_another_tenants_parent(db: Database, foreign: TenantRows):
    mine = TenantRows(db)
    await mine.row("tenants")
    for table in metadata.tables.values():
        values = await foreign.values_for(table)
        parents = [key for key in table.foreign_key_constraints if len(key.columns) > 1 and key.referred_table is not table]
        if parents:
            with pytest.raises(DBAPIError, match="foreign key"):
                async with db.tenant(mine.tenant_id) as connection:
                    await connection.execute(table.insert().values(values | {"tenant_id": mine.tenant_id}))


async def test_deleting_everything_of_one_tenant_leaves_the_other_whole(db: Database, foreign: TenantRows):
    mine = TenantRows(db)
    await mine.fill_every_table()
    before = await foreign.snapshot()
    async with db.tenant(mine.tenant_id) as connection:
        for table in reversed(metadata.sorted_tables):
            await connection.execute(table.delete())
    assert await foreign.snapshot() == before
    assert not any((await mine.snapshot()).values())


async def test_two_tenants_may_use_the_same_names(db: Database, foreign: TenantRows):
    twin = TenantRows(db)
    await twin.fill_every_table()
    assert (await twin.row("members"))["email"] == (await foreign.row("members"))["email"]


async def test_the_sweeper_cannot_read_content_or_write(db: Database, foreign: TenantRows):
    for statement in ("select args from jobs", "select * from messages", "select email from members", "select wrapped_key from data_keys"):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with db.sweep() as connection:
                await connection.execute(text(statement))
    with pytest.raises(DBAPIError):
        async with db.sweep() as connection:
            await connection.execute(text("update jobs set status = 'done'"))


async def test_a_lookup_shows_only_the_row_it_names_and_cannot_write(db: Database, foreign: TenantRows):
    other = TenantRows(db)
    await other.fill_every_table()
    channel: UUID = (await foreign.row("channels"))["id"]
    async with db.lookup(channel_id=channel) as connection:
        assert (await connection.execute(text("select id from channels"))).scalars().all() == [channel]
        for name in set(metadata.tables) - {"channels"}:
            assert await connection.scalar(text(f"select count(*) from {name}")) == 0, name
    with pytest.raises(DBAPIError, match="read-only"):
        async with db.lookup(channel_id=channel) as connection:
            await connection.execute(text("update channels set name = 'x'"))
