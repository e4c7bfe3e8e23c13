"""Looks after child processes: starts them, starts again what dies, stops all of them together.

Every child has a process group of its own (Ctrl-C in the terminal reaches only us) and ends by itself when we are killed.
"""

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from server.kit.embedded.server import launch_command, open_log

PAUSES = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)
STEADY_S = 30.0
PATIENCE_S = 8.0
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):
    """Somebody asked us to stop."""


@dataclass
class Child:
    """A process that should always be there."""

    name: str
    spawn: Callable[[], subprocess.Popen[bytes]]
    log: Path | None = None
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_at: float = 0.0
    deaths: int = 0

    def start(self) -> None:
        """Start the process now."""
        self.process = self.spawn()
        self.started_at = time.monotonic()

    def note_death(self, now: float) -> float:
        """Put the next start off, longer after each death in a row; returns the pause."""
        self.deaths = 1 if now - self.started_at > STEADY_S else self.deaths + 1
        pause = PAUSES[min(self.deaths, len(PAUSES)) - 1]
        self.process = None
        self.start_at = now + pause
        return pause


@dataclass
class Supervisor:
    """The children, in the order they were added."""

    say: Callable[[str], None]
    children: list[Child] = field(default_factory=list)
    _wake: tuple[int, int] | None = None

    def add(self, name: str, spawn: Callable[[], subprocess.Popen[bytes]], log: Path | None = None) -> Child:
        """Start one more process and look after it; `log` is where a person finds out why it ended."""
        child = Child(name, spawn, log)
        child.start()
        self.children.append(child)
        return child

    def look(self) -> float:
        """Notice deaths and start what is due; returns the seconds until the next start is due."""
        now = time.monotonic()
        for child in self.children:
            if child.process is not None and (code := child.process.poll()) is not None:
                pause = child.note_death(now)
                hint = f" (see {child.log})" if child.log else ""
                self.say(f"{child.name} ended: {_reason(code)}; starting it again in {pause:g} s{hint}")
            if child.process is None and now >= child.start_at:
                self._start(child)
        return min((child.start_at - now for child in self.children if child.process is None), default=60.0)

    def _start(self, child: Child) -> None:
        try:
            child.start()
        except Exception as error:
            child.started_at = time.monotonic()
            self.say(f"{child.name} cannot be started: {error}; trying again in {child.note_death(child.started_at):g} s")

    def wait(self, *descriptors: int, until: float = 60.0) -> list[int]:
        """Look after the children until a descriptor can be read, a child dies or the time is up; returns the readable descriptors."""
        pause = max(0.0, min(self.look(), until))
        woken = [self._wake[0]] if self._wake else []
        readable, _, _ = select.select([*woken, *descriptors], [], [], pause)
        if self._wake and self._wake[0] in readable:
            os.read(self._wake[0], 512)
        return [one for one in readable if one in descriptors]

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Inside, a request to end raises Stopped, and the death of a child ends a wait."""
        before = {number: signal.getsignal(number) for number in (*_ENDING, signal.SIGCHLD)}
        self._wake = os.pipe()
        for descriptor in self._wake:
            os.set_blocking(descriptor, False)
        for number in _ENDING:
            signal.signal(number, _stop)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(self._wake[1], warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(-1)
            for number, handler in before.items():
                signal.signal(number, handler)
            for descriptor in self._wake:
                os.close(descriptor)
            self._wake = None

    def stop(self, children: Sequence[Child] | None = None, patience: float = PATIENCE_S) -> None:
        """Ask the children to end, wait for them together, then insist."""
        chosen = [child for child in (self.children if children is None else children) if child.process is not None]
        for child in chosen:
            _send(child, signal.SIGTERM)
        until = time.monotonic() + patience
        for child in chosen:
            if child.process is not None:
                with suppress(subprocess.TimeoutExpired):
                    child.process.wait(max(0.0, until - time.monotonic()))
        for child in chosen:
            _end_group(child)


def own_process(command: list[str], *, log: Path, env: dict[str, str], folder: Path, keep: Sequence[int] = ()) -> subprocess.Popen[bytes]:
    """Start `command` in a group of its own with its output in `log`; `keep` are descriptors it inherits."""
    output = open_log(log)
    try:
        return subprocess.Popen(
            launch_command(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=env,
            cwd=folder,
            pass_fds=keep,
            start_new_session=True,
        )
    finally:
        os.close(output)


def _send(child: Child, number: signal.Signals) -> None:
    if child.process is not None and child.process.poll() is None:
        child.process.send_signal(number)


def _end_group(child: Child) -> None:
    """End what is left of the child, and what it may have forked."""
    if child.process is None:
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.process.pid, signal.SIGKILL)
    child.process.wait()
    child.process = None


def _reason(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped
