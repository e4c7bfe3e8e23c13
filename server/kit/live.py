"""News fanned out to the browsers that listen now: a wake-up over Redis publish/subscribe, never the truth.

A subscriber may miss news (Redis restarts, a queue overflows); it then gets `RESYNC` and reads the database again. Whatever goes wrong
here fails nobody: on a bad line the Redis client raises not only its own errors but what its parser stumbles over.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import UUID

import msgspec
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from server.kit.tasks import end_tasks

RESYNC: Mapping[str, Any] = {"kind": "resync"}

_QUEUE_LIMIT = 256
_PUBLISH_TIMEOUT_S = 1.0
_CONFIRM_TIMEOUT_S = 1.0
_LONGEST_BACKOFF_S = 5.0
_KEEP_ALIVE = "live:keep-alive"

_log = logging.getLogger(__name__)


class Subscription:
    """The news of one topic for one listener, oldest first; ends when the process shuts down."""

    def __init__(self) -> None:
        self.ended = False
        self._news: asyncio.Queue[Mapping[str, Any] | None] = asyncio.Queue(_QUEUE_LIMIT)

    def put(self, data: Mapping[str, Any]) -> None:
        """Hand over one piece of news; a listener that is too slow loses what waits and is told to resync."""
        if self._news.full():
            self._forget()
            data = RESYNC
        self._news.put_nowait(data)

    def end(self) -> None:
        """No more news."""
        self._forget()
        self._news.put_nowait(None)

    def _forget(self) -> None:
        while not self._news.empty():
            self._news.get_nowait()

    async def wait(self, seconds: float) -> Mapping[str, Any] | None:
        """The next piece of news; None after `seconds` without any and when it has ended."""
        with suppress(TimeoutError, StopAsyncIteration):
            async with asyncio.timeout(seconds):
                return await self.__anext__()
        return None

    def __aiter__(self) -> "Subscription":
        return self

    async def __anext__(self) -> Mapping[str, Any]:
        data = None if self.ended else await self._news.get()
        if data is None:
            self.ended = True
            raise StopAsyncIteration
        return data


class Live:
    """One Redis publish/subscribe connection per process, shared by all its listeners."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._listeners: dict[str, set[Subscription]] = {}
        self._confirmed: dict[str, asyncio.Event] = {}
        self._pubsub: PubSub | None = None
        self._reader: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect, and stay connected."""
        self._reader = asyncio.create_task(self._read_for_ever(), name="live reader")

    async def stop(self) -> None:
        """End every subscription and hang up."""
        for subscription in [one for listeners in self._listeners.values() for one in listeners]:
            subscription.end()
        if self._reader is not None:
            await end_tasks(self._reader)
        self._reader = None

    async def publish(self, tenant_id: UUID, topic: str, data: Mapping[str, Any]) -> None:
        """Tell whoever listens to `topic` of this tenant. Never fails the caller: listeners also look for themselves."""
        await self.publish_all([(tenant_id, topic, data)])

    async def publish_all(self, news: Sequence[tuple[UUID, str, Mapping[str, Any]]]) -> None:
        """Many news in one write: the client's own commands cost more than the turn they tell about."""
        command = b"".join(_publish(_channel(tenant_id, topic), msgspec.json.encode(data)) for tenant_id, topic, data in news)
        pool = self._redis.connection_pool
        try:
            async with asyncio.timeout(_PUBLISH_TIMEOUT_S):
                connection = await pool.get_connection()  # type: ignore[no-untyped-call]
                try:
                    await connection.send_packed_command(command)
                    for _ in news:
                        await connection.read_response()
                except BaseException:
                    await connection.disconnect(nowait=True)
                    raise
                finally:
                    await pool.release(connection)
        except Exception as error:
            _log.warning("%d news lost: %r", len(news), error)

    @asynccontextmanager
    async def subscribe(self, tenant_id: UUID, *topics: str) -> AsyncIterator[Subscription]:
        """Listen to topics of this tenant. What is published after the block is entered arrives (or RESYNC does)."""
        channels = [_channel(tenant_id, topic) for topic in topics]
        subscription = Subscription()
        try:
            for channel in channels:
                await self._join(channel, subscription)
            yield subscription
        finally:
            for channel in channels:
                await self._leave(channel, subscription)

    async def is_heard(self, tenant_id: UUID, topic: str) -> bool:
        """Whether anybody listens to `topic` of this tenant now, in any process; nobody does while Redis is away."""
        try:
            async with asyncio.timeout(_PUBLISH_TIMEOUT_S):
                ((_, listeners),) = await self._redis.pubsub_numsub(_channel(tenant_id, topic))
        except Exception as error:
            _log.warning("whether anybody listens is not known: %r", error)
            return False
        return bool(listeners)

    async def _join(self, channel: str, subscription: Subscription) -> None:
        listeners = self._listeners.setdefault(channel, set())
        listeners.add(subscription)
        confirmed = self._confirmed.setdefault(channel, asyncio.Event())
        if len(listeners) == 1 and self._pubsub is not None:
            with suppress(Exception):
                await self._pubsub.subscribe(channel)
        with suppress(TimeoutError):
            await asyncio.wait_for(confirmed.wait(), _CONFIRM_TIMEOUT_S)

    async def _leave(self, channel: str, subscription: Subscription) -> None:
        listeners = self._listeners.get(channel, set())
        listeners.discard(subscription)
        if listeners:
            return
        self._listeners.pop(channel, None)
        self._confirmed.pop(channel, None)
        if self._pubsub is not None:
            with suppress(Exception):
                await self._pubsub.unsubscribe(channel)

    async def _read_for_ever(self) -> None:
        backoff = 0.1
        while True:
            try:
                async with self._redis.pubsub() as pubsub:
                    await pubsub.subscribe(_KEEP_ALIVE)
                    self._pubsub = pubsub  # from here on whoever joins subscribes for itself
                    if self._listeners:
                        await pubsub.subscribe(*self._listeners)
                    backoff = 0.1
                    await self._read(pubsub)
            except Exception as error:
                _log.warning("live connection lost, next try in %.1f s: %r", backoff, error)
            finally:
                self._pubsub = None
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, _LONGEST_BACKOFF_S)

    async def _read(self, pubsub: PubSub) -> None:
        async for message in pubsub.listen():
            channel = _as_text(message["channel"])
            if message["type"] == "subscribe":
                self._confirm(channel)
            elif message["type"] == "message":
                data = msgspec.json.decode(message["data"])
                for subscription in self._listeners.get(channel, ()):
                    subscription.put(data)

    def _confirm(self, channel: str) -> None:
        """Redis listens for us. The second time means that the connection was away: news may have been missed."""
        confirmed = self._confirmed.get(channel)
        if confirmed is None:
            return
        if confirmed.is_set():
            for subscription in self._listeners.get(channel, ()):
                subscription.put(RESYNC)
        confirmed.set()


def _publish(channel: str, payload: bytes) -> bytes:
    """The command as Redis reads it."""
    return b"*3\r\n$7\r\nPUBLISH\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n" % (len(channel), channel.encode(), len(payload), payload)


def _channel(tenant_id: UUID, topic: str) -> str:
    return f"live:{tenant_id}:{topic}"


def _as_text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
