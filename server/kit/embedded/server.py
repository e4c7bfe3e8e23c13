"""What the embedded servers have in common: a child process with a socket and a folder, started, waited for, stopped, started again."""

import os
import shutil
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

import psutil

from server.kit.embedded.folders import EmbeddedError, FolderInUse, FolderLock, make_data_folder

_LAUNCH = Path(__file__).with_name("launch.py")
_BIGGEST_LOG = 10_000_000

Endings = Sequence[tuple[signal.Signals, float]]


class EmbeddedServer(ABC):
    """One server in one data folder."""

    name: str
    endings: Endings
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir.absolute()
        self.log = self.data_dir / "logs" / f"{self.name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._lock = FolderLock(self.data_dir / f"{self.name}.lock")
        self._sockets: Path | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """Where the application connects."""

    @property
    def sockets(self) -> Path:
        """The folder of the socket."""
        if self._sockets is None:
            raise EmbeddedError(f"{self.name} has not been started.")
        return self._sockets

    def find(self) -> bool:
        """Whether another process runs this server; its address can be used then."""
        if not self._lock.path.exists():
            return False
        try:
            self._forget_sockets(self._lock.take())
        except FolderInUse as taken:
            self._sockets = Path(taken.note) if taken.note else None
            return self._sockets is not None
        self._lock.release()
        return False

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start the server and return at once; the first time in a folder, set it up before."""
        if self.process is None:
            make_data_folder(self.data_dir)
            self._forget_sockets(self._lock.take())
            self._sockets = self._set_up()
            self._lock.note(str(self._sockets))
        self._end_leftovers()
        log = open_log(self.log)
        try:
            self.process = subprocess.Popen(
                self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment, start_new_session=True
            )
        finally:
            os.close(log)
        return self.process

    def wait_ready(self, seconds: float = 60.0) -> None:
        """Wait until connections are answered."""
        until = time.monotonic() + seconds
        while not self._answers():
            if self.process is None or self.process.poll() is not None or time.monotonic() > until:
                raise EmbeddedError(f"{self.name} does not start. The end of {self.log}:\n{last_lines(self.log)}")
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop the server and give the folder back."""
        if self.process is not None:
            stop_process(self.process, self.endings)
            self.process = None
        self._forget_sockets(str(self._sockets or ""))
        self._sockets = None
        self._lock.release()

    def _forget_sockets(self, folder: str) -> None:
        """Remove the folder of the socket if it was made elsewhere because the data folder's name is too long."""
        if folder and self.data_dir not in Path(folder).parents:
            shutil.rmtree(folder, ignore_errors=True)

    @abstractmethod
    def _set_up(self) -> Path:
        """Make what the server needs before its first start; returns the folder for its socket."""

    @abstractmethod
    def _end_leftovers(self) -> None:
        """End what a killed run left behind."""

    @abstractmethod
    def _command(self) -> list[str]:
        """The command that becomes the server."""

    @abstractmethod
    def _answers(self) -> bool:
        """Whether the server takes connections."""


def launch_command(
    command: list[str],
    *,
    when_parent_dies: signal.Signals = signal.SIGKILL,
    account: tuple[int, int] | None = None,
    reach: bool = False,
) -> list[str]:
    """`command` made to end with this process and, given an account, to run as it."""
    options = ["--parent", str(os.getpid()), "--signal", str(int(when_parent_dies))]
    if account is not None:
        options += ["--uid", str(account[0]), "--gid", str(account[1])]
    if reach:
        options.append("--reach")
    return [sys.executable, "-I", "-S", str(_LAUNCH), *options, "--", *command]


def open_log(path: Path) -> int:
    """A descriptor to append to the log at `path`; a big one is put aside first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > _BIGGEST_LOG:
        path.replace(path.with_suffix(".old.log"))
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def last_lines(path: Path, count: int = 6) -> str:
    """The end of the log at `path`, for an error message."""
    return "\n".join(path.read_text(errors="replace").splitlines()[-count:]) if path.exists() else ""


def stop_process(process: subprocess.Popen[bytes] | psutil.Process, endings: Endings) -> None:
    """Send each signal in turn until the process is gone, waiting the given seconds after each."""
    for number, seconds in endings:
        try:
            process.send_signal(number)
            process.wait(seconds)
        except (subprocess.TimeoutExpired, psutil.TimeoutExpired):
            continue
        except psutil.NoSuchProcess:
            return
        return
    raise EmbeddedError(f"Process {process.pid} does not stop. End it by hand, then start again.")
