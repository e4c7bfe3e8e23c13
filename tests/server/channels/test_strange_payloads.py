"""Whatever a provider puts into a payload, an adapter reads it or calls it unusable; it never fails in another way."""

import json
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode

import msgspec
import pytest
from msgspec.structs import replace

import server.channels
from server.channels.cases import Case, Cases, read_cases
from server.channels.contract import Unusable, adapter_of

FOLDERS = sorted(path.parent for path in Path(server.channels.__file__).parent.glob("*/adapter.py"))
STRANGE: list[Any] = [None, True, -1, 10**400, 1.5, "", "\0", "\ud800", "x" * 100, [], [None], [[]], {}, {"id": {}}, "1e999", "~"]


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield from _places(part, (*path, name))


def _put(value: Any, path: tuple[Any, ...], strange: Any) -> Any:
    if not path:
        return strange
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _put(value[path[0]], path[1:], strange)
    return copy


def _bodies(cases: Cases) -> Iterator[tuple[Case, Any, Callable[[Any], str]]]:
    """The requests that say something, what they say, and how to write it again: JSON, JSON in a form, or a form."""
    for case in cases.requests:
        text = case.request.body
        if not (case.expect.get("messages") or case.expect.get("statuses")):
            continue
        if text.startswith("{"):
            yield case, json.loads(text), json.dumps
        elif text.startswith("payload="):
            yield case, json.loads(parse_qs(text)["payload"][0]), lambda told: urlencode({"payload": json.dumps(told)})
        elif case.request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            yield case, dict(parse_qsl(text, keep_blank_values=True)), _as_form


def _as_form(told: Any) -> str:
    fields = told.items() if isinstance(told, dict) else [("told", told)]
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields}
    return urlencode(texts, errors="surrogatepass")


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_it_is_read_or_unusable(folder: Path) -> None:
    adapter, cases = adapter_of(folder.name), read_cases(folder)
    assert adapter is not None
    tried = 0
    for case, body, written in _bodies(cases):
        for path, strange in product(_places(body), STRANGE):
            told = written(_put(body, path, strange))
            request = replace(case.request, body=told).request()
            try:
                received = adapter.parse(request, {**cases.settings, **case.settings})
            except Unusable:
                continue
            for said in received.messages:
                assert said.key, told
                assert said.contact_id, told
                assert b"\\u0000" not in msgspec.json.encode(said), told
            msgspec.json.encode(received.statuses)
            tried += 1
    assert tried > 50
