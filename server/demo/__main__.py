"""Makes the sample conversations in a process of its own; what is wanted comes as JSON on the standard input."""

import asyncio
import sys

import msgspec

from server.demo.history import Wanted, make_history
from server.flows.library import library
from server.kit.db import Database
from server.kit.settings import BadSetting, Settings, read_settings
from server.turns.versions import Versions


async def make(settings: Settings, wanted: Wanted) -> None:
    """Make them."""
    if settings.database_url is None:
        raise BadSetting("the sample conversations need CHATLOOM_DATABASE_URL; `chatloom run` sets it")
    db = Database(settings.database_url, pool_size=2)
    try:
        await make_history(db, Versions(library), wanted)
    finally:
        await db.close()


if __name__ == "__main__":
    asyncio.run(make(read_settings(), msgspec.json.decode(sys.stdin.buffer.read(), type=Wanted)))
