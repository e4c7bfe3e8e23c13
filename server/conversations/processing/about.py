"""What each stage says of itself in its stage.json, and the folders that are found."""

import importlib
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

STAGES = Path(__file__).parent / "stages"

Reads = Literal["text", "place", "visitor", "file"]
OnError = Literal["skip", "refuse"]


class Option(Struct, forbid_unknown_fields=True, frozen=True):
    """A setting of a stage: one of its `choices`, a text on one line that fits `pattern`, or several lines of text."""

    name: Annotated[str, Meta(pattern="^[a-z][a-z_]{0,40}$")]
    title: str
    help: str = ""
    default: str = ""
    choices: dict[str, str] = {}
    pattern: str = ".{0,200}"
    lines: int = 0

    def problem(self, text: str) -> str:
        """What is wrong with a text for it; empty when nothing is."""
        if self.choices:
            return "" if text in self.choices else f"Choose one of: {', '.join(self.choices)}."
        given = text.splitlines() if self.lines else [text]
        if len(given) > max(self.lines, 1):
            return f"At most {self.lines} lines."
        fits = all(re.fullmatch(self.pattern, line) and (line.isprintable() or not line) for line in given)
        return "" if fits else f"This does not look right. {self.help}"


class StageAbout(Struct, forbid_unknown_fields=True, frozen=True):
    """A stage. Those with a lower `order` go first.

    `runs` says where: `inline` in the request (pure and quick), in a `thread` (pure, but takes milliseconds), or `outside` (asks another
    process or system). It may take `within_ms`. `on_error` is what happens when it fails: the input goes on without it, or not at all.
    One that `needs` something is only there where the operator has set that up.
    """

    title: str
    summary: str
    order: int
    reads: tuple[Reads, ...]
    runs: Literal["inline", "thread", "outside"] = "inline"
    within_ms: Annotated[int, Meta(gt=0, le=20_000)] = 50
    on: bool = False
    on_error: OnError = "skip"
    needs: Literal["", "clamd"] = ""
    settings: tuple[Option, ...] = ()
    name: str = ""

    @property
    def defaults(self) -> dict[str, str]:
        """Its settings as they are before anybody chose any."""
        return {option.name: option.default for option in self.settings}

    @property
    def process(self) -> Callable[..., Any]:
        """Its function; contract.py says what it takes and gives."""
        return _process_of(self.name)


@cache
def _process_of(name: str) -> Callable[..., Any]:
    function: Callable[..., Any] = importlib.import_module(f"server.conversations.processing.stages.{name}.process").process
    return function


@cache
def stages() -> tuple[StageAbout, ...]:
    """Every stage there is a folder of, in order."""
    found = [_read(path) for path in STAGES.glob("*/stage.json")]
    return tuple(sorted(found, key=lambda about: (about.order, about.name)))


def _read(path: Path) -> StageAbout:
    about = msgspec.json.decode(path.read_bytes(), type=StageAbout)
    return msgspec.structs.replace(about, name=path.parent.name)


@cache
def stage_of(name: str) -> StageAbout | None:
    """A stage by its name; None when there is no such folder."""
    return next((about for about in stages() if about.name == name), None)
