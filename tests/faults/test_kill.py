"""kill -9 of anybody at random moments under load: nothing lost, nothing doubled, everything in order, and soon all is well again.

`ROUNDS` says how many kills there are (`make test-faults ROUNDS=200`); how long the installation took to serve everybody again is told at
the end of the run, by who was killed.
"""

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable
from itertools import count
from uuid import uuid4

import pytest

from server.kit.db import Database
from server.kit.tasks import end_tasks
from tests.faults.invariants import Outside
from tests.faults.load import Customers, check_transcripts, many_connections, publish_chat, publish_hook
from tests.faults.place import Place

ROUNDS = int(os.environ.get("ROUNDS") or 6)
PER_BLOCK = 20
CHATTING, HOOKING = 8, 4
SOON_S = 120.0


def kill(place: Place, victim: str) -> None:
    """kill -9."""
    if victim in place.processes.names:
        place.processes.kill(victim)
    else:
        process = (place.postgres if victim == "postgres" else place.redis).process
        assert process is not None
        process.kill()
        process.wait()


def bring_back(place: Place, victim: str) -> None:
    """What a supervisor does. By this thread: what it starts dies with it."""
    if victim in place.processes.names:
        place.processes.revive()
    else:
        (place.postgres if victim == "postgres" else place.redis).spawn()


async def recovery(place: Place, probe: Callable[[], Awaitable[object]], since: float) -> float:
    """The seconds from `since` until every web process is there and a conversation with a call in it, begun after the kill, is over."""
    async with asyncio.timeout(SOON_S):
        while not all(place.processes.answers(name) for name in place.processes.names if name.startswith("web")):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        await probe()
    return time.monotonic() - since


async def kills(place: Place, db: Database, rounds: int, told: Callable[[str, float], None]) -> None:
    """So many kills while customers talk, one after the other; then no promise is broken."""
    bot, hooked = await publish_chat(db, place.shop), await publish_hook(db, place.settings, place.shop)
    over = asyncio.Event()
    async with many_connections() as client:
        customers = Customers(place.processes, client)
        probing = Customers(place.processes, client)
        chats, hooks = [0], [0]

        async def chat_on() -> None:
            while not over.is_set():
                chats[0] += 1
                await customers.chat(bot)

        async def hook_on(name: str) -> None:
            for number in count():
                if over.is_set():
                    return
                hooks[0] += 1
                await customers.hook(hooked, f"{name}.{number}")

        async def probe() -> None:
            chats[0] += 1
            await probing.chat(bot)

        talking = [asyncio.create_task(chat_on()) for _ in range(CHATTING)]
        talking += [asyncio.create_task(hook_on(uuid4().hex)) for _ in range(HOOKING)]
        victims = [*place.processes.names, "redis", "postgres"]
        try:
            for number in range(rounds):
                victim = random.choice(victims) if number >= len(victims) else victims[number]
                await asyncio.sleep(random.random())
                since = time.monotonic()
                kill(place, victim)
                await asyncio.sleep(random.random() / 2)
                bring_back(place, victim)
                told(victim, await recovery(place, probe, since))
            over.set()
            async with asyncio.timeout(SOON_S):
                await asyncio.gather(*talking)
        except TimeoutError:
            await place.check(db, [bot, hooked], Outside(place.shop.delivered, place.shop.calls))  # says what was left undone
            raise
        finally:
            await end_tasks(*talking)
        accepted = [*customers.accepted, *probing.accepted]
    await db.engine.dispose()  # what is left of connections to a server that died
    told("until all was calm", await place.check(db, [bot, hooked], Outside(place.shop.delivered, place.shop.calls, accepted)))
    told("longest wait of a customer", max(customers.longest_s, probing.longest_s))
    await check_transcripts(db, bot, chats[0])
    await check_transcripts(db, hooked, hooks[0])


@pytest.mark.faults
async def test_kill_9_of_anybody_loses_and_doubles_nothing(
    place: Place, place_db: Database, record_recovery: Callable[[str, float], None]
) -> None:
    for done in range(0, ROUNDS, PER_BLOCK):
        await kills(place, place_db, min(PER_BLOCK, ROUNDS - done), record_recovery)
