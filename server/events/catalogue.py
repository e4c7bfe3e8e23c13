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
def catalogue() -> Mapping[str, EventType]:
    """All types of event by name, in alphabetical order."""
    for module in pkgutil.iter_modules(types.__path__):
        importlib.import_module(f"{types.__name__}.{module.name}")
    return dict(sorted(declared.items()))


def check(name: str, props: Mapping[str, Any]) -> EventType:
    """The type of an event; raises BadEvent with a sentence that names what does not fit."""
    known = catalogue().get(name)
    if known is None:
        raise BadEvent(f"There is no type of event called {name}.")
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
