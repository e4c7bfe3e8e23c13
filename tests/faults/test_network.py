"""PostgreSQL and Redis behind a bad network, under load: whoever is answered is answered once, and what was stored is not lost."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
import pytest

from server.kit.db import Database
from server.kit.secrets import Vault
from server.kit.settings import Settings
from tests.faults.invariants import Outside, violations
from tests.faults.load import Shop, chat, check_transcripts, hook, publish_both, until_calm
from tests.faults.processes import Processes
from tests.faults.proxy import Fault, FaultProxy

CHATS, HOOKS = 24, 8
LASTS_S = 2.0
PATIENCE_S = 90.0
FAULTS = [fault for fault in Fault if fault is not Fault.NONE]


@dataclass
class Place:
    """Processes that reach their database and Redis over networks that can be made bad."""

    processes: Processes
    postgres: FaultProxy
    redis: FaultProxy
    settings: Settings
    shop: Shop
    log: Path

    def network(self, name: str) -> FaultProxy:
        """The way to `postgres` or `redis`."""
        return self.postgres if name == "postgres" else self.redis


@pytest.fixture
def networks(database_url: str, redis_url: str) -> Iterator[tuple[FaultProxy, FaultProxy]]:
    """(to PostgreSQL, to Redis)."""
    folder = parse_qs(urlsplit(database_url).query)["host"][0]
    with FaultProxy(f"{folder}/.s.PGSQL.5432") as postgres, FaultProxy(unquote(urlsplit(redis_url).path)) as redis:
        yield postgres, redis


@pytest.fixture
async def place(settings: Settings, networks: tuple[FaultProxy, FaultProxy], tmp_path: Path) -> AsyncIterator[Place]:
    postgres, redis = networks
    Vault.open(settings.secret_key_file)
    parts = urlsplit(settings.database_url or "")
    with ExitStack() as stack:
        shop = stack.enter_context(Shop())
        behind = replace(
            settings,
            database_url=f"postgresql://{parts.username}@127.0.0.1:{postgres.port}{parts.path}",
            redis_url=f"redis://127.0.0.1:{redis.port}/0",
            outbound_allow=frozenset({shop.host}),
            log_level="warning",
        )
        log = tmp_path / "processes.log"
        processes = Processes(behind, log)
        stack.callback(processes.stop)
        processes.start()
        yield Place(processes, postgres, redis, settings, shop, log)


@pytest.mark.faults
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("network", ["postgres", "redis"])
async def test_everybody_is_answered_once_the_network_is_mended(place: Place, db: Database, network: str, fault: Fault) -> None:
    bot, hooked = await publish_both(db, place.settings, place.shop)
    limits = httpx.Limits(max_connections=48, max_keepalive_connections=0)
    async with httpx.AsyncClient(limits=limits) as client, asyncio.timeout(PATIENCE_S):
        first = [chat(client, place.processes, bot) for _ in range(CHATS // 3)]
        talking = [asyncio.create_task(one) for one in first]
        await asyncio.sleep(0.1)
        place.network(network).become(fault)
        talking += [asyncio.create_task(chat(client, place.processes, bot)) for _ in range(CHATS - len(first))]
        talking += [asyncio.create_task(hook(client, place.processes, hooked, f"contact{n}")) for n in range(HOOKS)]
        await asyncio.sleep(LASTS_S)
        place.network(network).become(Fault.NONE)
        await asyncio.gather(*talking)
    took = await until_calm(db, [bot, hooked])
    outside = Outside(place.shop.delivered, place.shop.calls)
    assert await violations(db, [bot.tenant_id, hooked.tenant_id], outside) == [], (took, place.log.read_text()[-4000:])
    await check_transcripts(db, bot, CHATS)
    await check_transcripts(db, hooked, HOOKS)
