"""The servers Chatloom stands on fail under load, or its own processes stand still: customers are answered late, once and in order."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import asyncpg
import httpx
import pytest
from redis.asyncio import Redis

from server.kit.db import Database
from server.kit.embedded.postgres import EmbeddedPostgres, start_postgres
from server.kit.embedded.redis import EmbeddedRedis, start_redis
from server.kit.migrate import migrate
from server.kit.secrets import Vault
from server.kit.settings import Settings, read_settings
from tests.faults.invariants import Outside, violations
from tests.faults.load import Shop, chat, check_transcripts, hook, publish_both, until_calm
from tests.faults.processes import Processes

CHATS, HOOKS = 24, 8
LASTS_S = 2.0
PATIENCE_S = 90.0


@dataclass
class Place:
    """One installation with servers of its own."""

    postgres: EmbeddedPostgres
    redis: EmbeddedRedis
    processes: Processes
    settings: Settings
    shop: Shop
    log: Path


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[EmbeddedPostgres, EmbeddedRedis]]:
    """A PostgreSQL and a Redis that may be hurt."""
    postgres, redis = start_postgres(tmp_path_factory.mktemp("hurt")), start_redis(tmp_path_factory.mktemp("hurt"))
    asyncio.run(migrate(postgres.migration_url))
    try:
        yield postgres, redis
    finally:
        postgres.stop()
        redis.stop()


@pytest.fixture
async def place(servers: tuple[EmbeddedPostgres, EmbeddedRedis], tmp_path: Path) -> AsyncIterator[Place]:
    postgres, redis = servers
    data = postgres.data_dir / "chatloom"  # of the same installation in every test: the database knows its key
    given = {"CHATLOOM_DATA_DIR": str(data), "CHATLOOM_DATABASE_URL": postgres.url, "CHATLOOM_REDIS_URL": redis.url}
    with ExitStack() as stack:
        shop = stack.enter_context(Shop())
        settings = replace(read_settings(given), outbound_allow=frozenset({shop.host}), log_level="warning")
        Vault.open(settings.secret_key_file)
        log = tmp_path / "processes.log"
        processes = Processes(settings, log)
        stack.callback(processes.stop)
        processes.start()
        yield Place(postgres, redis, processes, settings, shop, log)


@pytest.fixture
async def db(place: Place) -> AsyncIterator[Database]:
    database = Database(place.settings.database_url or "", pool_size=4)
    yield database
    await database.close()


Fault = Callable[[Place], Awaitable[None]]


async def redis_forgets(place: Place) -> None:
    """FLUSHALL, over and over: doorbells, jobs and sign-in limits are gone."""
    async with Redis.from_url(place.redis.url) as redis:
        for _ in range(20):
            await redis.flushall()
            await asyncio.sleep(LASTS_S / 20)


async def redis_is_killed(place: Place) -> None:
    """kill -9 and a new start a while later."""
    _signal(place.redis.process, signal.SIGKILL)
    await asyncio.sleep(LASTS_S)
    place.redis.spawn()


async def redis_is_full(place: Place) -> None:
    """Redis takes no write."""
    async with Redis.from_url(place.redis.url) as redis:
        await redis.config_set("maxmemory-policy", "noeviction")
        await redis.config_set("maxmemory", 1)
        await asyncio.sleep(LASTS_S)
        await redis.config_set("maxmemory", "256mb")


async def redis_hangs(place: Place) -> None:
    """Redis takes connections and answers nobody."""
    _signal(place.redis.process, signal.SIGSTOP)
    await asyncio.sleep(LASTS_S)
    _signal(place.redis.process, signal.SIGCONT)


async def postgres_is_killed(place: Place) -> None:
    """kill -9 of the whole server; it recovers from its log when it comes back."""
    _signal(place.postgres.process, signal.SIGKILL)
    await asyncio.sleep(LASTS_S / 2)
    place.postgres.spawn()
    await asyncio.to_thread(place.postgres.wait_ready)


async def a_backend_is_killed(place: Place) -> None:
    """kill -9 of one connection's process: PostgreSQL ends all the others and recovers."""
    admin = await asyncpg.connect(place.postgres.url)
    number = await admin.fetchval("select pg_backend_pid()")
    os.kill(number, signal.SIGKILL)
    await asyncio.sleep(LASTS_S)
    admin.terminate()


async def postgres_is_locked(place: Place) -> None:
    """Somebody holds the table that every turn writes."""
    admin = await asyncpg.connect(place.postgres.address("postgres", "chatloom"))
    async with admin.transaction():
        await admin.execute("lock table conversations in access exclusive mode")
        await asyncio.sleep(LASTS_S)
    await admin.close()


async def postgres_takes_no_writes(place: Place) -> None:
    """A fail-over left a read-only server, or its disk is full."""
    admin = await asyncpg.connect(place.postgres.address("postgres", "chatloom"))
    await admin.execute("alter database chatloom set default_transaction_read_only = on")
    await admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename <> 'postgres'")
    await asyncio.sleep(LASTS_S)
    await admin.execute("set default_transaction_read_only = off")
    await admin.execute("alter database chatloom reset default_transaction_read_only")
    await admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename <> 'postgres'")
    await admin.close()


async def web_stands_still(place: Place) -> None:
    """One of two web processes, with messages in its hands."""
    await _stands_still(place, "web0")


async def the_runner_stands_still(place: Place) -> None:
    """Whoever takes webhook messages."""
    await _stands_still(place, "runner")


async def the_worker_stands_still(place: Place) -> None:
    """Whoever makes calls."""
    await _stands_still(place, "worker")


async def _stands_still(place: Place, name: str) -> None:
    place.processes.suspend(name)
    await asyncio.sleep(LASTS_S)
    place.processes.go_on(name)


def _signal(process: "subprocess.Popen[bytes] | None", number: signal.Signals) -> None:
    assert process is not None
    process.send_signal(number)
    if number is signal.SIGKILL:
        process.wait()


FAULTS: list[Fault] = [
    redis_forgets,
    redis_is_killed,
    redis_is_full,
    redis_hangs,
    postgres_is_killed,
    a_backend_is_killed,
    postgres_is_locked,
    postgres_takes_no_writes,
    web_stands_still,
    the_runner_stands_still,
    the_worker_stands_still,
]


@pytest.mark.faults
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
async def test_everybody_is_answered_once(place: Place, db: Database, fault: Fault) -> None:
    bot, hooked = await publish_both(db, place.settings, place.shop)
    limits = httpx.Limits(max_connections=48, max_keepalive_connections=0)
    async with httpx.AsyncClient(limits=limits) as client, asyncio.timeout(PATIENCE_S):
        talking = [asyncio.create_task(chat(client, place.processes, bot)) for _ in range(CHATS // 2)]
        talking += [asyncio.create_task(hook(client, place.processes, hooked, f"contact{n}")) for n in range(HOOKS)]
        await asyncio.sleep(0.1)
        hurting = asyncio.create_task(fault(place))
        await asyncio.sleep(LASTS_S / 2)
        talking += [asyncio.create_task(chat(client, place.processes, bot)) for _ in range(CHATS - CHATS // 2)]
        await asyncio.gather(hurting, *talking)
    await db.engine.dispose()  # what is left of connections to a server that died
    took = await until_calm(db, [bot, hooked])
    outside = Outside(place.shop.delivered, place.shop.calls)
    assert await violations(db, [bot.tenant_id, hooked.tenant_id], outside) == [], (took, place.log.read_text()[-4000:])
    await check_transcripts(db, bot, CHATS)
    await check_transcripts(db, hooked, HOOKS)
