"""What a process without pages opens at its start and shares with all its work."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import redis.asyncio

from server.kit.db import Database
from server.kit.http import OutboundClient
from server.kit.idle import closing_idle
from server.kit.jobs import Resources
from server.kit.keeping_time import keeping_time
from server.kit.live import Live
from server.kit.secrets import Vault
from server.kit.settings import BadSetting, Settings
from server.plugins.watch import watching


@asynccontextmanager
async def open_resources(settings: Settings) -> AsyncIterator[Resources]:
    """What a process without pages shares with all its work."""
    if settings.database_url is None or settings.redis_url is None:
        raise BadSetting("this process needs CHATLOOM_DATABASE_URL and CHATLOOM_REDIS_URL; `chatloom run` sets both")
    async with AsyncExitStack() as stack:
        db = Database(settings.database_url)
        stack.push_async_callback(db.close)
        await stack.enter_async_context(keeping_time(db))
        await stack.enter_async_context(closing_idle(db))
        connection = redis.asyncio.from_url(settings.redis_url)
        stack.push_async_callback(connection.aclose)
        http = OutboundClient(settings.outbound_allow)
        stack.push_async_callback(http.close)
        live = Live(connection)
        await live.start()
        stack.push_async_callback(live.stop)
        await stack.enter_async_context(watching(db, live, settings))
        yield Resources(settings, db, connection, live, Vault.open(settings.secret_key_file), http)
