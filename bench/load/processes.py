"""The measured processes by role: started, watched (processor time, memory), ended."""

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bench.place import ROOT, Place, free_port, wait_for_port

WEB, RUNNER, WORKER, POSTGRES, REDIS = "web", "runner", "worker", "PostgreSQL", "Redis"
STARTED_WITHIN_S = 90.0
CALM_SHARE = 0.1
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Processes:
    """What is measured. `flames` is the folder for flame graphs, if they are wanted."""

    place: Place
    flames: Path | None = None
    name: str = ""
    port: int = 0
    ports: list[int] = field(default_factory=list)
    _running: list[tuple[str, "subprocess.Popen[bytes]"]] = field(default_factory=list)

    def start(self, role: str, command: Sequence[str], more: Mapping[str, str] | None = None) -> "subprocess.Popen[bytes]":
        """Start one more process."""
        environment = {**self.place.environment, **(more or {})}
        process = subprocess.Popen([sys.executable, *command], env=environment, cwd=ROOT, stdout=subprocess.DEVNULL)
        self._running.append((role, process))
        return process

    def start_web(self) -> int:
        """A web process; its port."""
        port = free_port()
        process = self.start(WEB, ["-m", "server.cli", "web"], {"CHATLOOM_PORT": str(port)})
        wait_for_port(port, process)
        self.port = self.port or port
        self.ports.append(port)
        return port

    def start_bare(self, application: str, more: Mapping[str, str] | None = None) -> int:
        """An application of ours that is no server, `module:name`, under the same web server; its port."""
        port = free_port()
        options = ["--port", str(port), "--loop", "uvloop", "--http", "httptools", "--log-level", "error", "--no-access-log"]
        process = self.start(WEB, ["-m", "uvicorn", *options, application], more)
        wait_for_port(port, process)
        self.port = self.port or port
        return port

    def until_calm(self) -> None:
        """Wait until what was started has done what it does at its start, or long enough."""
        until = time.monotonic() + STARTED_WITHIN_S
        calm = 0
        before = self.cpu()
        while calm < 3 and time.monotonic() < until:
            time.sleep(0.5)
            now = self.cpu()
            calm = calm + 1 if sum(now.values()) - sum(before.values()) < CALM_SHARE else 0
            before = now

    def pids(self) -> dict[str, list[int]]:
        """The processes of every role, their children among them."""
        found: dict[str, list[int]] = {}
        servers = [(POSTGRES, self.place.postgres.process), (REDIS, self.place.redis.process)]
        for role, process in (*self._running, *servers):
            if process is not None and process.poll() is None:
                found.setdefault(role, []).extend(family(process.pid))
        return found

    def cpu(self) -> dict[str, float]:
        """Seconds of processor time by role since the start."""
        return {role: sum(cpu_seconds(pid) for pid in pids) for role, pids in self.pids().items()}

    def memory(self) -> dict[str, "Memory"]:
        """Memory by role."""
        return {role: sum((memory_of(pid) for pid in pids), Memory()) for role, pids in self.pids().items()}

    async def watch(self, seconds: float) -> Mapping[str, float]:
        """Wait; the seconds of processor time each role used meanwhile. Draws the flame graphs of that time where they are wanted."""
        self._draw(seconds)
        before = self.cpu()
        await asyncio.sleep(seconds)
        return {role: used - before.get(role, 0.0) for role, used in self.cpu().items()}

    def _draw(self, seconds: float) -> None:
        if self.flames is None:
            return
        for number, (role, process) in enumerate(self._running):
            if role in (WEB, RUNNER, WORKER):
                draw_flames(process.pid, seconds, self.flames / f"{self.name}-{role}-{number}.svg")

    def stop(self) -> None:
        """End all."""
        for _, process in self._running:
            process.terminate()
        for _, process in self._running:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def running(
    place: Place, *, webs: int = 1, runners: int = 0, workers: int = 0, flames: Path | None = None, name: str = ""
) -> Iterator[Processes]:
    """So many processes of the server, ready for work."""
    processes = Processes(place, flames, name)
    try:
        for role, count in ((RUNNER, runners), (WORKER, workers)):
            for _ in range(count):
                processes.start(role, ["-m", "server.cli", role])
        for _ in range(webs):
            processes.start_web()
        processes.until_calm()
        yield processes
    finally:
        processes.stop()


@dataclass(frozen=True)
class Memory:
    """Megabytes: `rss` counts what processes share once for each of them, `pss` once for all."""

    rss: float = 0.0
    pss: float = 0.0

    def __add__(self, other: "Memory") -> "Memory":
        return Memory(self.rss + other.rss, self.pss + other.pss)


def memory_of(pid: int) -> Memory:
    """The memory of one process; nothing when it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return Memory()
    kilobytes = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines[1:]) if rest.endswith("kB")}
    return Memory(kilobytes["Rss"] / 1024, kilobytes["Pss"] / 1024)


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    try:
        return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    except psutil.NoSuchProcess:
        return [pid]


def cpu_seconds(pid: int) -> float:
    """The processor time of a process and of its children that have ended; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(field) for field in fields[11:15]) / _TICKS


def draw_flames(pid: int, seconds: float, file: Path) -> None:
    """Begin to record where a process spends its time, as a flame graph in `file`."""
    recorder = shutil.which("py-spy")
    if recorder is None:
        raise SystemExit("Flame graphs need py-spy. Run: .venv/bin/pip install py-spy, then try again.")
    file.parent.mkdir(parents=True, exist_ok=True)
    options = ["--duration", str(max(1, int(seconds))), "--rate", "200", "--nonblocking", "--output", str(file)]
    subprocess.Popen([recorder, "record", "--pid", str(pid), *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
