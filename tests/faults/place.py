"""One installation that may be hurt: servers of its own behind networks that can be made bad, its processes, and the outside world."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from server.kit.db import Database
from server.kit.embedded.postgres import SUPERUSER, EmbeddedPostgres, start_postgres
from server.kit.embedded.redis import EmbeddedRedis, start_redis
from server.kit.migrate import migrate
from server.kit.secrets import Vault
from server.kit.settings import Settings, read_settings
from server.kit.tasks import end_tasks
from tests.fakes.channels.slack import FakeSlack
from tests.fakes.openai import FakeOpenAI
from tests.faults.invariants import Outside, violations
from tests.faults.load import SECRET, Customers, check_transcripts, many_connections, publish_chat, publish_hook, until_calm
from tests.faults.processes import Processes
from tests.faults.proxy import Fault, FaultProxy
from tests.faults.shop import Shop
from tests.faults.strangers import strangers
from tests.server.turns.bots import Bot

CHATS, HOOKS = 16, 8
PATIENCE_S = 120.0
LOG_SHOWN = 4_000


@dataclass
class Place:
    """The installation. `settings` are those of a process that reaches the servers directly."""

    postgres: EmbeddedPostgres
    redis: EmbeddedRedis
    to_postgres: FaultProxy
    to_redis: FaultProxy
    processes: Processes
    settings: Settings
    shop: Shop
    slack: FakeSlack
    model: FakeOpenAI

    @property
    def admin_url(self) -> str:
        """The superuser's way to the application's database."""
        return self.postgres.address(SUPERUSER, "chatloom")

    def mend(self) -> None:
        """Whatever a test left broken works again, and every process of the installation does."""
        self.to_postgres.become(Fault.NONE)
        self.to_redis.become(Fault.NONE)
        for server in (self.postgres, self.redis):
            if server.process is None or server.process.poll() is not None:
                server.spawn()
                server.wait_ready()
        self.processes.mend()

    async def check(self, db: Database, bots: Sequence[Bot], outside: Outside) -> float:
        """No promise is broken for these bots' workspaces, once nothing is under way any more; the seconds until then.

        Raises AssertionError with every broken promise.
        """
        took = await until_calm(db, list(bots))
        tenants = [bot.tenant_id for bot in bots]
        found = await violations(db, tenants, outside)
        found += await strangers(self.admin_url, tenants, [SECRET, SECRET.removeprefix("whsec_")], self.processes.log)
        if found:
            log = self.processes.log.read_text()[-LOG_SHOWN:]
            raise AssertionError("\n".join([*found, f"after {took:.1f} s of waiting; dead: {self.processes.dead()}; the log ends:", log]))
        return took


@contextmanager
def open_place(folder: Path) -> Iterator[Place]:
    """Start all of it in `folder`."""
    with ExitStack() as stack:
        postgres = start_postgres(folder / "postgres")
        stack.callback(postgres.stop)
        redis = start_redis(folder / "redis")
        stack.callback(redis.stop)
        asyncio.run(migrate(postgres.migration_url))
        to_postgres = stack.enter_context(FaultProxy(f"{postgres.sockets}/.s.PGSQL.5432"))
        to_redis = stack.enter_context(FaultProxy(str(redis.sockets / "redis.sock")))
        shop = stack.enter_context(Shop())
        slack = stack.enter_context(FakeSlack())
        model = stack.enter_context(FakeOpenAI())
        others = frozenset({shop.host, slack.host, model.host})
        given = {"CHATLOOM_DATA_DIR": str(folder / "chatloom"), "CHATLOOM_DATABASE_URL": postgres.url, "CHATLOOM_REDIS_URL": redis.url}
        settings = replace(read_settings(given), outbound_allow=others, log_level="warning")
        Vault.open(settings.secret_key_file)
        behind = replace(
            settings,
            database_url=f"postgresql://chatloom@127.0.0.1:{to_postgres.port}/chatloom",
            redis_url=f"redis://127.0.0.1:{to_redis.port}/0",
        )
        processes = Processes(behind, folder / "processes.log")
        stack.callback(processes.stop)
        processes.start()
        yield Place(postgres, redis, to_postgres, to_redis, processes, settings, shop, slack, model)


Trouble = Callable[[Place], Awaitable[None]]


async def everybody_is_answered_once(place: Place, db: Database, trouble: Trouble, *, chats: int = CHATS, hooks: int = HOOKS) -> None:
    """Half of the customers are talking when the trouble begins, half come while it lasts; afterwards no promise is broken."""
    bot, hooked = await publish_chat(db, place.shop), await publish_hook(db, place.settings, place.shop)
    async with many_connections() as client, asyncio.timeout(PATIENCE_S):
        customers = Customers(place.processes, client)
        talking = [asyncio.create_task(customers.chat(bot)) for _ in range(chats // 2)]
        await asyncio.sleep(0.1)
        hurting = asyncio.create_task(trouble(place))
        await asyncio.sleep(0.3)
        talking += [asyncio.create_task(customers.chat(bot)) for _ in range(chats - chats // 2)]
        others = [asyncio.create_task(customers.hook(hooked, f"{hooked.tenant_id.hex}.{n}")) for n in range(hooks)]
        await hurting
        supervising = asyncio.create_task(_supervise(place))
        try:
            await asyncio.gather(*talking, *others)
        finally:
            await end_tasks(supervising)
    await db.engine.dispose()  # what is left of connections to a server that died
    outside = Outside(place.shop.delivered, place.shop.calls, customers.accepted)
    await place.check(db, [bot, hooked], outside)
    await check_transcripts(db, bot, chats)
    await check_transcripts(db, hooked, hooks)


async def _supervise(place: Place) -> None:
    while True:
        place.processes.revive()
        await asyncio.sleep(0.2)
