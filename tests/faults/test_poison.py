"""A message that kills whatever process takes its turn is put aside after a few deaths, while everybody else is answered."""

import asyncio
from collections import Counter
from contextlib import suppress
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from server.kit.db import Database
from server.kit.tasks import end_tasks
from server.turns.claimed import TRIES
from tests.faults.invariants import Outside
from tests.faults.leases import end_leases
from tests.faults.load import Customers, check_transcripts, many_connections, publish_chat, publish_hook
from tests.faults.place import PATIENCE_S, Place
from tests.server.turns.bots import Bot
from tests.server.turns.talk import Answer

CHATS, HOOKS = 4, 2
DEADLY = """
import os, signal
from server.turns import fresh, units
right = fresh.take_turn
def take_turn(flow, version, conversation, given, answer):
    if getattr(given, "text", "") == "poison":
        os.kill(os.getpid(), signal.SIGKILL)
    return right(flow, version, conversation, given, answer)
fresh.take_turn = units.take_turn = take_turn
"""


async def supervise(place: Place, db: Database, bots: list[Bot], deaths: Counter[str]) -> None:
    """Start again what dies, note who it was, and let what it held be free soon."""
    while True:
        for name in place.processes.dead():
            deaths[name.rstrip("0123456789")] += 1
            await end_leases(db, [bot.tenant_id for bot in bots])
        place.processes.revive()
        await asyncio.sleep(0.05)


async def insist(place: Place, client: httpx.AsyncClient, bot: Bot, words: str, after: Answer | None = None) -> Answer:
    """Send one message of a conversation again and again until it is answered or has failed."""
    key = str(uuid4())
    told = {"conversation_id": after["conversation_id"], "text": words} if after else {"start": True}
    headers = {"authorization": f"Bearer {after['token']}"} if after else {}
    while True:
        with suppress(httpx.HTTPError):
            body = {"channel_id": str(bot.channel_id), "client_message_id": key, **told}
            response = await client.post(f"{place.processes.address()}/api/v2/chat/message", json=body, headers=headers, timeout=30)
            if response.status_code == 200 and response.json()["status"] in ("answered", "failed"):
                return {"token": after["token"] if after else None, **response.json()}
        await asyncio.sleep(0.1)


@pytest.mark.faults
async def test_what_kills_processes_is_put_aside_and_the_others_are_answered_once(place: Place, place_db: Database) -> None:
    bots = [await publish_chat(place_db, place.shop), await publish_hook(place_db, place.settings, place.shop)]
    chat, hook = bots
    poisoned = await publish_chat(place_db, place.shop)
    deaths: Counter[str] = Counter()
    place.processes.restart(dict.fromkeys(("web0", "web1", "runner0"), DEADLY))
    supervising = asyncio.create_task(supervise(place, place_db, [*bots, poisoned], deaths))
    try:
        async with many_connections() as client, asyncio.timeout(PATIENCE_S):
            customers = Customers(place.processes, client)
            begun = await insist(place, client, poisoned, "")
            talking = [asyncio.create_task(customers.chat(chat)) for _ in range(CHATS)]
            talking += [asyncio.create_task(customers.hook(hook, f"{hook.tenant_id.hex}.{n}")) for n in range(HOOKS)]
            failed = await insist(place, client, poisoned, "poison", begun)
            answered = await insist(place, client, poisoned, "two", begun)
            await asyncio.gather(*talking)
            await place.check(place_db, [poisoned], Outside(dead_letters=True))
    finally:
        await end_tasks(supervising)
    assert (failed["status"], answered["status"]) == ("failed", "answered")
    async with place_db.tenant(poisoned.tenant_id) as conn:
        dead = (await conn.execute(text("select input->>'text', error from inbox where status = 'dead'"))).all()
    assert dead == [("poison", f"the process died {TRIES} times while taking this turn")]
    assert 1 <= deaths["web"] <= 2  # one of each, before they know of each other
    assert deaths["runner"] == TRIES
    await place.check(place_db, bots, Outside(place.shop.delivered, place.shop.calls, customers.accepted))
    await check_transcripts(place_db, chat, CHATS)
    await check_transcripts(place_db, hook, HOOKS)
