"""The process in which one plugin's code runs: `python -I -B host.py CODE FOLDER`. `hosts` starts it; it imports nothing of the server.

It speaks JSON lines. What comes in: {"do": "enter" | "resume" | "upgrade" | "call" | "check", ...}. While it works it may ask for what only
the server can do: {"ask": name, "args": [...]}, answered by {"answer": value} or {"fails": {kind, message}}. The end of a piece of work is
{"done": value}, {"fails": {kind, message}} for a failure the plugin meant, or {"raised": sentence} for one it did not; with "over" the
process ends.

Before any code of the plugin is loaded the process gives up what it can: memory and files beyond a limit, children, sockets, and, where the
kernel has Landlock, everything on disk but Python, Chatloom's runtime and the plugin's own folder.
"""

import ctypes
import importlib.util
import inspect
import json
import os
import resource
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

MEMORY_BYTES = 512 << 20
FILE_BYTES = 1 << 20
OPEN_FILES = 64
CPU_S_PER_CALL = 10
MESSAGE_CHARACTERS = 300

_REFUSED_EVENTS = ("socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system", "os.kill", "ctypes.", "pty.")
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_READ = (1 << 0) | (1 << 2) | (1 << 3)  # execute, read file, read folder
_HANDLED_BY_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_NO_NEW_PRIVILEGES = 38


class Pipe:
    """The two ends to the server; what the plugin prints goes nowhere."""

    def __init__(self) -> None:
        self._in = os.fdopen(os.dup(0), "rb")
        self._out = os.fdopen(os.dup(1), "wb")
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nothing, descriptor)

    def read(self) -> dict[str, Any]:
        """The next line; ends the process when the server has hung up."""
        line = self._in.readline()
        if not line:
            sys.exit(0)
        read: dict[str, Any] = json.loads(line)
        return read

    def write(self, message: Mapping[str, Any]) -> None:
        """One line."""
        self._out.write(json.dumps(message, default=_plain).encode() + b"\n")
        self._out.flush()

    def ask(self, name: str, *args: Any) -> Any:
        """What the server answers; raises what it failed with, as the runtime's own error."""
        from flow_runtime.errors import NodeFailure

        self.write({"ask": name, "args": args})
        answer = self.read()
        if "fails" in answer:
            raise NodeFailure(answer["fails"]["kind"], answer["fails"]["message"])
        return answer["answer"]


class Turn:
    """What a node sees of the conversation, as flow_runtime.nodes.Turn shows it; texts and conditions are worked out by the server."""

    def __init__(self, facts: Mapping[str, Any], times: Mapping[str, str], pipe: Pipe) -> None:
        for name, value in facts.items():
            setattr(self, name, value)
        for name, time in times.items():
            setattr(self, name, datetime.fromisoformat(time))
        self.open_message: str | None = facts.get("open_message")
        self.taken = False
        self._pipe = pipe

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """A method of the runtime's own Turn, which the server calls if a plugin may ask for it: `render`, `value`, `holds`."""
        from flow_runtime import nodes

        method = getattr(nodes.Turn, name, None)
        if name.startswith("_") or not callable(method):
            raise AttributeError(f"a turn has no {name}")

        def ask(*args: Any, **options: Any) -> Any:
            given = inspect.signature(method).bind(self, *args, **options)
            given.apply_defaults()
            return self._pipe.ask(name, *given.args[1:])

        return ask

    def take_message(self) -> str | None:
        """What the customer said, unless it was used already."""
        self.taken = self.taken or self.open_message is not None
        return self.open_message

    @property
    def random(self) -> Random:
        """Chance that comes with the input: the very dice the server has."""
        version, numbers, rest = self._pipe.ask("dice")
        dice = Random()
        dice.setstate((version, tuple(numbers), rest))
        return dice


class Http:
    """The network of a call: the server makes the request, to the hosts of the manifest only."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe

    def request(self, method: str, url: str, *, headers: Mapping[str, str] | None = None, json: Any = None, text: str = "") -> Any:
        """{status, headers, body} of the answer; raises NodeFailure when none came."""
        return self._pipe.ask("http", method, url, dict(headers or {}), json, text)

    def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> Any:
        """The same with GET."""
        return self.request("GET", url, headers=headers)


def step_to_json(step: Any) -> dict[str, Any]:
    """A node's step as plain JSON."""
    from msgspec import Struct
    from msgspec.structs import asdict

    from flow_runtime.effects import effect_to_json
    from flow_runtime.nodes import Step

    if not isinstance(step, Step):
        raise TypeError(f"a node returns a Step, not {type(step).__name__}")
    found = asdict(step)
    found["effects"] = [effect_to_json(effect) for effect in step.effects]
    return {name: asdict(value) if isinstance(value, Struct) else value for name, value in found.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Iterable):
        return list(value)
    raise TypeError(f"{type(value).__name__} is not plain JSON")


class Plugin:
    """The plugin in a folder; a node is loaded when it is first needed."""

    def __init__(self, folder: Path, pipe: Pipe) -> None:
        self._folder = folder
        self._pipe = pipe
        self._loaded: dict[str, ModuleType] = {}

    def do(self, asked: Mapping[str, Any]) -> Any:
        """One piece of work."""
        if asked["do"] == "check":
            return self._check(asked["nodes"], asked["calls"])
        if asked["do"] == "call":
            function = getattr(self._module("calls", self._folder / "calls.py"), asked["call"])
            return function(asked["payload"], Http(self._pipe))
        module = self._module(asked["node"], self._folder / asked["node"] / "node.py")
        if asked["do"] == "upgrade":
            return {"settings": module.UPGRADES[asked["version"]](asked["settings"])}
        turn = Turn(asked["facts"], asked["times"], self._pipe)
        if asked["do"] == "enter":
            step = module.enter(asked["settings"], turn)
        else:
            from flow_runtime.inputs import input_from_json

            step = module.resume(asked["settings"], turn, input_from_json(asked["input"]))
        return {"step": step_to_json(step), "taken": turn.taken}

    def _check(self, nodes: list[str], calls: list[str]) -> list[str]:
        """What is wrong with the plugin, by the tests that every node passes."""
        from node_library.conformance import complaints

        found = [f"{node}: {complaint}" for node in nodes for complaint in complaints(self._folder / node)]
        if calls:
            module = self._module("calls", self._folder / "calls.py")
            found += [f"calls.py has no function {name}" for name in calls if not callable(getattr(module, name, None))]
        return found

    def _module(self, name: str, file: Path) -> ModuleType:
        if name not in self._loaded:
            spec = importlib.util.spec_from_file_location(f"plugin_{name}", file)
            if spec is None or spec.loader is None:
                raise ImportError(f"{file.name} cannot be imported")
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            self._loaded[name] = module
        return self._loaded[name]


def limit_resources() -> None:
    """Memory, files and children; a limit lower than ours stays."""
    wanted = {resource.RLIMIT_AS: MEMORY_BYTES, resource.RLIMIT_FSIZE: FILE_BYTES, resource.RLIMIT_NOFILE: OPEN_FILES}
    wanted[resource.RLIMIT_CORE] = 0
    if os.getuid():
        wanted[resource.RLIMIT_NPROC] = 0
    for name, most in wanted.items():
        hard = resource.getrlimit(name)[1]
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(name, (least, least))


def limit_processor() -> None:
    """Processor time of the piece of work that begins now: the kernel ends a process that uses more."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + CPU_S_PER_CALL, hard))


def _refuse(event: str, args: tuple[Any, ...]) -> None:
    if event.startswith(_REFUSED_EVENTS):
        raise PermissionError(f"a plugin may not use {event}; requests go out through the http of a call")


def lock_the_disk(readable: Iterable[str]) -> bool:
    """Only these folders can be read from now on, nothing written, no TCP used (Landlock, Linux 5.13; TCP from 6.7). False without it."""
    libc = ctypes.CDLL(None, use_errno=True)
    abi = libc.syscall(_LANDLOCK_CREATE, None, 0, 1)
    if abi < 1:
        return False
    handled, network = _HANDLED_BY_ABI[min(abi, 5)], 0b11 if abi >= 4 else 0
    rules = (ctypes.c_uint64 * 2)(handled, network)
    ruleset = libc.syscall(_LANDLOCK_CREATE, rules, 16 if abi >= 4 else 8, 0)
    if ruleset < 0:
        return False

    class Beneath(ctypes.Structure):
        _pack_ = 1
        _fields_ = [("access", ctypes.c_uint64), ("folder", ctypes.c_int32)]

    for place in readable:
        if os.path.isdir(place):
            folder = os.open(place, os.O_PATH | os.O_CLOEXEC)
            rule = Beneath(_READ, folder)
            libc.syscall(_LANDLOCK_ADD, ruleset, 1, ctypes.byref(rule), 0)
            os.close(folder)
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    done = libc.syscall(_LANDLOCK_RESTRICT, ruleset, 0) == 0
    os.close(ruleset)
    return bool(done)


def main(code: str, folder: str) -> None:
    """Prepare, say that we are ready, work until the server hangs up."""
    pipe = Pipe()
    sys.path[:0] = [code]
    import flow_runtime.errors
    import flow_runtime.nodes

    limit_resources()
    ours = [os.path.join(code, name) for name in ("flow_runtime", "node_library")]
    locked = lock_the_disk({*ours, folder, sys.prefix, sys.base_prefix, "/usr", "/lib", "/lib64"})
    sys.path.append(os.path.join(folder, "vendor"))
    sys.addaudithook(_refuse)
    plugin = Plugin(Path(folder), pipe)
    pipe.write({"done": {"disk_locked": locked}})
    while True:
        asked = pipe.read()
        limit_processor()
        try:
            pipe.write({"done": plugin.do(asked)})
        except flow_runtime.errors.NodeFailure as failure:
            pipe.write({"fails": {"kind": failure.kind, "message": failure.message[:MESSAGE_CHARACTERS]}})
        except MemoryError:
            pipe.write({"raised": f"It needed more than {MEMORY_BYTES >> 20} MB of memory.", "over": True})
            return  # whatever fills the memory goes with the process
        except Exception as error:
            pipe.write({"raised": f"{type(error).__name__}: {error}"[:MESSAGE_CHARACTERS]})


if __name__ == "__main__":
    main(*sys.argv[1:3])
