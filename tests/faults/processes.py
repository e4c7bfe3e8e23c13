"""Real processes of the server, killed without warning and started again."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from server.kit.settings import Settings, environment_for_children

ROOT = Path(__file__).parents[2]


@dataclass
class Processes:
    """Web processes on ports of their own, a runner and a worker; whatever dies is started again."""

    settings: Settings
    log: Path
    webs: int = 2
    kills: int = 0
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _since: dict[str, float] = field(default_factory=dict)
    _starting_takes: float = 1.0
    _ports: dict[str, int] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """Who runs."""
        return [*(f"web{number}" for number in range(self.webs)), "runner", "worker"]

    def start(self) -> None:
        """Start all of them and wait until the web answers."""
        self._ports = {f"web{number}": _free_port() for number in range(self.webs)}
        for name in self.names:
            self._spawn(name)
        began = time.monotonic()
        while time.monotonic() - began < 90 and not all(_answers(port) for port in self._ports.values()):
            time.sleep(0.1)
        self._starting_takes = time.monotonic() - began

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
            os.kill(process.pid, signal.SIGKILL)
            self.kills += 1

    def suspend(self, name: str) -> None:
        """Stand still, as a machine does whose disk or memory is at its end."""
        self._running[name].send_signal(signal.SIGSTOP)

    def go_on(self, name: str) -> None:
        """Move again, with no idea of the time that has passed."""
        self._running[name].send_signal(signal.SIGCONT)

    def ready(self) -> list[str]:
        """Who does work now, and is worth killing."""
        up = [name for name, process in self._running.items() if process.poll() is None]
        now = time.monotonic()
        return [
            name for name in up if (_answers(self._ports[name]) if name in self._ports else now - self._since[name] > self._starting_takes)
        ]

    def revive(self) -> None:
        """Start again what is dead."""
        for name, process in self._running.items():
            if process.poll() is not None:
                self._spawn(name)

    def address(self) -> str:
        """One of the web processes."""
        return f"http://127.0.0.1:{random.choice(list(self._ports.values()))}"

    def _spawn(self, name: str) -> None:
        role = "web" if name.startswith("web") else name
        environment = environment_for_children(self.settings) | {"CHATLOOM_PORT": str(self._ports.get(name, 0))}
        self._since[name] = time.monotonic()
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "server.cli", role]
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
