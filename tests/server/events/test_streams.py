"""Streams tell on every event of the log once, whatever happens to Redis or to the relay between the two; and they wake the readers."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.events.bad import replay, try_again
from server.events.commands import events_group
from server.events.follow import Follower, follow_all
from server.events.logged import Logged
from server.events.read import read_all
from server.events.reader import Later, Reader
from server.events.streams import AGAIN, NEWS, PLACES, Relay
from server.events.tables import bad_events
from server.kit import clock
from server.kit.db import Database
from server.kit.tables import events
from tests.server.events.logs import log, log_messages, make_tenant


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A database of Redis that nobody else uses, empty."""
    client = Redis.from_url(redis_url, db=7)
    await client.flushdb()
    yield client
    await client.aclose()


@pytest.fixture
def relay(db: Database, redis: Redis) -> Relay:
    return Relay(db, redis)


async def streamed(redis: Redis, tenant_id: UUID, topic: str = "message") -> list[int]:
    """The numbers of the tenant's messages in the stream, in order."""
    entries = [fields for _, fields in await redis.xrange(f"events:{topic}")]
    return [json.loads(one[b"event"])["data"]["seq"] for one in entries if one[b"tenant"].decode() == str(tenant_id)]


class TestRelay:
    async def test_an_entry_is_what_webhooks_get(self, db: Database, redis: Redis, relay: Relay) -> None:
        tenant_id = await make_tenant(db)
        await log_messages(db, tenant_id, 4)
        await relay.run()
        ((_, entry),) = await redis.xrange("events:message")
        told = json.loads(entry[b"event"])
        assert (entry[b"tenant"].decode(), entry[b"type"], int(entry[b"id"])) == (str(tenant_id), b"message.sent", told["data"]["id"])
        assert (told["type"], told["data"]["seq"], told["data"]["version"]) == ("message.sent", 4, 1)

    async def test_two_that_relay_at_once_add_everything_once(self, db: Database, redis: Redis, relay: Relay) -> None:
        tenant_id = await make_tenant(db)
        await relay.run()
        await log_messages(db, tenant_id, *range(1, 30))
        await asyncio.gather(relay.run(), Relay(db, redis).run())
        assert await streamed(redis, tenant_id) == list(range(1, 30))

    async def test_one_that_was_killed_before_it_noted_its_place_adds_nothing_twice(self, db: Database, redis: Redis, relay: Relay) -> None:
        tenant_id = await make_tenant(db)
        await log_messages(db, tenant_id, 1, 2)

        async def killed(conn: AsyncConnection, tenant_id: UUID, found: Sequence[Logged]) -> None:
            await relay.reader.read(conn, tenant_id, found)
            raise Later

        with pytest.raises(Later):
            await read_all(db, Reader("streams", killed))
        assert await streamed(redis, tenant_id) == [1, 2]
        await log_messages(db, tenant_id, 3)
        await relay.run()
        assert await streamed(redis, tenant_id) == [1, 2, 3]

    async def test_what_was_flushed_is_told_again_but_no_history(self, db: Database, redis: Redis, relay: Relay) -> None:
        tenant_id = await make_tenant(db)
        await log_messages(db, tenant_id, 1, 2, 3)
        async with db.tenant(tenant_id) as conn:
            old = update(events).where(events.c.props["seq"].as_integer() == 1)
            await conn.execute(old.values(at=clock.now() - AGAIN - timedelta(minutes=1)))
        await relay.run()
        assert await streamed(redis, tenant_id) == [2, 3]
        await redis.flushdb()
        await relay.run()
        assert await streamed(redis, tenant_id) == [2, 3]

    async def test_a_redis_that_came_back_with_an_old_file_gets_what_it_lacks(self, db: Database, redis: Redis, relay: Relay) -> None:
        tenant_id = await make_tenant(db)
        await log_messages(db, tenant_id, 1)
        await relay.run()
        old_place, old_entries = await redis.hget(PLACES, str(tenant_id)), await redis.xlen("events:message")
        await log_messages(db, tenant_id, 2)
        await relay.run()
        await redis.hset(PLACES, str(tenant_id), old_place)
        await redis.xtrim("events:message", maxlen=0)
        await log_messages(db, tenant_id, 3)
        await relay.run()
        assert old_entries == 1
        assert await streamed(redis, tenant_id) == [2, 3]

    async def test_a_log_that_was_restored_from_a_backup_goes_on(self, db: Database, redis: Redis, relay: Relay) -> None:
        tenant_id = await make_tenant(db)
        await relay.run()
        await redis.hset(PLACES, str(tenant_id), f"{2**60}-{2**60}")
        await log_messages(db, tenant_id, 1)
        await relay.run()
        await log_messages(db, tenant_id, 2)
        await relay.run()
        assert await streamed(redis, tenant_id) == [1, 2]

    async def test_without_redis_the_log_waits(self, db: Database, redis: Redis, relay: Relay) -> None:
        tenant_id = await make_tenant(db)
        await log_messages(db, tenant_id, 1)
        with pytest.raises(Later, match="Redis does not take events"):
            await Relay(db, Redis(port=1, retry=Retry(NoBackoff(), 0))).run()
        await relay.run()
        assert await streamed(redis, tenant_id) == [1]

    async def test_what_was_put_aside_comes_late_and_changes_no_place(self, db: Database, redis: Redis, relay: Relay) -> None:
        tenant_id = await make_tenant(db)
        async with db.tenant(tenant_id) as conn:
            await log(conn, tenant_id, "message.sent", turn=1, seq="one")
        await log_messages(db, tenant_id, 2)
        await relay.run()
        async with db.tenant(tenant_id) as conn:
            await conn.execute(update(events).where(events.c.props["seq"].as_string() == "one").values(props={"turn": 1, "seq": 1}))
            bad = (await conn.execute(select(bad_events))).one()
            assert await try_again(conn, tenant_id, bad.id) is not None
        place = await redis.hget(PLACES, str(tenant_id))
        await replay(resources_of(db, redis), tenant_id, "streams", bad.event_id)
        assert await streamed(redis, tenant_id) == [2, 1]
        assert await redis.hget(PLACES, str(tenant_id)) == place


class Notes:
    """A reader that remembers what it read, and says when it did."""

    def __init__(self) -> None:
        self.read: list[int] = []
        self.has_read = asyncio.Event()
        self.reader = Reader("notes", self._read)

    async def _read(self, conn: AsyncConnection, tenant_id: UUID, found: Sequence[Logged]) -> None:
        self.read += [event.props["seq"] for event in found]
        self.has_read.set()


def resources_of(db: Database, redis: Redis) -> Any:
    """As much as readers need of what a process shares."""
    return SimpleNamespace(db=db, redis=redis, settings=SimpleNamespace(event_streams=True))


class TestFollower:
    async def test_an_entry_wakes_one_of_the_processes(self, db: Database, redis: Redis, relay: Relay) -> None:
        tenant_id, first, second = await make_tenant(db), Notes(), Notes()
        await log_messages(db, tenant_id, 1)
        await relay.run()
        followers = [Follower(resources_of(db, redis), notes.reader, True) for notes in (first, second)]
        await followers[0].take()  # opens the group
        await followers[0].take()
        await asyncio.wait_for(asyncio.gather(followers[0].take(), log_and_relay(db, relay, tenant_id, 2)), 10)
        assert first.read == [1, 2]
        assert (await redis.xpending(NEWS, "chatloom:notes"))["pending"] == 0
        await redis.flushdb()
        await relay.run()
        await followers[1].take()
        await followers[1].take()
        assert (first.read, second.read) == ([1, 2], []), "what is told again was read before"

    async def test_what_nobody_was_woken_for_is_found(self, db: Database, redis: Redis) -> None:
        """From the log to a reader, with everything that runs in a process."""
        tenant_id, notes = await make_tenant(db), Notes()
        task = asyncio.create_task(follow_all(resources_of(db, redis), [notes.reader]))
        try:
            for number in (1, 2):
                await log_messages(db, tenant_id, number)
                await asyncio.wait_for(notes.has_read.wait(), 10)
                notes.has_read.clear()
                await redis.flushdb()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert notes.read == [1, 2]


async def log_and_relay(db: Database, relay: Relay, tenant_id: UUID, number: int) -> None:
    await log_messages(db, tenant_id, number)
    await relay.run()


class TestFollow:
    async def test_a_group_goes_on_where_it_was(self, db: Database, redis: Redis, relay: Relay, redis_url: str) -> None:
        tenant_id, other = await make_tenant(db), await make_tenant(db)
        await log_messages(db, other, 9)
        await log_messages(db, tenant_id, 1, 2, 3)
        await relay.run()
        environment = {"CHATLOOM_REDIS_URL": f"{redis_url}{'&' if '?' in redis_url else '?'}db=7"}
        wanted = ["follow", "--group", "shop", "--topic", "message", "--workspace", str(tenant_id), "--most"]

        def printed(most: int) -> list[int]:
            done = CliRunner(env=environment).invoke(events_group, [*wanted, str(most)])
            assert done.exit_code == 0, done.output
            return [json.loads(line)["data"]["seq"] for line in done.output.splitlines()]

        assert await asyncio.to_thread(printed, 2) == [1, 2]
        assert await asyncio.to_thread(printed, 1) == [3]
