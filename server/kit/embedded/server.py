"""What the embedded servers have in common: a child process that is started, waited for, stopped, started again."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Protocol

import psutil

from server.kit.embedded.folders import EmbeddedError

_LAUNCH = Path(__file__).with_name("launch.py")
_BIGGEST_LOG = 10_000_000


class Server(Protocol):
    """An embedded server as the supervisor sees it."""

    name: str

    @property
    def url(self) -> str:
        """Where the application connects."""

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start the process and return at once."""

    def wait_ready(self) -> None:
        """Wait until connections are answered."""

    def stop(self) -> None:
        """Stop the process and give the folder back."""


def launch_command(
    command: list[str], *, when_parent_dies: signal.Signals = signal.SIGKILL, account: tuple[int, int] | None = None, reach: bool = False
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


def stop_process(process: subprocess.Popen[bytes] | psutil.Process, *, signals: list[tuple[signal.Signals, float]]) -> None:
    """Send each signal in turn until the process is gone, waiting the given seconds after each."""
    for number, seconds in signals:
        try:
            process.send_signal(number)
            process.wait(seconds)
        except (subprocess.TimeoutExpired, psutil.TimeoutExpired):
            continue
        except psutil.NoSuchProcess:
            return
        return
    raise EmbeddedError(f"Process {process.pid} does not stop. End it by hand, then start again.")


def wait_until(ready: "ReadyTest", process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait for `ready`; False as soon as the process has ended or the time is up."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if ready():
            return True
        if process.poll() is not None:
            return False
        time.sleep(0.01)
    return False


class ReadyTest(Protocol):
    """Says whether a server answers."""

    def __call__(self) -> bool:
        """True when it does."""
