"""News reaches the browsers that listen, and those that could miss some are told to look for themselves."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import redis.asyncio
from redis.asyncio import Redis

from server.kit.ids import uuid7
from server.kit.live import RESYNC, Live, Subscription

TENANT, OTHER_TENANT = uuid7(), uuid7()


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Redis]:
    connection = redis.asyncio.from_url(redis_url)
    yield connection
    await connection.aclose()


@pytest.fixture
async def live(client: Redis) -> AsyncIterator[Live]:
    fan_out = Live(client)
    await fan_out.start()
    yield fan_out
    await fan_out.stop()


async def take(news: Subscription, count: int) -> list[object]:
    return [await news.wait(2) for _ in range(count)]


async def test_everybody_who_listens_gets_the_news_in_order(live: Live) -> None:
    async with live.subscribe(TENANT, "door") as one, live.subscribe(TENANT, "door") as two:
        for number in range(20):
            await live.publish(TENANT, "door", {"kind": "knock", "number": number})
        for news in (one, two):
            assert await take(news, 20) == [{"kind": "knock", "number": number} for number in range(20)]


async def test_news_stay_with_their_topic_and_their_tenant(live: Live) -> None:
    async with (
        live.subscribe(TENANT, "door") as mine,
        live.subscribe(OTHER_TENANT, "door") as theirs,
        live.subscribe(TENANT, "window") as other,
    ):
        await live.publish(TENANT, "door", {"kind": "knock"})
        assert await mine.wait(2) == {"kind": "knock"}
        assert await theirs.wait(0.1) is None
        assert await other.wait(0.1) is None


async def test_one_listener_may_follow_several_topics_and_is_known_to_listen(live: Live) -> None:
    assert not await live.is_heard(TENANT, "words")
    async with live.subscribe(TENANT, "turns", "words") as news:
        assert await live.is_heard(TENANT, "words")
        assert not await live.is_heard(OTHER_TENANT, "words")
        await live.publish(TENANT, "words", {"n": 1})
        await live.publish(TENANT, "turns", {"n": 2})
        assert await take(news, 2) == [{"n": 1}, {"n": 2}]
    assert not await live.is_heard(TENANT, "words")


async def test_nothing_said_after_subscribing_is_missed(live: Live) -> None:
    for number in range(50):
        async with live.subscribe(TENANT, f"door {number}") as news:
            await live.publish(TENANT, f"door {number}", {"kind": "knock"})
            assert await news.wait(2) == {"kind": "knock"}


async def test_all_listeners_of_a_process_share_one_connection(live: Live, client: Redis) -> None:
    await _listens(client, "live:keep-alive")
    before = len(await client.client_list(_type="pubsub"))
    async with live.subscribe(TENANT, "one"), live.subscribe(TENANT, "two"), live.subscribe(OTHER_TENANT, "three"):
        assert len(await client.client_list(_type="pubsub")) == before


async def test_a_listener_that_is_too_slow_is_told_to_look_again(live: Live) -> None:
    async with live.subscribe(TENANT, "door") as slow, live.subscribe(TENANT, "door") as quick:
        for number in range(300):
            await live.publish(TENANT, "door", {"kind": "knock", "number": number})
            assert await quick.wait(2) == {"kind": "knock", "number": number}
        told = await take(slow, 300 - 256)
        assert told[0] == RESYNC
        assert told[-1] == {"kind": "knock", "number": 299}


async def test_after_a_lost_connection_listeners_look_again_and_hear_again(live: Live, client: Redis) -> None:
    async with live.subscribe(TENANT, "door") as news:
        await client.client_kill_filter(_type="pubsub")
        assert await news.wait(5) == RESYNC
        await live.publish(TENANT, "door", {"kind": "knock"})
        assert await news.wait(2) == {"kind": "knock"}


async def test_who_leaves_is_no_longer_sent_anything(live: Live, client: Redis) -> None:
    channel = f"live:{TENANT}:hall"
    async with live.subscribe(TENANT, "hall"):
        async with live.subscribe(TENANT, "hall"):
            pass
        assert await client.pubsub_numsub(channel) == [(channel.encode(), 1)]
    for _ in range(100):
        if await client.pubsub_numsub(channel) == [(channel.encode(), 0)]:
            break
        await asyncio.sleep(0.01)
    assert await client.pubsub_numsub(channel) == [(channel.encode(), 0)]


async def test_stopping_ends_every_subscription(client: Redis) -> None:
    live = Live(client)
    await live.start()
    async with live.subscribe(TENANT, "door") as news:
        await live.publish(TENANT, "door", {"kind": "knock"})
        await live.stop()
        assert [told async for told in news] == []
        assert news.ended


async def test_without_redis_publishing_does_no_harm_and_listening_waits(tmp_path: object) -> None:
    client = redis.asyncio.from_url(f"unix://{tmp_path}/nobody.sock")
    live = Live(client)
    await live.start()
    try:
        async with asyncio.timeout(5):
            await live.publish(TENANT, "door", {"kind": "knock"})
            async with live.subscribe(TENANT, "door") as news:
                assert await news.wait(0.1) is None
    finally:
        await live.stop()
        await client.aclose()


async def _listens(client: Redis, channel: str) -> None:
    for _ in range(200):
        if (await client.pubsub_numsub(channel))[0][1]:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"nobody listens to {channel}")
