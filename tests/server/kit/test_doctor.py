"""`chatloom doctor` names what is wrong and says how to mend it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from server.kit.doctor import Finding, examine
from server.kit.embedded.folders import FolderLock
from server.kit.embedded.postgres import LOGIN, OWNER, EmbeddedPostgres, start_postgres
from server.kit.embedded.redis import start_redis
from server.kit.migrate import migrate
from server.kit.run import open_listener
from server.kit.settings import Settings, read_settings


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    server = start_postgres(tmp_path_factory.mktemp("doctor"))
    yield server
    server.stop()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Nothing set, nothing started."""
    return read_settings({"CHATLOOM_DATA_DIR": str(tmp_path)})


async def findings_of(settings: Settings) -> dict[str, Finding]:
    return {finding.about: finding for finding in await examine(settings)}


async def outside(postgres: EmbeddedPostgres, settings: Settings) -> Settings:
    """The same with a fresh, migrated database of somebody else's."""
    connection = await asyncpg.connect(postgres.admin_url)
    await connection.execute("drop database if exists fresh with (force)")
    await connection.execute(f"create database fresh owner {OWNER}")
    await connection.close()
    await migrate(postgres.address(OWNER, "fresh"))
    return replace(settings, database_url=postgres.address(LOGIN, "fresh"), migration_database_url=postgres.address(OWNER, "fresh"))


async def change(postgres: EmbeddedPostgres, sql: str, database: str = "fresh") -> None:
    connection = await asyncpg.connect(postgres.address("postgres", database))
    await connection.execute(sql)
    await connection.close()


async def test_before_the_first_start_nothing_is_wrong(settings: Settings) -> None:
    findings = await findings_of(settings)
    findings.pop("user interface")
    assert [finding for finding in findings.values() if not finding.good] == []
    assert findings["database"].says == "an embedded one will be set up on the first start"


async def test_an_embedded_database_is_examined_even_while_nothing_runs(settings: Settings) -> None:
    server = start_postgres(settings.data_dir)
    assert "at revision none" in (await findings_of(settings))["tables"].says
    await migrate(server.migration_url)
    server.stop()

    findings = await findings_of(settings)
    assert [findings[about].good for about in ("database", "tables", "database role", "tenant walls")] == [True] * 4
    assert not EmbeddedPostgres(settings.data_dir).find(), "the examination left the database running"


async def test_a_running_chatloom_is_found(settings: Settings) -> None:
    lock = FolderLock(settings.data_dir / "run.lock")
    lock.take()
    lock.note("http://localhost:8812")
    assert "http://localhost:8812" in (await findings_of(settings))["address"].says
    lock.release()
    assert (await findings_of(settings))["address"].says == "the first free port will be taken"


async def test_a_taken_port_is_named(settings: Settings) -> None:
    with open_listener("127.0.0.1", 0) as listener:
        finding = (await findings_of(replace(settings, port=listener.getsockname()[1])))["address"]
    assert not finding.good
    assert "CHATLOOM_PORT" in finding.says


async def test_a_key_that_others_can_read_is_closed(settings: Settings) -> None:
    settings.secret_key_file.write_text("key")
    settings.secret_key_file.chmod(0o644)
    assert "chmod 600" in (await findings_of(settings))["secret key"].says
    settings.secret_key_file.chmod(0o600)
    assert (await findings_of(settings))["secret key"].good


async def test_servers_that_do_not_answer_are_named(settings: Settings) -> None:
    away = replace(settings, database_url="postgresql://me@127.0.0.1:1/x", redis_url="redis://127.0.0.1:1/0")
    findings = await findings_of(away)
    assert "CHATLOOM_DATABASE_URL" in findings["database"].says
    assert "CHATLOOM_REDIS_URL" in findings["Redis"].says
    assert not findings["database"].good
    assert not findings["Redis"].good


async def test_an_outside_database_in_order_has_nothing_to_mend(postgres: EmbeddedPostgres, settings: Settings) -> None:
    redis = start_redis(settings.data_dir)
    findings = await findings_of(replace(await outside(postgres, settings), redis_url=redis.url))
    redis.stop()
    findings.pop("user interface")
    assert [finding for finding in findings.values() if not finding.good] == []
    assert findings["Redis"].says.startswith("Redis ")


async def test_missing_tables_send_to_migrate(postgres: EmbeddedPostgres, settings: Settings) -> None:
    empty = replace(settings, database_url=postgres.url, migration_database_url=postgres.migration_url)
    finding = (await findings_of(empty))["tables"]
    assert not finding.good
    assert "chatloom migrate" in finding.says


async def test_tables_that_cannot_be_read_ask_for_the_owner(postgres: EmbeddedPostgres, settings: Settings) -> None:
    ready = await outside(postgres, settings)
    finding = (await findings_of(replace(ready, migration_database_url=None)))["tables"]
    assert not finding.good
    assert "CHATLOOM_MIGRATION_DATABASE_URL" in finding.says


async def test_a_table_without_walls_is_named(postgres: EmbeddedPostgres, settings: Settings) -> None:
    ready = await outside(postgres, settings)
    await change(postgres, "alter table flows no force row level security; create table bare ()")
    finding = (await findings_of(ready))["tenant walls"]
    assert not finding.good
    assert "bare, flows" in finding.says


@pytest.mark.parametrize(
    ("harm", "mend", "says"),
    [
        (f"revoke chatloom_app from {LOGIN}", f"grant chatloom_app to {LOGIN}", "may not become chatloom_app"),
        ("alter role chatloom_app bypassrls", "alter role chatloom_app nobypassrls", "passes row-level security"),
    ],
)
async def test_a_role_with_wrong_rights_is_named(postgres: EmbeddedPostgres, settings: Settings, harm: str, mend: str, says: str) -> None:
    ready = await outside(postgres, settings)
    await change(postgres, harm)
    finding = (await findings_of(ready))["database role"]
    await change(postgres, mend)
    assert not finding.good
    assert says in finding.says
    assert (await findings_of(ready))["database role"].good
