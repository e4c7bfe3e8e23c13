"""The catalogue: every type of event there is, found by looking into `types/`; and whether an event fits its type."""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec

from server.events import types
from server.events.declare import EventType, declared


class BadEvent(ValueError):
    """An event that no type describes, or whose properties do not fit its type."""


@cache
def versions() -> Mapping[tuple[str, int], EventType]:
    """Every version of every type of event, by name and number, in order."""
    for module in pkgutil.iter_modules(types.__path__):
        importlib.import_module(f"{types.__name__}.{module.name}")
    return dict(sorted(declared.items()))


@cache
def catalogue() -> Mapping[str, EventType]:
    """All types of event by name, in alphabetical order, each in its latest version: the one that is written."""
    return {name: type for (name, _), type in versions().items()}


@cache
def topics() -> Mapping[str, tuple[EventType, ...]]:
    """The types of each topic, in alphabetical order."""
    names = sorted({type.topic for type in catalogue().values()})
    return {name: tuple(type for type in catalogue().values() if type.topic == name) for name in names}


def check(name: str, props: Mapping[str, Any], version: int | None = None) -> EventType:
    """The type of an event, without `version` the latest; raises BadEvent with a sentence that names what does not fit."""
    known = catalogue().get(name) if version is None else versions().get((name, version))
    if known is None:
        raise BadEvent(f"There is no type of event called {name}{'' if version is None else f' version {version}'}.")
    try:
        msgspec.convert(props, known.props)
    except msgspec.ValidationError as error:
        raise BadEvent(f"{name} version {known.version}: {error}") from None
    return known


def check_text(name: str, props: str | bytes) -> EventType:
    """The same for properties that are still JSON text."""
    try:
        return check(name, msgspec.json.decode(props))
    except msgspec.DecodeError as error:
        raise BadEvent(f"{name}: {error}") from None
