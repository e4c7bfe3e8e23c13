"""Training in a process of its own: what the libraries for it take, about a hundred megabytes, goes when it is done."""

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from server.flows.intents.examples import CannotTrain

ROOT = Path(__file__).parents[3]

OnProgress = Callable[[float, str], None]


class TrainingEnded(RuntimeError):
    """The process ended without a model."""


class _Said(msgspec.Struct):
    """One line of the process."""

    share: float = 0.0
    text: str = ""
    model: bytes | None = None
    report: dict[str, Any] = {}
    problems: list[str] = []


class Apart:
    """One training; `stop` may be called in another thread."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def train(self, examples: Sequence[Sequence[str]], on_progress: OnProgress) -> tuple[bytes, Mapping[str, Any]]:
        """The model as bytes, and its report. Blocks; raises CannotTrain, or TrainingEnded when the process died."""
        command = [sys.executable, "-m", "server.flows.intents"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:
            self._process = process
            if self._stopped:
                process.kill()
            said = _Said()
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                process.stdin.write(msgspec.json.encode(examples))
                process.stdin.close()
            except BrokenPipeError:
                raise TrainingEnded("the process that trains ended before it began") from None
            for line in process.stdout:
                said = msgspec.json.decode(line, type=_Said)
                if said.text:
                    on_progress(said.share, said.text)
        if said.problems:
            raise CannotTrain(said.problems)
        if said.model is None:
            raise TrainingEnded(f"the process that trains ended with code {process.returncode}")
        return said.model, said.report

    def stop(self) -> None:
        """End it without a model."""
        self._stopped = True
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
