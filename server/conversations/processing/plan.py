"""Which stages a channel's inputs go through, from the channel's settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct

from server.conversations.processing.about import OnError, Reads, StageAbout, stage_of, stages
from server.kit.errors import Problem

SETTING = "processing"
MOST_CHARACTERS = 20_000


class Chosen(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What a channel chose for a stage; what is left out is as the stage's own defaults say."""

    on: bool
    on_error: OnError | None = None
    settings: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Step:
    """A stage that is on, with its settings complete."""

    about: StageAbout
    settings: Mapping[str, str]
    on_error: OnError


Plan = tuple[Step, ...]
_NOBODY_CHOSE = b""
_read = msgspec.json.Decoder(dict[str, Chosen]).decode
_write = msgspec.json.Encoder(order="deterministic").encode


def plan_of(channel_settings: Mapping[str, Any], *reads: Reads) -> Plan:
    """The stages that are on and read one of these, in order."""
    chosen = channel_settings.get(SETTING)
    return _plan(_NOBODY_CHOSE if chosen is None else _write(chosen), reads)


@lru_cache(maxsize=2_000)
def _plan(chosen: bytes, reads: tuple[Reads, ...]) -> Plan:
    by_name = _chosen(chosen)
    steps = (_step(about, by_name.get(about.name)) for about in stages() if set(about.reads) & set(reads))
    return tuple(step for step in steps if step is not None)


def _chosen(text: bytes) -> dict[str, Chosen]:
    try:
        return _read(text) if text else {}
    except msgspec.ValidationError:
        return {}


def _step(about: StageAbout, chosen: Chosen | None) -> Step | None:
    if not (about.on if chosen is None else chosen.on):
        return None
    entered = {} if chosen is None else {name: text for name, text in chosen.settings.items() if name in about.defaults}
    return Step(about, about.defaults | entered, (chosen and chosen.on_error) or about.on_error)


def choices_of(channel_settings: Mapping[str, Any]) -> dict[str, Chosen]:
    """What holds for every stage of a channel, with the defaults filled in."""
    chosen = _chosen(_write(channel_settings.get(SETTING, {})))
    return {about.name: _complete(about, chosen.get(about.name)) for about in stages()}


def _complete(about: StageAbout, chosen: Chosen | None) -> Chosen:
    given = chosen or Chosen(about.on)
    entered = {name: text for name, text in given.settings.items() if name in about.defaults}
    return Chosen(given.on, given.on_error or about.on_error, about.defaults | entered)


def kept_choices(chosen: Mapping[str, Chosen]) -> dict[str, Any]:
    """The choices as they are stored with the channel; Problem 422 naming `stage.setting`."""
    problems = _problems(chosen)
    kept: dict[str, Any] = msgspec.to_builtins(dict(chosen))
    if not problems and len(_write(kept)) > MOST_CHARACTERS:
        problems["processing"] = f"All settings together have at most {MOST_CHARACTERS} characters."
    if problems:
        raise Problem(422, "invalid_processing", "The processing was not saved. Correct the marked fields.", fields=problems)
    return kept


def _problems(chosen: Mapping[str, Chosen]) -> dict[str, str]:
    problems: dict[str, str] = {}
    for name, one in chosen.items():
        about = stage_of(name)
        if about is None:
            problems[name] = f"There is no such stage. There are: {', '.join(stage.name for stage in stages())}."
            continue
        options = {option.name: option for option in about.settings}
        for setting, text in one.settings.items():
            option = options.get(setting)
            problem = "There is no such setting." if option is None else option.problem(text)
            if problem:
                problems[f"{name}.{setting}"] = problem
    return problems
