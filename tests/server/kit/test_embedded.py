"""The embedded servers start anywhere, stop cleanly and come back after any kind of death."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import asyncpg
import psutil
import pytest

from server.kit import db
from server.kit.embedded.folders import FolderInUse, processes_in
from server.kit.embedded.postgres import EmbeddedPostgres, start_postgres
from server.kit.embedded.redis import EmbeddedRedis, start_redis

ROOT = Path(__file__).parents[3]
NOBODY = 65534
STARTER = """
import sys
from pathlib import Path
from server.kit.embedded.postgres import start_postgres
from server.kit.embedded.redis import start_redis
servers = [start_postgres(Path(sys.argv[1])), start_redis(Path(sys.argv[1]))]
print(servers[0].admin_url, flush=True)
sys.stdin.read()
for server in servers:
    server.stop()
print("stopped", flush=True)
"""


def ask(url: str, sql: str) -> object:
    """The first value that `sql` gives."""

    async def query() -> object:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    return asyncio.run(query())


@contextmanager
def running(folder: Path) -> Iterator[EmbeddedPostgres]:
    server = start_postgres(folder)
    try:
        yield server
    finally:
        server.stop()


def wait_until_gone(folder: Path) -> None:
    until = time.monotonic() + 20
    while processes_in(folder / "postgres", "postgres") or processes_in(folder / "redis", "redis-server"):
        assert time.monotonic() < until, "a server outlived the process that started it"
        time.sleep(0.05)


def ordinary_python() -> list[str] | None:
    """A command that runs Python with our packages as an account without rights; None where there is none."""
    setpriv = shutil.which("setpriv")
    if os.geteuid() != 0 or setpriv is None:
        return None
    for python in (sys.executable, "/usr/bin/python3"):
        command = [setpriv, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", python]
        probe = [*command, "-c", "import os, sys, psutil, server.kit.embedded.postgres; sys.exit(not os.access(sys.executable, os.X_OK))"]
        if subprocess.run(probe, env=starter_environment(), cwd="/", capture_output=True, check=False).returncode == 0:
            return command
    return None


def starter_environment() -> dict[str, str]:
    packages = [str(ROOT), *(path for path in sys.path if path.endswith("site-packages"))]
    return {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(packages), "PYTHONDONTWRITEBYTECODE": "1"}


ORDINARY = ordinary_python()
STARTERS = {"this account": [sys.executable]} | ({"an ordinary account": ORDINARY} if ORDINARY else {})


@pytest.fixture(params=STARTERS)
def starter(request: pytest.FixtureRequest) -> list[str]:
    """How to start Python: as we are, and as root also as somebody without rights."""
    return STARTERS[request.param]


@pytest.fixture
def folder(starter: list[str]) -> Iterator[Path]:
    """A data folder that the starter's account may write."""
    parent = Path(tempfile.mkdtemp())
    if starter is ORDINARY:
        os.chown(parent, NOBODY, NOBODY)
    yield parent / "data"
    shutil.rmtree(parent)


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A data folder whose name leaves room for a socket in it, which those that tests are given may not."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@contextmanager
def started(starter: list[str], folder: Path) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Both servers started by a process of their own; gives that process and the superuser's address."""
    command = [*starter, "-c", STARTER, str(folder)]
    process = subprocess.Popen(
        command, env=starter_environment(), cwd="/", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process, closing(process.stdin), closing(process.stdout):
        try:
            url = process.stdout.readline().strip()
            assert url.startswith("postgresql://")
            yield process, url
        finally:
            process.kill()


def test_starts_and_stops_and_keeps_what_was_stored(starter: list[str], folder: Path) -> None:
    for stored in ("create table kept as select 41 + 1 as answer", "select 1"):
        with started(starter, folder) as (process, url):
            ask(url, stored)
            output, _ = process.communicate("")
            assert output == "stopped\n"
            assert not processes_in(folder / "postgres", "postgres")
            assert not processes_in(folder / "redis", "redis-server")
    with started(starter, folder) as (_, url):
        assert ask(url, "select answer from kept") == 42
    wait_until_gone(folder)


def test_ends_by_itself_when_its_starter_is_killed(starter: list[str], folder: Path) -> None:
    with started(starter, folder) as (process, _):
        process.kill()
        process.wait()
        wait_until_gone(folder)


def test_comes_back_after_everything_was_killed(starter: list[str], folder: Path) -> None:
    with started(starter, folder) as (process, url):
        ask(url, "create table kept as select 42 as answer")
        for one in [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                one.kill()
    with started(starter, folder) as (_, url):
        assert ask(url, "select answer from kept") == 42
    wait_until_gone(folder)


def test_comes_back_beside_a_busy_leftover_of_a_killed_server(tmp_path: Path) -> None:
    async def keep_busy(url: str, server: EmbeddedPostgres) -> None:
        connection = await asyncpg.connect(url)
        endless = asyncio.ensure_future(connection.execute("select count(*) from generate_series(1, 1000000000000)"))
        await asyncio.sleep(0.3)
        assert server.process is not None
        server.process.kill()
        server.process.wait()
        assert processes_in(server.cluster, "postgres"), "the backend should still be counting"
        server.spawn()
        server.wait_ready()
        with pytest.raises((asyncpg.PostgresError, OSError)):
            await endless
        connection.terminate()

    with running(tmp_path) as server:
        asyncio.run(keep_busy(server.admin_url, server))
        assert ask(server.url, "select 1") == 1


@pytest.mark.parametrize("stranger", [1, os.getpid(), 4_000_000], ids=["the first process", "this process", "nobody"])
def test_is_not_held_up_by_a_stale_pid_file(short_folder: Path, stranger: int) -> None:
    with running(short_folder) as server:
        sockets = server.sockets
        pid_file = server.cluster / "postmaster.pid"
        stale = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(stranger), *stale[1:]]) + "\n")
    (sockets / ".s.PGSQL.5432.lock").write_text(f"{stranger}\n")
    with running(short_folder) as server:
        assert server.sockets == sockets
        assert ask(server.url, "select 1") == 1


def test_begins_again_when_its_first_set_up_was_cut_short(tmp_path: Path) -> None:
    (tmp_path / "postgres.new").mkdir()
    (tmp_path / "postgres.new" / "PG_VERSION").write_text("18\n")
    with running(tmp_path) as server:
        assert ask(server.url, "select 1") == 1


def test_two_folders_do_not_meet(tmp_path: Path) -> None:
    with running(tmp_path / "one") as one, running(tmp_path / "two") as two:
        ask(one.admin_url, "create table only_here ()")
        assert ask(two.admin_url, "select to_regclass('only_here')") is None


@pytest.mark.parametrize("start", [start_postgres, start_redis])
def test_one_folder_has_one_server(tmp_path: Path, start: Callable[[Path], EmbeddedPostgres | EmbeddedRedis]) -> None:
    first = start(tmp_path)
    try:
        with pytest.raises(FolderInUse, match="in use by another running Chatloom"):
            start(tmp_path)
        found = type(first)(tmp_path)
        assert found.find()
        assert found.url == first.url
    finally:
        first.stop()
    assert not type(first)(tmp_path).find()


@pytest.mark.parametrize("name", ["x" * 120, 'it\'s, "odd" \\ é', "with space"])
def test_the_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    with running(tmp_path / name) as server:
        assert ask(server.url, "select 1") == 1
        sockets = server.sockets
    assert sockets.parent == tmp_path / name / "run" or not sockets.exists()


def test_a_killed_server_leaves_no_socket_folder_for_good(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 120)
    with started([sys.executable], folder) as (process, _):
        left = (folder / "postgres.lock").read_text()
        process.kill()
        process.wait()
        wait_until_gone(folder)
        assert Path(left).exists()
    with running(folder):
        assert not Path(left).exists()


def test_the_application_signs_in_as_somebody_who_owns_nothing(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        rights = "select rolsuper or rolcreatedb or rolcreaterole or rolbypassrls from pg_roles where rolname = "
        assert ask(server.url, rights + "session_user") is False
        assert ask(server.url, rights + f"'{db.APP_ROLE}'") is False
        for role in (db.APP_ROLE, db.SWEEPER_ROLE):
            assert ask(server.url, f"select pg_has_role(session_user, '{role}', 'set')") is True
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            ask(server.url, "create table mine ()")
        assert ask(server.migration_url, "select has_schema_privilege('public', 'create')") is True


def test_nothing_listens_on_the_network(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        redis = start_redis(tmp_path)
        try:
            processes = [psutil.Process(one.process.pid) for one in (server, redis) if one.process]
            assert [place for one in processes for place in one.net_connections("inet") if place.status == psutil.CONN_LISTEN] == []
        finally:
            redis.stop()


def test_redis_answers_and_comes_back_after_a_kill(tmp_path: Path) -> None:
    redis = start_redis(tmp_path)
    try:
        assert redis.process is not None
        redis.process.send_signal(signal.SIGKILL)
        redis.process.wait()
        redis.spawn()
        redis.wait_ready()
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(redis.sockets / "redis.sock"))
            connection.sendall(b"CONFIG GET save\r\n")
            assert connection.recv(100) == b"*2\r\n$4\r\nsave\r\n$0\r\n\r\n"
    finally:
        redis.stop()
