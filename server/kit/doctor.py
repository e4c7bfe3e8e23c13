"""`chatloom doctor`: looks at everything Chatloom needs and says how to mend what is not right."""

import os
import shutil
import socket
import stat
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from server.kit.db import APP_ROLE, SWEEPER_ROLE
from server.kit.embedded.folders import EmbeddedError, FolderInUse, FolderLock
from server.kit.embedded.postgres import EmbeddedPostgres, install_folder
from server.kit.embedded.redis import EmbeddedRedis, server_program
from server.kit.embedded.server import EmbeddedServer
from server.kit.migrate import revisions
from server.kit.settings import Settings, variable_of

ROOT = Path(__file__).parents[2]
OLDEST_PYTHON = (3, 11)
OLDEST_POSTGRES = 17
LEAST_FREE_BYTES = 1_000_000_000
_UNPROTECTED = """
    select string_agg(relname, ', ' order by relname) from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and relname <> 'alembic_version'
    and not (relrowsecurity and relforcerowsecurity)
"""
_TOO_MIGHTY = "select rolsuper or rolbypassrls or exists (select from pg_class where relowner = r.oid) from pg_roles r where rolname = $1"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: whether it is right, and what to say about it."""

    about: str
    good: bool
    says: str


async def examine(settings: Settings) -> list[Finding]:
    """Everything, in the order in which it should be mended."""
    findings = [_python(), *_packages(settings), _assets(), *_data_folder(settings), _port(settings)]
    findings += [finding async for finding in _database(settings)]
    findings += [finding async for finding in _redis(settings)]
    return findings


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info >= OLDEST_PYTHON
    return Finding("Python", good, version if good else f"{version} is too old. Install 3.11 or newer and run `make run` again.")


def _packages(settings: Settings) -> Iterator[Finding]:
    embedded = ((settings.database_url, "embedded PostgreSQL", install_folder), (settings.redis_url, "embedded Redis", server_program))
    for outside, about, find in embedded:
        if outside is None:
            try:
                yield Finding(about, True, f"found in {find().parent.name}")
            except EmbeddedError as error:
                yield Finding(about, False, str(error))


def _assets() -> Finding:
    good = (ROOT / "ui" / "static" / "dist" / "manifest.json").exists()
    return Finding("user interface", good, "built" if good else "not built yet. Run `python3 scripts/bootstrap.py`.")


def _data_folder(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(existing, os.W_OK | os.X_OK):
        says = f"this account may not write in {existing}. Change its owner, or set {variable_of('data_dir')} to another folder."
        yield Finding("data folder", False, says)
        return
    yield Finding("data folder", True, str(folder) if folder.exists() else f"{folder} will be made on the first start")
    free = shutil.disk_usage(existing).free
    enough = free >= LEAST_FREE_BYTES
    yield Finding(
        "disk", enough, f"{free / 1e9:.1f} GB free" + ("" if enough else ". Make room: the database stops when the disk is full.")
    )
    yield _secret_key(settings.secret_key_file)


def _secret_key(file: Path) -> Finding:
    if not file.exists():
        return Finding("secret key", True, f"{file} will be made on the first start")
    if stat.S_IMODE(file.stat().st_mode) & 0o077:
        return Finding("secret key", False, f"other accounts can read {file}. Run `chmod 600 {file}`.")
    return Finding("secret key", True, "there, and closed to others")


def _port(settings: Settings) -> Finding:
    running = _running(settings)
    if running is not None:
        return Finding("address", True, f"`chatloom run` is serving {running or 'soon: it is still starting'}")
    if settings.port == 0:
        return Finding("address", True, "the first free port will be taken")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            says = f"cannot listen on {settings.host}:{settings.port} ({error.strerror}). Choose another with {variable_of('port')}."
            return Finding("address", False, says)
    return Finding("address", True, f"port {settings.port} is free")


def _running(settings: Settings) -> str | None:
    """The address `chatloom run` noted down for this data folder, or None when it is not running."""
    lock = FolderLock(settings.data_dir / "run.lock")
    if not lock.path.exists():
        return None
    try:
        lock.take()
    except FolderInUse as taken:
        return taken.note
    lock.release()
    return None


@contextmanager
def _started(server: EmbeddedServer) -> Iterator[None]:
    """The embedded server, started for the examination unless it runs anyway."""
    if server.find():
        yield
        return
    try:
        server.spawn()
        server.wait_ready()
        yield
    finally:
        server.stop()


async def _database(settings: Settings) -> AsyncIterator[Finding]:
    if settings.database_url is not None:
        owner_url = settings.migration_database_url or settings.database_url
        async for finding in _tables(settings.database_url, owner_url, "Run `chatloom migrate`."):
            yield finding
        return
    if not (settings.data_dir / "postgres").exists():
        yield Finding("database", True, "an embedded one will be set up on the first start")
        return
    try:
        server = EmbeddedPostgres(settings.data_dir)
        with _started(server):
            async for finding in _tables(server.url, server.migration_url, "Run `chatloom run`."):
                yield finding
    except EmbeddedError as error:
        yield Finding("database", False, str(error))


async def _tables(url: str, owner_url: str, how_to_migrate: str) -> AsyncIterator[Finding]:
    try:
        connection = await asyncpg.connect(url, timeout=5)
    except (OSError, asyncpg.PostgresError, TimeoutError) as error:
        yield Finding("database", False, f"cannot connect ({error}). Check {variable_of('database_url')}.")
        return
    try:
        version = connection.get_server_version().major
        if version < OLDEST_POSTGRES:
            yield Finding("database", False, f"PostgreSQL {version} is too old. Use {OLDEST_POSTGRES} or newer.")
            return
        yield Finding("database", True, f"PostgreSQL {version} answers")
        try:
            current, newest = await revisions(owner_url)
        except (OSError, SQLAlchemyError, asyncpg.PostgresError) as error:
            says = f"cannot be read ({type(error).__name__}). Set {variable_of('migration_database_url')} to the role that owns the tables."
            yield Finding("tables", False, says)
            return
        if current != newest:
            yield Finding("tables", False, f"at revision {current or 'none'}, this version needs {newest}. {how_to_migrate}")
            return
        yield Finding("tables", True, f"at revision {newest}")
        yield await _role(connection)
        bare = await connection.fetchval(_UNPROTECTED)
        says = "every table is under forced row-level security" if bare is None else f"not forced on {bare}. {how_to_migrate}"
        yield Finding("tenant walls", bare is None, says)
    finally:
        await connection.close()


async def _role(connection: "asyncpg.Connection[asyncpg.Record]") -> Finding:
    for role in (APP_ROLE, SWEEPER_ROLE):
        if not await connection.fetchval("select pg_has_role(session_user, $1, 'set')", role):
            return Finding("database role", False, f"may not become {role}. As its owner: grant {role} to the role you sign in with.")
        if await connection.fetchval(_TOO_MIGHTY, role):
            return Finding("database role", False, f"{role} owns tables or passes row-level security. Take that from it.")
    return Finding("database role", True, f"works as {APP_ROLE}, which owns nothing")


async def _redis(settings: Settings) -> AsyncIterator[Finding]:
    if settings.redis_url is not None:
        yield await _ping(settings.redis_url)
        return
    try:
        server = EmbeddedRedis(settings.data_dir)
        if not server.find():
            yield Finding("Redis", True, "an embedded one is started by `chatloom run`")
            return
        yield await _ping(server.url)
    except EmbeddedError as error:
        yield Finding("Redis", False, str(error))


async def _ping(url: str) -> Finding:
    redis = Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5)
    try:
        version = (await redis.info("server"))["redis_version"]
    except (OSError, RedisError) as error:
        return Finding("Redis", False, f"does not answer ({error}). Check {variable_of('redis_url')}.")
    finally:
        await redis.aclose()
    return Finding("Redis", True, f"Redis {version} answers")
