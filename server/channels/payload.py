"""Reading what a provider posted: JSON in which anything may be missing or of another kind than its documentation says."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from server.channels.contract import Unusable

Object = Mapping[str, Any]


def json_object(raw: bytes) -> Object:
    """The JSON object in a body; raises Unusable."""
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unusable(str(error)) from None
    if not isinstance(found, dict):
        raise Unusable("it is no JSON object")
    return found


def refuse_nul(value: Any) -> None:
    """Raise Unusable for a NUL character anywhere: the database cannot keep it, and nobody writes one."""
    if isinstance(value, dict):
        refuse_nul([*value, *value.values()])
    elif isinstance(value, list):
        for part in value:
            refuse_nul(part)
    elif isinstance(value, str) and "\0" in value:
        raise Unusable("it has a NUL character")


def part_of(given: Object, name: str) -> Object:
    """The object under a name; empty when there is none."""
    found = given.get(name)
    return found if isinstance(found, dict) else {}


def parts_of(given: Object, name: str) -> Iterator[Object]:
    """The objects in the list under a name."""
    found = given.get(name)
    return iter([one for one in found if isinstance(one, dict)] if isinstance(found, list) else ())


def text_of(given: Object, name: str) -> str:
    """The text under a name; empty when there is none."""
    found = given.get(name)
    return found if isinstance(found, str) else ""
