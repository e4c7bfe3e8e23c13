"""Hostile requests to the API, row by row: each has its expected outcome, and nothing is stored where nothing may be."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
from litestar import Litestar

from server.security.strict_requests import doubled_name
from tests.architecture.asgi_call import call
from tests.conftest import Workspace

ROWS = [json.loads(line) for line in (Path(__file__).parents[2] / "data" / "api_json.jsonl").read_text().splitlines()]
API = "/api/v1"
# What cannot be read at all is 400; what can be read and not be used is 422 (RFC 9110, 15.5.21).
ALSO = {400: {400, 422}}
# Files for a knowledge base are not part of this server; files of customers come by the same kind of route.
NEAREST = {"{API}/kb/files": "/api/v2/chat/uploads"}
SOON_S = 2.0


def _path(row: dict[str, Any]) -> str:
    path: str = row["input"]["path"]
    return NEAREST.get(path, path).replace("{API}", API)


def _body(row: dict[str, Any]) -> bytes:
    given = row["input"]
    made: bytes = eval(given["py_body"], {}) if "py_body" in given else given["raw"].encode()
    return made


async def _names(owner: Workspace) -> list[str]:
    return [one["name"] for one in (await owner.client.get(f"{API}/flows")).json()["data"]]


async def test_every_row(app: Litestar, owner: Workspace) -> None:
    token = {"authorization": owner.client.headers["authorization"], "accept": "application/json"}
    failures = []
    for row in ROWS:
        given = row["input"]
        if "request" in given or row["id"] == "API-047":
            continue  # each has a test of its own
        began, body = time.monotonic(), _body(row)
        headers = {**token, **given["headers"], "content-length": str(len(body))}
        answer = await call(app, given["method"], _path(row), headers, body)
        took = time.monotonic() - began
        expected = set().union(*(ALSO.get(status, {status}) for status in row["status"]))
        problem = answer.status >= 400 and answer.headers["content-type"] == "application/problem+json"
        if answer.status not in expected or (answer.status >= 400 and not problem) or took > SOON_S:
            failures.append((row["id"], answer.status, took, answer.body[:200]))
    assert not failures, "\n".join(map(str, failures))
    assert await _names(owner) == []


async def test_a_size_that_is_not_announced_is_noticed_on_the_way(owner: Workspace) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'{"name":"'
        while True:
            sent += 1
            yield b"a" * (1 << 20)

    answer = await owner.client.post(f"{API}/flows", content=endless(), headers={"content-type": "application/json"})
    assert (answer.status_code, sent <= 11) == (413, True)


async def test_twenty_equal_posts_make_one_flow(owner: Workspace) -> None:
    row = next(row for row in ROWS if row["id"] == "API-036")
    asked = row["input"]["request"]

    async def post() -> httpx.Response:
        return await owner.client.post(f"{API}/flows", content=asked["raw"], headers=asked["headers"])

    answers = await asyncio.gather(*(post() for _ in range(row["input"]["parallel"])))
    assert {answer.status_code for answer in answers} <= set(row["status"])
    assert await _names(owner) == ["a"]


async def test_markup_is_text(owner: Workspace) -> None:
    row = next(row for row in ROWS if row["id"] == "API-047")
    words = json.loads(row["input"]["raw"])["html"]
    made = await owner.client.post(f"{API}/flows", json={"name": words, "description": words})
    assert made.status_code == 201, made.text
    for path in ("/flows", f"/flows/{made.json()['id']}"):
        page = await owner.client.get(path, headers={"accept": "text/html"})
        assert (page.status_code, words in page.text) == (200, False), path
        assert "&lt;img src=x" in page.text
        assert "'unsafe-inline'" not in page.headers["content-security-policy"].partition("script-src")[2].partition(";")[0]


def test_names_that_come_twice_are_found_at_any_depth() -> None:
    assert doubled_name(b'{"a":1,"b":[{"c":1,"c":2}]}') == "c"
    assert doubled_name(b'{"a":{"b":1},"b":2}') is None
    assert doubled_name(b'{"a":1,"\\u0061":2}') == "a"
    assert doubled_name(b"[" * 100_000) is None
    assert doubled_name(b"not JSON") is None
