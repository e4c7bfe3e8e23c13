"""The worker process behind real RQ: it does our jobs and nothing else, whatever somebody puts into Redis."""

import json
import pickle
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import redis
from litestar import Litestar
from redis.asyncio import Redis
from sqlalchemy import insert, select

from server.kit.counts import counts
from server.kit.db import Database
from server.kit.embedded.redis import start_redis
from server.kit.ids import uuid7
from server.kit.jobs import QUEUE, enqueue, ring
from server.kit.secrets import Vault
from server.kit.settings import Settings, environment_for_children
from server.kit.tables import jobs
from server.turns.tables import calls
from server.worker import listen
from tests.fakes.http import Answering, FakeServer, Request
from tests.server.turns.bots import ECHO, publish
from tests.server.turns.talk import until

ROWS = {
    row["id"]: row["input"]["rq_job"]
    for row in map(json.loads, (Path(__file__).parents[1] / "data" / "queue.jsonl").read_text().splitlines())
}


@pytest.fixture(scope="module")
def own_redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis of our own: these tests look at the whole of it."""
    server = start_redis(tmp_path_factory.mktemp("redis"))
    yield server.url
    server.stop()


@contextmanager
def worker(settings: Settings, *role: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that takes rings: a worker, or one that has another role as well."""
    command = [sys.executable, "-m", "server.cli", *(role or ("worker",))]
    process = subprocess.Popen(command, env=environment_for_children(settings), cwd=Path(__file__).parents[2])
    server = redis.Redis.from_url(settings.redis_url or "")
    try:
        until_s = time.monotonic() + 60
        while not server.smembers("rq:workers"):
            assert process.poll() is None, "the worker ended"
            assert time.monotonic() < until_s, "the worker does not begin"
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        assert process.wait(20) == 0
        server.delete("rq:workers")
        server.close()


@pytest.fixture
def settings(settings: Settings, own_redis_url: str) -> Settings:
    """Settings of processes on a Redis of their own."""
    Vault.open(settings.secret_key_file)
    return replace(settings, redis_url=own_redis_url, log_level="error")


class Box:
    """The worker's Redis, seen by somebody who means no good."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(url)

    def put(self, data: bytes, **more: str) -> str:
        """A job with these raw data."""
        ring_id = uuid7().hex
        fields: dict[Any, Any] = {"data": data, "origin": QUEUE, "status": "queued", "created_at": "2026-01-01T00:00:00.000000Z", **more}
        self._redis.hset(f"rq:job:{ring_id}", mapping=fields)
        self._redis.rpush(f"rq:queue:{QUEUE}", ring_id)
        return ring_id

    def call(self, function: str, *args: Any, **more: str) -> str:
        """A job as the JSON serializer writes it."""
        return self.put(zlib.compress(json.dumps([function, None, list(args), {}]).encode()), **more)

    def waiting(self) -> int:
        """How many jobs nobody has taken."""
        return int(self._redis.llen(f"rq:queue:{QUEUE}"))  # type: ignore[arg-type]


class Kill:
    """What a pickle would do if somebody opened it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


async def test_only_our_own_entry_function_is_ever_called(settings: Settings, db: Database, app: Litestar, tmp_path: Path) -> None:
    bot = await publish(db, ECHO)
    box, trap = Box(settings.redis_url or ""), tmp_path / "trap"
    async with db.tenant(bot.tenant_id) as conn:
        job_id = await enqueue(conn, bot.tenant_id, "turns.perform_call", {"call_id": "a:1:b:1"})
    with worker(settings, "runner", "--jobs"):
        box.call(ROWS["Q-001"]["func_name"], f"touch {trap}")
        box.call("pathlib.Path.touch", str(trap))
        box.put(zlib.compress(pickle.dumps(Kill(trap))))
        box.put(pickle.dumps(Kill(trap)))
        box.put(b"not even compressed")
        for name in ("success_callback_name", "failure_callback_name", "stopped_callback_name"):
            function = ROWS["Q-003"]["success_callback_name"]
            box.call("server.worker.perform", *ROWS["Q-004"]["args"], "nor this", **{name: function})
            box.call("server.worker.perform", str(bot.tenant_id), str(uuid7()), **{name: function})
        box.call("server.worker.perform", "one argument")
        box.call("server.worker.perform", [1], {"two": 2})
        await ring(app.state.redis, bot.tenant_id, job_id)
        await until(lambda: box.waiting() == 0)

        async def over() -> bool:
            async with db.tenant(bot.tenant_id) as conn:
                return await conn.scalar(select(jobs.c.status).where(jobs.c.id == job_id)) == "done"

        await until(over)
    assert not trap.exists()


class Shop(FakeServer):
    """Answers every call."""

    def __init__(self) -> None:
        super().__init__(self._answer)

    async def _answer(self, request: Request, to: Answering) -> None:
        await to.send(200, {"ok": True})


def test_a_redis_that_takes_no_writes_is_listened_to_again(own_redis_url: str) -> None:
    with redis.Redis.from_url(own_redis_url) as full:
        full.config_set("maxmemory", 1)
        try:
            assert not listen(full)
        finally:
            full.config_set("maxmemory", "256mb")


async def make_call(db: Database, tenant_id: UUID, conversation_id: UUID, call_id: str, url: str) -> UUID:
    """A call of a flow with its job."""
    from datetime import timedelta

    from server.kit.clock import now

    payload = {"method": "GET", "url": url, "headers": {}, "body": None, "timeout_s": 5}
    async with db.tenant(tenant_id) as conn:
        await conn.execute(
            insert(calls).values(
                tenant_id=tenant_id,
                id=call_id,
                conversation_id=conversation_id,
                turn=1,
                node_id="look",
                kind="integration.call",
                payload=payload,
                timeout_s=30,
                due_at=now() + timedelta(seconds=30),
            )
        )
        return await enqueue(conn, tenant_id, "turns.perform_call", {"call_id": call_id})


async def test_calls_are_made_and_foreign_or_vanished_ones_are_not(settings: Settings, db: Database, app: Litestar) -> None:
    from server.conversations.inbox import Arrival, Contact, accept
    from server.conversations.tables import conversations

    with Shop() as shop:
        allowed = replace(settings, outbound_allow=frozenset({shop.url.removeprefix("http://")}))
        bot, other = await publish(db, ECHO), await publish(db, ECHO)
        given = {"kind": "message", "at": "2026-01-01T00:00:00+00:00", "seed": 1, "text": "hi", "language": None}
        places = []
        for one in (bot, other):
            async with db.tenant(one.tenant_id) as conn:
                arrival = Arrival(one.tenant_id, one.channel_id, "m1", given, contact=Contact("ada"), flow_id=one.flow_id)
                places.append((await accept(conn, arrival)).conversation_id)
        mine = f"{places[0]}:1:look:1"
        theirs = f"{places[1]}:1:look:1"
        first = await make_call(db, bot.tenant_id, places[0], mine, f"{shop.url}/mine")
        await make_call(db, other.tenant_id, places[1], theirs, f"{shop.url}/theirs")
        async with db.tenant(bot.tenant_id) as conn:
            foreign = await enqueue(conn, bot.tenant_id, "turns.perform_call", {"call_id": theirs})
            gone = await enqueue(conn, bot.tenant_id, "turns.perform_call", {"call_id": f"{uuid7()}:1:look:1"})
            nonsense = await enqueue(conn, bot.tenant_id, "turns.perform_call", {"call_id": ROWS["Q-004"]["args"][0]})
        with worker(allowed):
            await ring(app.state.redis, bot.tenant_id, first, foreign, gone, nonsense)

            async def statuses() -> dict[UUID, str]:
                async with db.tenant(bot.tenant_id) as conn:
                    return {row.id: row.status for row in await conn.execute(select(jobs))}

            async def over() -> bool:
                return set((await statuses()).values()) <= {"done", "dead"}

            await until(over)
        assert await statuses() == {first: "done", foreign: "done", gone: "done", nonsense: "dead"}
        assert [request.path for request in shop.requests] == ["/mine"]
        async with db.tenant(bot.tenant_id) as conn:
            assert await conn.scalar(select(calls.c.status)) == "done"
            assert await conn.scalar(select(jobs.c.attempts).where(jobs.c.id == nonsense)) == 1
            assert await conn.scalar(select(conversations.c.id)) == places[0]
        async with Redis.from_url(settings.redis_url or "") as own:
            assert await counts(own, bot.tenant_id) == {("job", "nothing_to_do"): 2}
