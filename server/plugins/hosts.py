"""The processes in which plugins run, seen from the server: started when needed, given a deadline, killed when they miss it.

Everything here blocks the calling thread and never the event loop: whoever is on the loop calls it in a thread.
"""

import json
import os
import select
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

from flow_runtime.errors import NodeFailure

CODE = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("host.py")
START_S = 10.0
MAX_LINE = 4 << 20
HOSTS_PER_PLUGIN = 2
FAILURES_BEFORE_REST = 5
REST_S = 5.0

Answer = Callable[[str, list[Any]], Any]
"""What the server does when a plugin asks; NodeFailure is an answer too."""

_turn_ends: ContextVar[float | None] = ContextVar("turn_ends", default=None)


class PluginFailed(NodeFailure):
    """The plugin did not do its work; it costs the step that asked, nothing else."""

    def __init__(self, plugin: str, reason: str) -> None:
        super().__init__("plugin", f"The plugin {plugin} failed: {reason}")


@contextmanager
def turn_of_at_most(seconds: float) -> Iterator[None]:
    """All plugins together may use that long until the end of the block, in this thread."""
    token = _turn_ends.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _turn_ends.reset(token)


class HostProcess:
    """One process of one plugin; used by one thread at a time."""

    def __init__(self, folder: Path, deadline: float) -> None:
        """Start it; raises OSError, or TimeoutError when it is not ready at the deadline."""
        self._process = subprocess.Popen(
            [*_sandbox(folder), sys.executable, "-I", "-B", str(SCRIPT), str(CODE), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
            cwd=folder,
            start_new_session=True,
            bufsize=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._in, False)
        self._unread = b""
        try:
            self._read(deadline)
        except BaseException:
            self.kill()
            raise

    @property
    def alive(self) -> bool:
        """Whether it can take work."""
        return self._process.poll() is None

    def work(self, asked: dict[str, Any], answer: Answer, deadline: float) -> dict[str, Any]:
        """The end of a piece of work: {"done"}, {"fails"} or {"raised"}. Raises TimeoutError, or EOFError when the process is gone."""
        self._write(asked, deadline)
        while True:
            said = self._read(deadline)
            if "ask" not in said:
                return said
            try:
                given = {"answer": answer(str(said["ask"]), list(said["args"]))}
            except NodeFailure as failure:
                given = {"fails": {"kind": failure.kind, "message": failure.message}}
            self._write(given, deadline)

    def kill(self) -> None:
        """End it now."""
        with suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def _write(self, message: dict[str, Any], deadline: float) -> None:
        left = memoryview(json.dumps(message, default=_plain).encode() + b"\n")
        while left:
            _wait(self._in, select.POLLOUT, deadline)
            try:
                left = left[os.write(self._in, left) :]
            except BlockingIOError:
                continue
            except OSError:
                raise EOFError from None

    def _read(self, deadline: float) -> dict[str, Any]:
        while b"\n" not in self._unread:
            _wait(self._out, select.POLLIN, deadline)
            piece = os.read(self._out, 1 << 16)
            if not piece:
                raise EOFError
            self._unread += piece
            if len(self._unread) > MAX_LINE:
                raise OverflowError
        line, _, self._unread = self._unread.partition(b"\n")
        said = json.loads(line)
        if not isinstance(said, dict):
            raise ValueError("not an object")
        return said


class Hosts:
    """The processes of one plugin version: two at most, so that one that hangs does not keep every other turn waiting."""

    def __init__(self, plugin: str, folder: Path) -> None:
        self.plugin = plugin
        self._folder = folder
        self._idle: list[HostProcess] = []
        self._room = threading.BoundedSemaphore(HOSTS_PER_PLUGIN)
        self._closed = False
        self._lost = 0
        self._rests_until = 0.0

    def run(self, asked: dict[str, Any], answer: Answer, seconds: float) -> Any:
        """What the plugin made of a piece of work; raises PluginFailed, or the NodeFailure that the plugin meant."""
        if time.monotonic() < self._rests_until:
            raise PluginFailed(self.plugin, f"it was lost {FAILURES_BEFORE_REST} times in a row and rests for a moment.")
        ends = _turn_ends.get()
        deadline = time.monotonic() + seconds if ends is None else min(time.monotonic() + seconds, ends)
        if not self._room.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise PluginFailed(self.plugin, f"it was busy for {seconds:g} seconds.")
        try:
            return self._run(asked, answer, seconds, ends)
        finally:
            self._room.release()

    def close(self) -> None:
        """Let what runs come to its end and start nothing more."""
        self._closed = True
        while self._idle:
            self._idle.pop().kill()

    def _run(self, asked: dict[str, Any], answer: Answer, seconds: float, ends: float | None) -> Any:
        meant: list[NodeFailure] = []

        def noted(name: str, args: list[Any]) -> Any:
            try:
                return answer(name, args)
            except NodeFailure as failure:
                meant[:] = [failure]
                raise

        host = self._take(ends)
        deadline = time.monotonic() + seconds if ends is None else min(time.monotonic() + seconds, ends)
        try:
            said = host.work(asked, noted, deadline)
        except TimeoutError:
            self._lose(host)
            raise PluginFailed(self.plugin, f"it did not answer within {seconds:g} seconds.") from None
        except (EOFError, OverflowError, ValueError, KeyError, TypeError) as error:
            self._lose(host)
            why = "its process ended." if isinstance(error, EOFError) else "what it answered cannot be read."
            raise PluginFailed(self.plugin, why) from None
        except BaseException:
            host.kill()
            raise
        self._lost = 0
        if said.get("over"):
            host.kill()
        else:
            self._keep(host)
        return self._result(said, meant)

    def _result(self, said: dict[str, Any], meant: list[NodeFailure]) -> Any:
        if "done" in said:
            return said["done"]
        failure = said.get("fails")
        if isinstance(failure, dict):
            for ours in meant:
                if (ours.kind, ours.message[:300]) == (failure.get("kind"), failure.get("message")):
                    raise ours
            raise NodeFailure(str(failure.get("kind"))[:60], str(failure.get("message")))
        raise PluginFailed(self.plugin, str(said.get("raised")))

    def _take(self, ends: float | None) -> HostProcess:
        starts_until = time.monotonic() + START_S if ends is None else min(time.monotonic() + START_S, ends)
        if starts_until <= time.monotonic():
            raise PluginFailed(self.plugin, "the plugins of this turn have used up its time.")
        while self._idle:
            host = self._idle.pop()
            if host.alive:
                return host
            host.kill()
        if self._closed:
            raise PluginFailed(self.plugin, "it has just been taken away.")
        try:
            return HostProcess(self._folder, starts_until)
        except (OSError, EOFError, TimeoutError, ValueError) as error:
            raise PluginFailed(self.plugin, f"its process does not start ({type(error).__name__}).") from None

    def _lose(self, host: HostProcess) -> None:
        """A process is gone. After some in a row the plugin is left alone for a while: its turns fail at once instead of after seconds."""
        host.kill()
        self._lost += 1
        if self._lost >= FAILURES_BEFORE_REST:
            self._lost, self._rests_until = 0, time.monotonic() + REST_S

    def _keep(self, host: HostProcess) -> None:
        if self._closed:
            host.kill()
        else:
            self._idle.append(host)


def _wait(descriptor: int, event: int, deadline: float) -> None:
    poll = select.poll()
    poll.register(descriptor, event)
    left = deadline - time.monotonic()
    if left <= 0 or not poll.poll(left * 1000):
        raise TimeoutError


def _plain(value: Any) -> Any:
    return dict(value)


def _sandbox(folder: Path) -> list[str]:
    """bubblewrap, where it is installed and allowed: no network, no other processes, no files but Python, the runtime and the plugin."""
    program = _bubblewrap()
    if program is None:
        return []
    readable = {"/usr", "/lib", "/lib64", sys.prefix, sys.base_prefix, str(folder), str(SCRIPT)}
    readable |= {str(CODE / name) for name in ("flow_runtime", "node_library")}
    bound = [word for place in sorted(readable) if os.path.exists(place) for word in ("--ro-bind", place, place)]
    return [program, "--unshare-all", "--die-with-parent", "--clearenv", *bound, "--proc", "/proc", "--dev", "/dev", "--chdir", str(folder)]


@cache
def _bubblewrap() -> str | None:
    program = shutil.which("bwrap", path="/usr/bin:/bin:/usr/local/bin")
    if program is None:
        return None
    try:
        tried = subprocess.run([program, "--unshare-all", "--ro-bind", "/", "/", "/bin/true"], capture_output=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return program if tried.returncode == 0 else None
