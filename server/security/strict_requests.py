"""What programs send is taken at its word: a name given twice, or a parameter nobody knows, is refused and not guessed at."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.enums import RequestEncodingType
from litestar.handlers import BaseRouteHandler
from litestar.params import QueryParameter

from server.kit.errors import Problem

Connection = ASGIConnection[Any, Any, Any, Any]


class _Doubled(ValueError):
    pass


async def refuse_doubled_names(connection: Connection, handler: BaseRouteHandler) -> None:
    """400 for a JSON body in which an object has a name twice: programs on the way may have read the other value."""
    field = getattr(handler, "parsed_data_field", None)
    if field is None or not isinstance(connection, Request) or not _is_api(connection):
        return
    if getattr(field.kwarg_definition, "media_type", RequestEncodingType.JSON) != RequestEncodingType.JSON:
        return
    if (name := doubled_name(await connection.body())) is not None:
        sentence = f'"{name[:100]}" is given twice. Send it once.'
        raise Problem(400, "doubled_name", sentence, fields={name[:100]: sentence})


def doubled_name(body: bytes) -> str | None:
    """The first name that an object of a JSON document has twice; None when there is none, or when it is not JSON at all."""
    try:
        json.loads(body, object_pairs_hook=_pairs)
    except _Doubled as doubled:
        return str(doubled)
    except (ValueError, RecursionError):
        return None
    return None


def _pairs(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise _Doubled(next(name for name in names if names.count(name) > 1))
    return found


async def refuse_unknown_parameters(connection: Connection, handler: BaseRouteHandler) -> None:
    """400 for a parameter in the address that the route does not have: a filter with a slip of the pen would find everything."""
    if not connection.scope["query_string"] or handler.opt.get("public") or not _is_api(connection):
        return
    known = _parameters(handler)
    unknown = next((name for name in connection.query_params if name not in known), None)
    if unknown is not None:
        sentence = f'There is no parameter "{unknown[:100]}" here. Known: {", ".join(sorted(known)) or "none"}.'
        raise Problem(400, "unknown_parameter", sentence, fields={unknown[:100]: sentence})


@cache
def _parameters(handler: BaseRouteHandler) -> frozenset[str]:
    fields = handler.parsed_fn_signature.parameters.items()
    return frozenset(
        getattr(field.kwarg_definition, "query", None) or name
        for name, field in fields
        if isinstance(field.kwarg_definition, QueryParameter)
    )


def _is_api(connection: Connection) -> bool:
    return connection.scope["path"].startswith("/api/")
