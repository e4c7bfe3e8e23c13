"""JSON Schema errors in words a builder understands."""

from collections.abc import Callable, Mapping
from typing import Any

from jsonschema import ValidationError

_TYPES = {
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "yes or no",
    "array": "a list",
    "object": "a group of fields",
    "null": "empty",
}


def sentence(error: ValidationError, name: str) -> str:
    """What is wrong, about the field called `name`. A field that may not look like something says so itself, in `x-wrong`."""
    if error.validator == "not" and isinstance(error.schema, dict) and "x-wrong" in error.schema:
        return str(error.schema["x-wrong"])
    if error.validator == "additionalProperties":
        return _foreign(error, name)
    write = _SENTENCES.get(str(error.validator))
    return f'"{name}" is not right.' if write is None else write(name, error.validator_value, error.instance)


def lacks_value(error: ValidationError) -> bool:
    """Whether the field is only empty, which is said more kindly than that it is wrong."""
    if error.validator == "required":
        return True
    if error.validator in ("minLength", "pattern") and isinstance(error.instance, str):
        return not error.instance.strip()
    return error.validator == "minItems" and not error.instance


def _foreign(error: ValidationError, name: str) -> str:
    known = error.schema.get("properties", {}) if isinstance(error.schema, dict) else {}
    foreign = sorted(str(key)[:80] for key in error.instance if key not in known)
    return f'"{name}" has something that does not belong there: {", ".join(foreign[:5])}.'


def _type(name: str, wanted: Any, _: Any) -> str:
    kinds = [wanted] if isinstance(wanted, str) else wanted
    return f'"{name}" must be {" or ".join(_TYPES.get(kind, str(kind)) for kind in kinds)}.'


def _enum(name: str, wanted: Any, _: Any) -> str:
    return f'"{name}" must be one of: {", ".join(str(option) for option in wanted)}.'


def _plural(count: Any, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


_SENTENCES: Mapping[str, Callable[[str, Any, Any], str]] = {
    "type": _type,
    "enum": _enum,
    "const": lambda name, wanted, _: f'"{name}" must be {wanted}.',
    "required": lambda name, *_: f'"{name}" is missing.',
    "minLength": lambda name, wanted, _: f'"{name}" needs at least {_plural(wanted, "character")}.',
    "maxLength": lambda name, wanted, _: f'"{name}" may have at most {_plural(wanted, "character")}.',
    "minimum": lambda name, wanted, _: f'"{name}" must be {wanted} or more.',
    "maximum": lambda name, wanted, _: f'"{name}" must be {wanted} or less.',
    "exclusiveMinimum": lambda name, wanted, _: f'"{name}" must be more than {wanted}.',
    "minItems": lambda name, wanted, _: f'"{name}" needs at least {_plural(wanted, "entry").replace("entrys", "entries")}.',
    "maxItems": lambda name, wanted, _: f'"{name}" may have at most {wanted} entries.',
    "uniqueItems": lambda name, *_: f'"{name}" has the same entry twice.',
    "maxProperties": lambda name, wanted, _: f'"{name}" may have at most {wanted} entries.',
    "pattern": lambda name, *_: f'"{name}" is not in the right form.',
}
