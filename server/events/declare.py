"""Declaring a type of event: its name, its version, its topic, and the struct that its properties must fit."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

Props = TypeVar("Props", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class EventType:
    """One version of a type of event. `summary` says when it happens; `example` are properties that fit."""

    name: str
    version: int
    topic: str
    summary: str
    props: type[msgspec.Struct]
    example: Mapping[str, Any]

    def schema(self) -> dict[str, Any]:
        """The JSON Schema (2020-12) of the properties."""
        _, parts = msgspec.json.schema_components([self.props], ref_template="#/$defs/{name}")
        own = parts.pop(self.props.__name__)
        return {"$schema": "https://json-schema.org/draft/2020-12/schema", **own, **({"$defs": parts} if parts else {})}


declared: dict[tuple[str, int], EventType] = {}


def event(name: str, *, version: int = 1, example: Mapping[str, Any]) -> Callable[[type[Props]], type[Props]]:
    """Declare the struct below as the properties of events called `name`, `<topic>.<what happened>`; its docstring says when it happens.

    A change that an old reader would not understand (a property removed, renamed or of another type, one more value of a choice) is a new
    version. The struct of the old one stays beside it: the log holds events of both.
    """

    def register(props: type[Props]) -> type[Props]:
        known = declared.get((name, version))
        if known is not None and known.props.__qualname__ != props.__qualname__:
            raise ValueError(f"two types of event are called {name} version {version}")
        summary = " ".join((props.__doc__ or "").split())
        declared[name, version] = EventType(name, version, name.partition(".")[0], summary, props, example)
        return props

    return register
