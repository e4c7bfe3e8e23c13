"""The processes that run authors' JavaScript: started when first needed, replaced when the code broke one."""

import asyncio
import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

PROCESSES = 2
START_S = 15.0
PATIENCE_S = 1.0
_LONGEST_LINE = 4 << 20
_SCRIPT = Path(__file__).with_name("isolate.py")
_CRASHED = {"error": "memory", "message": "The code needs more memory than it may have."}


class Isolate:
    """One process. It knows no environment but PATH, and nobody else of its session."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.usable = True

    @classmethod
    async def start(cls) -> Self:
        """A process that is ready; raises OSError or TimeoutError when it cannot be started."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-I", "-u", str(_SCRIPT)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={"PATH": "/usr/bin"},
            cwd="/",
            limit=_LONGEST_LINE,
            start_new_session=True,
        )
        isolate = cls(process)
        try:
            await isolate._line(START_S)
        except BaseException:
            await isolate.end()
            raise
        return isolate

    async def run(self, source: str, input: Any, timeout_ms: int) -> Mapping[str, Any]:
        """`{"value": ...}` or `{"error": ..., "message": ...}`. Whatever the code does, this ends a second after its time at the latest."""
        asked = json.dumps({"source": source, "input": input, "timeout_ms": timeout_ms})
        assert self._process.stdin is not None
        self.usable = False  # until it has answered: a caller who stops waiting leaves an answer behind that nobody may take for his
        try:
            self._process.stdin.write(f"{asked}\n".encode())
            answer = json.loads(await self._line(timeout_ms / 1000 + PATIENCE_S))
        except TimeoutError:
            return {"error": "timeout", "message": f"The code did not end within {timeout_ms / 1000:g} s."}
        except (OSError, ValueError):
            return _CRASHED
        self.usable = not answer.pop("last")
        return dict(answer)

    async def _line(self, within_s: float) -> bytes:
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), within_s)
        if not line:
            raise OSError("the process ended")
        return line

    async def end(self) -> None:
        """Stop the process, whatever it is doing."""
        self.usable = False
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.communicate()


class Isolates:
    """A few processes for one server process; who comes when all are busy waits."""

    def __init__(self, processes: int = PROCESSES) -> None:
        self._places = asyncio.Semaphore(processes)
        self._idle: list[Isolate] = []

    async def run(self, source: str, input: Any, timeout_ms: int) -> Mapping[str, Any]:
        """As `Isolate.run`; raises OSError or TimeoutError when no process can be started."""
        async with self._places:
            isolate = self._idle.pop() if self._idle else await Isolate.start()
            try:
                return await isolate.run(source, input, timeout_ms)
            finally:
                if isolate.usable:
                    self._idle.append(isolate)
                else:
                    await asyncio.shield(isolate.end())

    async def close(self) -> None:
        """End the processes that wait for work."""
        while self._idle:
            await self._idle.pop().end()
