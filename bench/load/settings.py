"""What a figure is given: where to measure, how long, what else was asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.place import Place


@dataclass(frozen=True)
class Options:
    """`seconds` is for each number; `flames` the folder for flame graphs; `minutes` for what takes minutes."""

    place: Place
    seconds: float = 5.0
    rounds: int = 3
    minutes: float = 10.0
    concurrency: Sequence[int] = ()
    flames: Path | None = None
