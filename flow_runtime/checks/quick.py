"""Does a value fit a JSON Schema: a plain yes or no, many times faster than the library, which is asked only for the reasons of a no.

Knows the keywords that our schemas use; `compiled` gives None for a schema with another one, and the library is asked for everything.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

Fits = Callable[[Any], bool]

_SAYS_NOTHING = frozenset(("title", "description", "default", "format", "$schema", "$id", "$defs", "examples", "then", "else"))


class _Unknown(Exception):
    """A keyword that is not known here."""


def compiled(schema: Mapping[str, Any], definitions: Mapping[str, Any] | None = None) -> Fits | None:
    """A test for the schema (draft 2020-12), or None when it uses something that is not known here."""
    try:
        return _compile(schema, definitions if definitions is not None else schema.get("$defs", {}))
    except _Unknown:
        return None


def _compile(schema: Any, definitions: Mapping[str, Any]) -> Fits:
    if schema is True:
        return lambda value: True
    if schema is False:
        return lambda value: False
    tests = [test for keyword, wanted in schema.items() if (test := _keyword(keyword, wanted, schema, definitions)) is not None]
    if len(tests) == 1:
        return tests[0]
    if len(tests) == 2:
        first, second = tests
        return lambda value: first(value) and second(value)
    return lambda value: all(test(value) for test in tests)


def _keyword(keyword: str, wanted: Any, schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Fits | None:
    if keyword.startswith("x-") or keyword in _SAYS_NOTHING:
        return None
    if keyword in ("properties", "additionalProperties"):
        if keyword == "additionalProperties" and "properties" in schema:
            return None
        return _members(schema, definitions)
    if keyword == "$ref":
        return _compile(definitions[_local(wanted, definitions)], definitions)
    if keyword in _OF_PARTS:
        return _OF_PARTS[keyword](wanted, schema, lambda part: _compile(part, definitions))
    if keyword not in _SIMPLE:
        raise _Unknown(keyword)
    return _SIMPLE[keyword](wanted)


def _local(reference: str, definitions: Mapping[str, Any]) -> str:
    name = reference.removeprefix("#/$defs/")
    if name == reference or name not in definitions:
        raise _Unknown(reference)
    return name


def _members(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Fits:
    if "patternProperties" in schema:
        raise _Unknown("patternProperties")
    known = {name: _compile(part, definitions) for name, part in schema.get("properties", {}).items()}
    others = _compile(schema.get("additionalProperties", True), definitions)

    def fits(value: Any) -> bool:
        if not isinstance(value, dict):
            return True
        return all(known.get(name, others)(item) for name, item in value.items())

    return fits


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_TYPES: Mapping[str, Fits] = {
    "string": lambda value: isinstance(value, str),
    "number": _is_number,
    "integer": lambda value: _is_number(value) and (isinstance(value, int) or value.is_integer()),
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "null": lambda value: value is None,
}


def _type(wanted: Any) -> Fits:
    kinds = [wanted] if isinstance(wanted, str) else wanted
    if any(kind not in _TYPES for kind in kinds):
        raise _Unknown(str(wanted))
    tests = [_TYPES[kind] for kind in kinds]
    return tests[0] if len(tests) == 1 else lambda value: any(test(value) for test in tests)


def _enum(wanted: Any) -> Fits:
    if any(not isinstance(option, (str, bool)) for option in wanted):
        raise _Unknown("enum")
    options = frozenset(wanted)
    return lambda value: isinstance(value, (str, bool)) and value in options


def _const(wanted: Any) -> Fits:
    if isinstance(wanted, (dict, list, float)):
        raise _Unknown("const")
    if isinstance(wanted, int) and not isinstance(wanted, bool):
        return lambda value: _is_number(value) and value == wanted
    return lambda value: type(value) is type(wanted) and value == wanted


def _pattern(wanted: str) -> Fits:
    search = re.compile(wanted).search
    return lambda value: not isinstance(value, str) or search(value) is not None


def _long(test: Callable[[int], bool], kind: type[str] | type[list[Any]] | type[dict[str, Any]]) -> Fits:
    return lambda value: not isinstance(value, kind) or test(len(value))


def _unique(wanted: bool) -> Fits:
    if not wanted:
        return lambda value: True
    return lambda value: not isinstance(value, list) or (all(isinstance(item, str) for item in value) and len(set(value)) == len(value))


def _required(wanted: list[str]) -> Fits:
    return lambda value: not isinstance(value, dict) or all(name in value for name in wanted)


def _numeric(test: Callable[[float], bool]) -> Fits:
    return lambda value: not _is_number(value) or test(value)


_SIMPLE: Mapping[str, Callable[[Any], Fits]] = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "pattern": _pattern,
    "required": _required,
    "uniqueItems": _unique,
    "minLength": lambda least: _long(lambda length: length >= least, str),
    "maxLength": lambda most: _long(lambda length: length <= most, str),
    "minItems": lambda least: _long(lambda length: length >= least, list),
    "maxItems": lambda most: _long(lambda length: length <= most, list),
    "minProperties": lambda least: _long(lambda length: length >= least, dict),
    "maxProperties": lambda most: _long(lambda length: length <= most, dict),
    "minimum": lambda least: _numeric(lambda number: number >= least),
    "maximum": lambda most: _numeric(lambda number: number <= most),
    "exclusiveMinimum": lambda least: _numeric(lambda number: number > least),
    "exclusiveMaximum": lambda most: _numeric(lambda number: number < most),
}

_Compile = Callable[[Any], Fits]


def _items(wanted: Any, _: Mapping[str, Any], compile: _Compile) -> Fits:
    test = compile(wanted)
    return lambda value: not isinstance(value, list) or all(test(item) for item in value)


def _names(wanted: Any, _: Mapping[str, Any], compile: _Compile) -> Fits:
    test = compile(wanted)
    return lambda value: not isinstance(value, dict) or all(test(name) for name in value)


def _all_of(wanted: Any, _: Mapping[str, Any], compile: _Compile) -> Fits:
    tests = [compile(part) for part in wanted]
    return lambda value: all(test(value) for test in tests)


def _any_of(wanted: Any, _: Mapping[str, Any], compile: _Compile) -> Fits:
    tests = [compile(part) for part in wanted]
    return lambda value: any(test(value) for test in tests)


def _not(wanted: Any, _: Mapping[str, Any], compile: _Compile) -> Fits:
    test = compile(wanted)
    return lambda value: not test(value)


def _if(wanted: Any, schema: Mapping[str, Any], compile: _Compile) -> Fits:
    test, then, otherwise = compile(wanted), compile(schema.get("then", True)), compile(schema.get("else", True))
    return lambda value: then(value) if test(value) else otherwise(value)


_OF_PARTS: Mapping[str, Callable[[Any, Mapping[str, Any], _Compile], Fits]] = {
    "items": _items,
    "propertyNames": _names,
    "allOf": _all_of,
    "anyOf": _any_of,
    "not": _not,
    "if": _if,
}
