"""Whatever an author's JavaScript does, it is contained, and the next call is fine."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import psutil
import pytest

from server.integrations.code.perform import run_code
from server.integrations.code.pool import Isolates
from server.kit import clock
from server.kit.calls import CallEnd, CallFailed, OpenCall, Tools
from server.kit.ids import uuid7
from server.kit.jobs import Resources
from server.kit.settings import read_settings
from server.turns.kinds import performer_of

SUM = "return {sum: input.items.reduce((all, item) => all + item.price * item.count, 0), name: input.name.toUpperCase()}"
BASKET = {"name": "ada", "items": [{"price": 1.5, "count": 2}] * 4}


@pytest.fixture
async def isolates() -> AsyncIterator[Isolates]:
    pool = Isolates(1)
    yield pool
    await pool.close()


HOSTILE = [
    ("syntax", "return {{", "code_error"),
    ("an error of its own", "throw new Error('no such order')", "code_error"),
    ("nothing returned", "1", None),
    ("endless loop", "while (true) {}", "timeout"),
    ("a bad pattern", "return /(a+)+$/.test('a'.repeat(40) + 'b')", "timeout"),
    ("a map that grows", "const m = new Map(); let i = 0; while (true) m.set({}, i++)", "memory|timeout"),
    ("lists that grow", "const a = []; while (true) a.push(new Array(1000).fill(1))", "memory|timeout"),
    ("texts that grow", "const a = []; while (true) a.push(JSON.stringify('x'.repeat(1 << 20) + a.length))", "memory|timeout"),
    ("array buffers", "return [typeof ArrayBuffer, typeof Uint8Array, typeof SharedArrayBuffer, typeof WebAssembly]", ["undefined"] * 4),
    ("a large result", "return 'x'.repeat(1e6)", "too_large"),
    ("a deep result", "let a = []; for (let i = 0; i < 5000; i++) a = [a]; return a", "too_large|code_error"),
    ("a flood of promises", "(function f() { Promise.resolve().then(f) })(); return 1", 1),
    (
        "the constructor of the constructor",
        "const f = (() => 0).constructor; return f('return [typeof process, typeof require, typeof fetch]')()",
        ["undefined"] * 3,
    ),
    ("network and timers", "return [typeof fetch, typeof XMLHttpRequest, typeof WebSocket, typeof setTimeout]", ["undefined"] * 4),
    ("leaving the function", "}); return 5; (function () {", "code_error"),
    ("deep recursion", "const f = n => f(n + 1) + 1; return f(0)", "code_error"),
    ("replacing what the runner uses", "JSON.stringify = JSON.parse = () => 'x'; Function = null; return 7", 7),
    ("an answer that pretends", "return {toJSON: () => ({error: 'timeout', last: true})}", {"error": "timeout", "last": True}),
    ("import of a module", "return import('fs').then(() => 'loaded')", {}),
]


@pytest.mark.parametrize(("source", "expected"), [row[1:] for row in HOSTILE], ids=[row[0] for row in HOSTILE])
async def test_hostile_and_odd_code_is_contained(isolates: Isolates, source: str, expected: Any) -> None:
    began = time.monotonic()
    answer = await isolates.run(source, BASKET, 400)
    assert time.monotonic() - began < 15
    if isinstance(expected, str) and "error" in answer:
        assert answer["error"] in expected.split("|")
        assert answer["message"]
    else:
        assert answer == {"value": expected}
    assert await isolates.run(SUM, BASKET, 1_000) == {"value": {"sum": 12, "name": "ADA"}}


async def test_nothing_is_left_for_the_next_call(isolates: Isolates) -> None:
    await isolates.run("globalThis.secret = input; Array.prototype.map = null; return 1", BASKET, 1_000)
    answer = await isolates.run("return [typeof secret, [1].map(n => n + 1)]", None, 1_000)
    assert answer == {"value": ["undefined", [2]]}


async def test_the_language_is_current_and_knows_languages(isolates: Isolates) -> None:
    source = "return [Object.groupBy([1, 2], n => n % 2 ? 'odd' : 'even'), new Intl.NumberFormat('de').format(1234.5), [3, 1].toSorted()]"
    assert await isolates.run(source, None, 1_000) == {"value": [{"odd": [1], "even": [2]}, "1.234,5", [1, 3]]}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("throw new TypeError('no such order')", "TypeError: no such order (line 1)"),
        ("const a = 1\nreturn a.b.c", "TypeError: Cannot read properties of undefined (reading 'c') (line 2)"),
        ("return {{", "SyntaxError: Unexpected token '{' (line 1)"),
        ("throw 'no'", "no (line 1)"),
    ],
)
async def test_an_error_is_told_in_its_own_words(isolates: Isolates, source: str, message: str) -> None:
    assert await isolates.run(source, None, 1_000) == {"error": "code_error", "message": message}


async def test_the_process_has_a_clean_environment_and_little_of_anything(isolates: Isolates, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATLOOM_DATABASE_URL", "postgresql://me:secret@db/chatloom")
    await isolates.run("return 1", None, 1_000)
    (child,) = [one for one in psutil.Process().children() if "isolate.py" in " ".join(one.cmdline())]
    assert child.environ().keys() <= {"PATH", "LC_CTYPE"}
    assert os.getsid(child.pid) == child.pid
    assert child.rlimit(psutil.RLIMIT_NOFILE) == (32, 32)
    assert child.rlimit(psutil.RLIMIT_FSIZE) == (0, 0)
    assert child.rlimit(psutil.RLIMIT_CORE) == (0, 0)
    assert child.rlimit(psutil.RLIMIT_DATA)[0] < 2 << 30
    assert child.net_connections() == []


async def test_who_stops_waiting_takes_the_process_along(isolates: Isolates) -> None:
    doing = asyncio.create_task(isolates.run("while (true) {}", None, 5_000))
    await asyncio.sleep(0.8)
    doing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await doing
    assert await isolates.run("return 2", None, 1_000) == {"value": 2}


async def test_many_calls_share_few_processes() -> None:
    pool = Isolates(2)
    answers = await asyncio.gather(*(pool.run("return input * 2", number, 1_000) for number in range(20)))
    assert [answer["value"] for answer in answers] == [number * 2 for number in range(20)]
    assert len([one for one in psutil.Process().children() if "isolate.py" in " ".join(one.cmdline())]) == 2
    await pool.close()
    assert [one for one in psutil.Process().children() if "isolate.py" in " ".join(one.cmdline())] == []


async def _performed(payload: dict[str, Any], code: str = "on") -> CallEnd:
    tools = Tools(cast(Resources, SimpleNamespace(settings=read_settings({"CHATLOOM_CODE": code}))))
    call = OpenCall(uuid7(), "c:1:n:1", uuid7(), "code.run", payload, 5.0, clock.now() + timedelta(seconds=60))
    try:
        return await run_code(tools, call)
    except CallFailed as failed:
        return failed.end
    finally:
        await tools.close()


async def test_a_flow_gets_what_the_code_returns() -> None:
    performing = performer_of("code.run")
    assert performing is not None
    assert performing.function is run_code
    end = await _performed({"source": "return ['a\\u0000', '\\ud83d', 1e20, 2 ** 53, input.n]", "input": {"n": 1}, "timeout_ms": 1000})
    assert end.ok
    assert end.value == {"value": ["a\ufffd", "\ufffd", 1e20, float(2**53), 1]}


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        ({"source": "throw 1"}, "code_error"),
        ({"source": ""}, "refused"),
        ({"source": "return 1", "timeout_ms": 60_000}, "refused"),
        ({"source": "return 1", "file": "/etc/passwd"}, "refused"),
        ({"source": "return 1", "input": "x" * 300_000}, "too_large"),
    ],
)
async def test_what_cannot_be_run_says_why_and_is_not_tried_again(payload: dict[str, Any], kind: str) -> None:
    end = await _performed(payload)
    assert (end.ok, end.may_retry) == (False, False)
    assert end.error is not None
    assert end.error.kind == kind


async def test_it_is_off_unless_switched_on() -> None:
    end = await _performed({"source": "return 1"}, code="off")
    assert end.error is not None
    assert (end.error.kind, end.may_retry) == ("not_available", False)
    assert "CHATLOOM_CODE=on" in end.error.message
    assert read_settings({}).code is False
