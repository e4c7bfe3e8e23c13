"""Real processes of the server, killed without warning and started again."""

import random
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from server.kit.settings import Settings, environment_for_children

ROOT = Path(__file__).parents[2]
STARTS_WITHIN_S = 90.0


@dataclass
class Processes:
    """Web processes on ports of their own, runners and workers; whatever dies is started again.

    `changed`: Python that a process, by name, runs before it begins, to be worse than it is.
    """

    settings: Settings
    log: Path
    webs: int = 2
    runners: int = 1
    workers: int = 1
    changed: dict[str, str] = field(default_factory=dict)
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _ports: dict[str, int] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """Who runs."""
        counts = {"web": self.webs, "runner": self.runners, "worker": self.workers}
        return [f"{role}{number}" for role, count in counts.items() for number in range(count)]

    def start(self) -> None:
        """Start all of them and wait until the web answers."""
        self._ports = {f"web{number}": _free_port() for number in range(self.webs)}
        for name in self.names:
            self._spawn(name)
        self._wait_for_web()

    def mend(self) -> None:
        """All of them are there, move, answer, and are as they were written."""
        for name in [name for name, changed in self.changed.items() if changed]:
            self.changed[name] = ""
            self.kill(name)
        for process in self._running.values():
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
        for name in self._ports:
            if not self.moves(name):
                self.kill(name)
        self.revive()
        self._wait_for_web()

    def _wait_for_web(self) -> None:
        until = time.monotonic() + STARTS_WITHIN_S
        while time.monotonic() < until and not all(map(self.answers, self._ports)):
            time.sleep(0.05)

    def stop(self) -> None:
        """End all of them."""
        for process in self._running.values():
            process.send_signal(signal.SIGKILL)
        for process in self._running.values():
            process.wait()

    def kill(self, name: str) -> None:
        """kill -9."""
        process = self._running[name]
        if process.poll() is None:
            process.kill()
            process.wait()

    def restart(self, changed: Mapping[str, str]) -> None:
        """kill -9 of these, by name, and a new start with what is `changed` in each."""
        for name in changed:
            self.kill(name)
        self.changed.update(changed)
        self.revive()
        self._wait_for_web()

    def limit(self, name: str, what: int, most: int) -> tuple[int, int]:
        """Let a process have at most so much of a resource of `resource.RLIMIT_*`; the limits before."""
        pid = self._running[name].pid
        before = resource.prlimit(pid, what)
        resource.prlimit(pid, what, (most, before[1]))
        return before

    def process(self, name: str) -> psutil.Process:
        """The process, to look at."""
        return psutil.Process(self._running[name].pid)

    def port(self, name: str) -> int:
        """Where a web process listens."""
        return self._ports[name]

    def suspend(self, name: str) -> None:
        """Stand still, as a machine does whose disk or memory is at its end."""
        self._running[name].send_signal(signal.SIGSTOP)

    def go_on(self, name: str) -> None:
        """Move again, with no idea of the time that has passed."""
        self._running[name].send_signal(signal.SIGCONT)

    def answers(self, name: str) -> bool:
        """Whether a web process takes connections."""
        return _answers(self._ports[name])

    def moves(self, name: str) -> bool:
        """Whether a web process answers: the kernel takes connections also for one whose loop stands still."""
        with suppress(httpx.HTTPError):
            return httpx.get(f"http://127.0.0.1:{self._ports[name]}/health", timeout=10.0).status_code in (200, 503)
        return False

    def dead(self) -> list[str]:
        """Who does not run."""
        return [name for name, process in self._running.items() if process.poll() is not None]

    def revive(self) -> None:
        """Start again what is dead."""
        for name in self.dead():
            self._spawn(name)

    def pids(self, role: str) -> list[int]:
        """The process numbers of those of a role that run."""
        return [process.pid for name, process in self._running.items() if name.startswith(role) and process.poll() is None]

    def address(self) -> str:
        """One of the web processes."""
        return f"http://127.0.0.1:{random.choice(list(self._ports.values()))}"

    def _spawn(self, name: str) -> None:
        role = name.rstrip("0123456789")
        environment = environment_for_children(self.settings) | {"CHATLOOM_PORT": str(self._ports.get(name, 0))}
        with self.log.open("ab") as log:
            begin = f"{self.changed.get(name, '')}\nfrom server.cli import main\nmain()"
            command = [sys.executable, "-c", begin, role]
            self._running[name] = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 0.5).close()
    except OSError:
        return False
    return True
