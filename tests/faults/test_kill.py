"""kill -9 of web, runner and worker at random moments: nothing lost, nothing doubled, everything in order."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.kit.db import Database
from server.kit.secrets import Vault
from server.kit.settings import Settings
from tests.faults.invariants import Outside, violations
from tests.faults.load import Shop, chat, check_transcripts, hook, publish_both, until_calm
from tests.faults.processes import Processes

CHATS = 140
HOOKS = 60
KILLS = 10
HURRY_S = 60.0
PATIENCE_S = 180.0


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    with Shop() as server:
        yield server


@pytest.fixture
def settings(settings: Settings, shop: Shop) -> Settings:
    """Settings of processes that may call the shop."""
    Vault.open(settings.secret_key_file)
    return replace(settings, outbound_allow=frozenset({shop.url.removeprefix("http://")}), log_level="warning")


async def kill_at_random(processes: Processes) -> None:
    """At a random moment somebody who is at work dies, and comes back. One web process is always left: the customers must get on."""
    while True:
        await asyncio.sleep(random.random() * 2)
        ready = processes.ready()
        if len([name for name in ready if name.startswith("web")]) > 1 or random.random() < 0.3:
            processes.kill(random.choice(ready))
        await asyncio.sleep(0.1)
        processes.revive()


async def end(task: "asyncio.Task[None]") -> None:
    """Stop a task and wait until it is over."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.faults
async def test_two_hundred_conversations_survive_kill_9(settings: Settings, db: Database, shop: Shop, tmp_path: Path) -> None:
    bot, hooked = await publish_both(db, settings, shop)
    processes = Processes(settings, tmp_path / "processes.log")
    processes.start()
    killing = asyncio.create_task(kill_at_random(processes))
    try:
        gate = asyncio.Semaphore(24)
        limits = httpx.Limits(max_connections=48, max_keepalive_connections=0)
        async with httpx.AsyncClient(limits=limits) as client, asyncio.timeout(PATIENCE_S):

            async def one(number: int, work: Any) -> None:
                """The conversations are spread over the kills; a slow machine does not wait for the last of them."""
                while processes.kills < KILLS * number // (CHATS + HOOKS) and time.monotonic() < hurry:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
                async with gate:
                    await work

            hurry = time.monotonic() + HURRY_S
            everybody = [chat(client, processes, bot) for _ in range(CHATS)]
            everybody += [hook(client, processes, hooked, f"contact{n}") for n in range(HOOKS)]
            random.shuffle(everybody)
            await asyncio.gather(*(one(number, work) for number, work in enumerate(everybody)))
        await end(killing)
        processes.revive()
        await until_calm(db, [bot, hooked])
    finally:
        await end(killing)
        processes.stop()
    assert processes.kills >= 3
    outside = Outside(shop.delivered, shop.calls)
    assert await violations(db, [bot.tenant_id, hooked.tenant_id], outside) == [], (tmp_path / "processes.log").read_text()[-4000:]
    await check_transcripts(db, bot, CHATS)
    await check_transcripts(db, hooked, HOOKS)
