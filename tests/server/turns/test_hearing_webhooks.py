"""Webhooks through the stages of their channel: quick ones before the answer to the provider, those that reach outside before the turn."""

import base64
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest
from litestar import Litestar
from sqlalchemy import select, update

from server.channels.sealed import seal_secrets
from server.channels.tables import channels
from server.channels.webhook.adapter import signature
from server.conversations.hear import finish_hearing
from server.conversations.processing.contract import Aids
from server.conversations.tables import inbox
from server.kit import clock
from server.kit.db import Database
from server.kit.jobs import due_jobs, run_job
from server.kit.settings import Settings
from server.turns.engine import Turns
from tests.fakes.http import Answering, FakeServer, Request
from tests.server.turns.bots import ECHO, Bot, publish

SECRET = "whsec_" + base64.b64encode(b"a secret of twenty-four bytes").decode()
ADDRESS = {"display_name": "Alexanderplatz, Berlin", "address": {"city": "Berlin", "country_code": "de", "odd": 7}}


async def _answer(request: Request, to: Answering) -> None:
    """Nominatim's /reverse; 50 degrees north it answers with nonsense, 51 with an error."""
    await to.send(*((200, b"<html>") if "lat=50" in request.path else (500, b"") if "lat=51" in request.path else (200, ADDRESS)))


@pytest.fixture
async def geocoder() -> AsyncIterator[FakeServer]:
    with FakeServer(_answer) as server:
        yield server


@pytest.fixture
async def settings(settings: Settings, geocoder: FakeServer) -> Settings:
    return replace(settings, outbound_allow=frozenset({geocoder.host}))


async def _send(client: httpx.AsyncClient, bot: Bot, key: str, **said: Any) -> None:
    content, now = msgspec.json.encode({"contact": {"id": "ada"}, **said}), str(int(time.time()))
    headers = {"webhook-id": key, "webhook-timestamp": now, "webhook-signature": signature(SECRET, key, now, content)}
    answer = await client.post(f"/hooks/webhook/{bot.channel_id}", content=content, headers=headers | {"content-type": "application/json"})
    assert answer.status_code == 200


async def _rows(db: Database, bot: Bot) -> list[Any]:
    async with db.tenant(bot.tenant_id) as conn:
        return list(await conn.execute(select(inbox).order_by(inbox.c.id)))


async def test_an_input_waits_for_its_stages_and_what_comes_later_waits_too(
    app: Litestar, client: httpx.AsyncClient, db: Database, turns: Turns, geocoder: FakeServer
) -> None:
    processing = {
        "normalise": {"on": True, "settings": {"longest": "50", "too_long": "refuse"}},
        "geocoding": {"on": True, "settings": {"server": geocoder.url, "language": "de"}},
    }
    bot = await publish(db, ECHO, kind="webhook", settings={"processing": processing})
    async with db.tenant(bot.tenant_id) as conn:
        sealed = await seal_secrets(conn, app.state.vault, bot.tenant_id, bot.channel_id, {"signing_secret": SECRET})
        await conn.execute(update(channels).where(channels.c.id == bot.channel_id).values(secrets_sealed=sealed))
    for _ in range(2):  # delivered twice
        await _send(client, bot, "e1", location={"latitude": 52.5, "longitude": 13.4})
    await _send(client, bot, "e2", text="  I am\u202e here ")
    place, words = await _rows(db, bot)
    assert place.ready_at > clock.now() + timedelta(seconds=10)
    assert (words.input["text"], words.ready_at) == ("I am here", None)
    await turns.drain(bot.tenant_id, place.conversation_id)
    assert [row.status for row in await _rows(db, bot)] == ["pending", "pending"], "the words do not overtake the place"
    (job,) = await due_jobs(db)
    assert await run_job(turns.resources, *job) == "done"
    await turns.drain(bot.tenant_id, place.conversation_id)
    place, words = await _rows(db, bot)
    assert [(row.status, row.turn) for row in (place, words)] == [("processed", 1), ("processed", 2)]
    assert place.input["label"] == "Alexanderplatz, Berlin"
    found = place.input["annotations"]["geocoding"]
    assert (found["address"], found["parts"]) == ("Alexanderplatz, Berlin", {"city": "Berlin", "country_code": "de"})
    assert geocoder.requests[0].path == "/reverse?format=jsonv2&lat=52.5&lon=13.4&zoom=18&accept-language=de"

    for key, latitude in (("e3", 50.1), ("e4", 51.1)):
        await _send(client, bot, key, location={"latitude": latitude, "longitude": 0.5})
        (job,) = await due_jobs(db)
        assert await run_job(turns.resources, *job) == "done"
    nonsense, failed = [row.input["annotations"]["geocoding"]["error"] for row in (await _rows(db, bot))[2:]]
    assert (nonsense, failed) == ("The server's answer is not JSON.", "The server answered with status 500.")

    await _send(client, bot, "e5", location={"latitude": 53, "longitude": 0.5})
    late = (await _rows(db, bot))[-1]
    async with db.tenant(bot.tenant_id) as conn:
        await conn.execute(update(inbox).where(inbox.c.id == late.id).values(ready_at=clock.now()))
    assert await finish_hearing(db, Aids(turns.resources.http), bot.tenant_id, late.id) is None, "too late: its turn may have begun"
    await turns.drain(bot.tenant_id, late.conversation_id)
    late = (await _rows(db, bot))[-1]
    assert (late.status, "annotations" in late.input) == ("processed", False), "nobody came back: it goes on without"

    await _send(client, bot, "e6", text="x" * 51)
    refused = (await _rows(db, bot))[-1]
    assert (refused.status, "at most 50" in refused.error) == ("ignored", True)
