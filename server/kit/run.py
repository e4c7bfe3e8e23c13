"""`chatloom run`: everything on this machine under one supervisor, from the data folder to the sign-in link.

The web process loads while the database is prepared and begins when the gate opens. Runner and workers start once the first page has
come back: before that they would only take the processors from it.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from server.kit.embedded.folders import FolderInUse, FolderLock, make_data_folder
from server.kit.embedded.postgres import EmbeddedPostgres
from server.kit.embedded.redis import EmbeddedRedis
from server.kit.embedded.server import EmbeddedServer, last_lines
from server.kit.settings import FIRST_PORT, Settings, environment_for_children, variable_of
from server.kit.supervise import Stopped, Supervisor, own_process

ROOT = Path(__file__).parents[2]
PORTS_TO_TRY = 200
LAST_PORT = "port"
_FIRST_PAGE = b"GET /sign-in HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


class CannotRun(Exception):
    """Chatloom cannot run here; the message says why and what to do."""


def run(settings: Settings, say: Callable[[str], None]) -> None:
    """Run until somebody asks to stop."""
    make_data_folder(settings.data_dir)
    lock = FolderLock(settings.data_dir / "run.lock")
    try:
        lock.take()
    except FolderInUse as taken:
        raise CannotRun(f"Chatloom is already running in {settings.data_dir}: {taken.note or 'it is still starting'}") from None
    try:
        with _listening(settings) as listener:
            chosen = reaching_itself(settings, listener.getsockname()[1])
            lock.note(chosen.public_url)
            _Run(chosen, listener, say).until_stopped()
    finally:
        lock.release()


def reaching_itself(settings: Settings, port: int) -> Settings:
    """The settings of a server on `port`; its flows may call it, so that the sample flow reaches the sample shop."""
    return replace(settings, port=port, outbound_allow=settings.outbound_allow | {f"localhost:{port}"})


@contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    """The web address, held by us: a web process that dies and comes back misses no visitor. Next time it is the same again."""
    last = settings.data_dir / LAST_PORT
    listener = open_listener(settings.host, settings.port, _port_in(last))
    last.write_text(str(listener.getsockname()[1]))
    try:
        yield listener
    finally:
        listener.close()


def _port_in(file: Path) -> int:
    """The port noted in `file`; 0 when there is none."""
    try:
        port = int(file.read_text())
    except (OSError, ValueError):
        return 0
    return port if 0 < port < 65536 else 0


def open_listener(host: str, port: int, last: int = 0) -> socket.socket:
    """A listening socket on `port`; for 0 on `last`, the port of the time before, or else on the first free one from FIRST_PORT up."""
    free = [*([last] if last else []), *range(FIRST_PORT, FIRST_PORT + PORTS_TO_TRY)]
    for candidate in [port] if port else free:
        listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, candidate))
            listener.listen(1024)
        except OSError as error:
            listener.close()
            reason = error.strerror
            continue
        return listener
    wanted = f"{host}:{port}" if port else f"{host}, ports {FIRST_PORT} to {FIRST_PORT + PORTS_TO_TRY - 1}"
    raise CannotRun(f"Cannot listen on {wanted} ({reason}). Choose others with {variable_of('host')} and {variable_of('port')}.")


class Gate:
    """Holds processes back until it opens: they read from a pipe whose other end we close."""

    def __init__(self) -> None:
        self._ends: tuple[int, int] | None = os.pipe()

    @property
    def descriptors(self) -> list[int]:
        """What a waiting process inherits; nothing once the gate is open."""
        return [self._ends[0]] if self._ends else []

    def open(self) -> None:
        """Let everybody through, now and later."""
        if self._ends:
            for end in self._ends:
                os.close(end)
            self._ends = None


class FirstPage:
    """One request for the sign-in page, sent before the web process listens and answered as soon as it does."""

    def __init__(self, listener: socket.socket) -> None:
        host, port = listener.getsockname()[:2]
        self._address = ({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port)
        self._connection = socket.create_connection(self._address)
        self._connection.sendall(_FIRST_PAGE)
        self.failures = 0

    def fileno(self) -> int:
        """For select: readable when there is an answer or the web process has died."""
        return self._connection.fileno()

    def is_usable(self) -> bool:
        """Whether the page came; otherwise ask again."""
        try:
            status = self._connection.recv(64).split(b" ")[1:2]
        except OSError:
            status = []
        self._connection.close()
        if status and status[0].isdigit() and int(status[0]) < 500:
            return True
        self.failures += 1
        time.sleep(0.1)
        self._connection = socket.create_connection(self._address)
        self._connection.sendall(_FIRST_PAGE)
        return False

    def close(self) -> None:
        """Forget the request."""
        self._connection.close()


class Preparation:
    """The process that migrates, makes the key and fills the sample workspace; it reports one JSON object per line."""

    def __init__(self, process: subprocess.Popen[bytes], reports: int, log: Path) -> None:
        self.process = process
        self.log = log
        self.migrated = False
        self.link: str | None = None
        self.finished = False
        self._reports = reports
        self._unread = b""

    def fileno(self) -> int:
        """For select: readable when there is a report or the process has ended."""
        return self._reports

    def read(self) -> None:
        """Take the reports in; raise CannotRun when the process failed."""
        received = os.read(self._reports, 65_536)
        *lines, self._unread = (self._unread + received).split(b"\n")
        for line in lines:
            report = json.loads(line)
            self.migrated = self.migrated or "migrated" in report
            self.link = report.get("link", self.link)
        if not received:
            self.finished = True
            if self.process.wait() != 0:
                raise CannotRun(f"The database could not be prepared. The end of {self.log}:\n{last_lines(self.log)}")

    def close(self) -> None:
        """End the process if it is still at work."""
        os.close(self._reports)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class _Run:
    def __init__(self, settings: Settings, listener: socket.socket, say: Callable[[str], None]) -> None:
        self.settings = settings
        self.listener = listener
        self.say = say
        self.supervisor = Supervisor(say)
        self.servers: list[EmbeddedServer] = []
        self.gate = Gate()
        self.began = time.monotonic()

    def until_stopped(self) -> None:
        """Start everything, print the link, look after it; stop everything."""
        try:
            with self.supervisor.signals():
                self._start_servers()
                self._start_web()
                self._until_usable()
                while True:
                    self.supervisor.wait()
        except Stopped:
            self.say("Stopping")
        finally:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            self._stop()

    def _start_servers(self) -> None:
        """Both at once; then wait for both."""
        postgres = EmbeddedPostgres(self.settings.data_dir) if self.settings.database_url is None else None
        redis = EmbeddedRedis(self.settings.data_dir) if self.settings.redis_url is None else None
        if postgres and not postgres.cluster.exists():
            self.say("Setting up a database in " + str(self.settings.data_dir))
        wanted: list[EmbeddedServer | None] = [redis, postgres]
        self.servers = [server for server in wanted if server is not None]
        for server in self.servers:
            self.supervisor.add(server.name, server.spawn, server.log)
        for server in self.servers:
            server.wait_ready()
        if redis:
            self.settings = replace(self.settings, redis_url=redis.url)
        if postgres:
            self.settings = replace(self.settings, database_url=postgres.url, migration_database_url=postgres.migration_url)

    def _start_web(self) -> None:
        web = ["--listen-on", str(self.listener.fileno())]
        self.supervisor.add("web", partial(self._process, "web", web, self.listener.fileno()), self._log("web"))

    def _start_others(self) -> None:
        jobs = [] if self.settings.workers else ["--jobs"]
        self.supervisor.add("runner", partial(self._process, "runner", jobs), self._log("runner"))
        for number in range(1, self.settings.workers + 1):
            log = f"worker-{number}"
            self.supervisor.add(f"worker {number}", partial(self._process, "worker", log=log), self._log(log))

    def _process(self, name: str, options: list[str] | None = None, *keep: int, log: str = "") -> subprocess.Popen[bytes]:
        gate = self.gate.descriptors
        waiting = ["--after", str(gate[0])] if gate else []
        command = [sys.executable, "-m", "server.cli", name, *(options or []), *waiting]
        environment = environment_for_children(self.settings)
        return own_process(command, log=self._log(log or name), env=environment, folder=ROOT, keep=[*keep, *gate])

    def _log(self, name: str) -> Path:
        return self.settings.data_dir / "logs" / f"{name}.log"

    def _until_usable(self) -> None:
        """Open the gate when the tables are there; say where to go when the first page comes back."""
        with closing(self._start_preparation()) as preparation, closing(FirstPage(self.listener)) as page:
            usable = told = False
            while not (told and preparation.finished):
                waiting_for = [] if preparation.finished else [preparation.fileno()]
                waiting_for += [] if usable else [page.fileno()]
                readable = self.supervisor.wait(*waiting_for)
                if preparation.fileno() in readable:
                    preparation.read()
                    if preparation.migrated:
                        self.gate.open()
                if page.fileno() in readable and page.is_usable():
                    usable = True
                    self._start_others()
                if usable and not told and (preparation.link or preparation.finished):
                    told = True
                    self._tell(preparation.link)

    def _start_preparation(self) -> Preparation:
        reading, writing = os.pipe()
        log = self._log("prepare")
        command = [sys.executable, "-m", "server.cli", "prepare", "--report-to", str(writing)]
        try:
            process = own_process(command, log=log, env=environment_for_children(self.settings), folder=ROOT, keep=[writing])
        finally:
            os.close(writing)
        return Preparation(process, reading, log)

    def _tell(self, link: str | None) -> None:
        self.say(f"Chatloom is ready after {time.monotonic() - self.began:.1f} s")
        self.say(f"Open {link or self.settings.public_url}")
        self.say(f"Stop with Ctrl-C. Data and logs: {self.settings.data_dir}")

    def _stop(self) -> None:
        """Our own processes first, then what they need."""
        names = {server.name for server in self.servers}
        self.supervisor.stop([child for child in self.supervisor.children if child.name not in names])
        for server in self.servers:
            server.stop()
        self.gate.open()
