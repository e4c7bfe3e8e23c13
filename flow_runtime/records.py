"""Frozen structs to plain JSON and back, with a `kind` that names the class."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from msgspec import Struct
from msgspec.structs import FieldInfo, fields

from flow_runtime.errors import InvalidInput

Record = TypeVar("Record", bound=Struct)
Decoder = Callable[[Any], Any]


def encode(value: Any) -> Any:
    """A value of a record as plain JSON."""
    if value is None or isinstance(value, (str, int, float, dict)):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return [encode(item) for item in value]
    if isinstance(value, Struct):
        return {name: encode(getattr(value, name)) for name in value.__struct_fields__}
    return value


def moment(value: Any) -> datetime:
    """A UTC datetime from ISO text."""
    parsed = datetime.fromisoformat(value)
    if parsed.tzinfo is None:
        raise ValueError("a time needs its zone")
    return parsed.astimezone(UTC)


def text(value: Any) -> str:
    """The value, which must be text."""
    if not isinstance(value, str):
        raise TypeError("text expected")
    return value


def flag(value: Any) -> bool:
    """The value, which must be true or false."""
    if not isinstance(value, bool):
        raise TypeError("true or false expected")
    return value


def whole(value: Any) -> int:
    """The value, which must be a whole number."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("whole number expected")
    return value


def number(value: Any) -> float:
    """The value, which must be a number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError("number expected")
    return value


def mapping(value: Any) -> dict[str, Any]:
    """The value, which must be an object."""
    if not isinstance(value, dict):
        raise TypeError("object expected")
    return value


def optional(decoder: Decoder) -> Decoder:
    """The same decoder, letting None through."""
    return lambda value: None if value is None else decoder(value)


def many(decoder: Decoder) -> Decoder:
    """A decoder for a tuple of values."""
    return lambda value: tuple(decoder(item) for item in value)


class Codec(Generic[Record]):
    """Writes and reads the records of one family.

    `renamed` maps a field to its name in JSON where the two must differ; fields in `left_out` are not written while they are empty.
    """

    def __init__(
        self,
        kinds: Mapping[str, type[Record]],
        decoders: Mapping[str, Decoder],
        renamed: Mapping[str, str] | None = None,
        left_out: frozenset[str] = frozenset(),
    ) -> None:
        self._kinds = dict(kinds)
        self._names = {kind: name for name, kind in kinds.items()}
        self._decoders = dict(decoders)
        self._left_out = left_out
        renamed = renamed or {}
        self._fields: dict[str, dict[str, FieldInfo]] = {
            name: {renamed.get(field.name, field.name): field for field in fields(kind)} for name, kind in kinds.items()
        }

    def to_json(self, record: Record) -> dict[str, Any]:
        name = self._names[type(record)]
        data: dict[str, Any] = {"kind": name}
        for key, field in self._fields[name].items():
            value = getattr(record, field.name)
            if value or field.name not in self._left_out:
                data[key] = encode(value)
        return data

    def from_json(self, data: Any) -> Record:
        try:
            name = data["kind"]
            known = self._fields[name]
            unknown = set(data) - {"kind"} - known.keys()
            if unknown:
                raise ValueError(f"unknown field {min(unknown)}")
            values = {field.name: self._decode(field.name, data[key]) for key, field in known.items() if key in data or field.required}
            return self._kinds[name](**values)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidInput(f"cannot be read: {error}") from None

    def _decode(self, name: str, value: Any) -> Any:
        decoder = self._decoders.get(name)
        return value if decoder is None else decoder(value)
