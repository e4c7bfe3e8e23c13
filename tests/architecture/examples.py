"""A body that fits what a route reads, made from its types; ids in it come from the caller."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar.enums import RequestEncodingType
from litestar.handlers import HTTPRouteHandler
from msgspec import inspect

from server.kit.ids import uuid7


def body_for(handler: HTTPRouteHandler, ids: Mapping[str, Any]) -> tuple[bytes, dict[str, str]]:
    """The body and its content type; fields called like an id of `ids` carry that id."""
    field = handler.parsed_data_field
    if field is None or field.annotation is Any:
        return b"", {}
    media_type = RequestEncodingType(getattr(field.kwarg_definition, "media_type", None) or RequestEncodingType.JSON)
    if media_type == RequestEncodingType.MULTI_PART:
        return b"--x--\r\n", {"content-type": "multipart/form-data; boundary=x"}
    form = media_type == RequestEncodingType.URL_ENCODED
    example = example_of(inspect.type_info(field.annotation), ids, everything=form)
    if form:
        return urlencode({name: value for name, value in example.items() if isinstance(value, str)}).encode(), {
            "content-type": media_type.value
        }
    return msgspec.json.encode(example), {"content-type": "application/json"}


def example_of(kind: inspect.Type, ids: Mapping[str, Any], name: str = "", *, everything: bool = False) -> Any:
    """A value of a type, as plain JSON; `everything` fills what may be left out, too."""
    match kind:
        case _ if name in ids:
            return str(ids[name])
        case inspect.StructType(fields=fields):
            return {one.encode_name: example_of(one.type, ids, one.name) for one in fields if one.required or everything or one.name in ids}
        case inspect.UnionType(types=types):
            return None if any(isinstance(one, inspect.NoneType) for one in types) else example_of(types[0], ids, name)
        case inspect.LiteralType(values=values):
            return values[0]
        case inspect.EnumType(cls=cls):
            return next(iter(cls)).value
        case inspect.StrType(min_length=shortest):
            return "x" * max(shortest or 0, 1)
        case inspect.IntType(ge=least) | inspect.FloatType(ge=least):
            return least or 1
        case inspect.BoolType():
            return False
        case inspect.UUIDType():
            return str(uuid7())
        case inspect.DictType():
            return {}
        case inspect.ListType(min_length=shortest, item_type=item):
            return [example_of(item, ids)] * (shortest or 0)
        case inspect.Metadata(type=inner):
            return example_of(inner, ids, name)
    return None
