"""Models are slow, busy, broken, talk nonsense, hang up or fall silent, all at once: each customer hears so, once, and the talk goes on."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select, text

from server.conversations.tables import messages
from server.kit.db import Database
from server.kit.http import OutboundClient
from server.kit.secrets import Vault
from server.llm.providers import connect_provider
from server.llm.schemas import NewProvider
from tests.fakes.openai import KEY
from tests.faults.invariants import Outside
from tests.faults.load import Customers, many_connections
from tests.faults.place import PATIENCE_S, Place
from tests.faults.shop import mark_of
from tests.server.turns.bots import Bot, flow_of, make_tenant, publish

EACH = 2
WORDS = ("one", "two")
ANSWERS = {
    "echo": "{word}",
    "slow:0.7": "at last",
    "slow:60": "Sorry: timeout.",
    "fail:429:1": "Sorry: rate_limited.",
    "fail:500": "Sorry: unavailable.",
    "fail:401": "Sorry: refused.",
    "html": "Sorry: unavailable.",
    "empty": "Sorry: garbage.",
    "hangup": "Sorry: unavailable.",
    "cut": "Sorry: unavailable.",
    "stall": "Sorry: timeout.",
}


def helper_flow(mark: str, timeout_s: int) -> dict[str, Any]:
    """A model answers each word; what it cannot answer is said."""
    return flow_of(
        {
            "ask": ("ask_question", {"text": f"And? {mark}", "save_as": "word"}),
            "think": ("llm_reply", {"instructions": "Be kind.", "text": "{{ word }}", "timeout_s": timeout_s}),
            "sorry": ("send_message", {"text": "Sorry: {{ error.kind }}."}),
        },
        [
            ("ask", "next", "think"),
            ("think", "next", "ask"),
            ("think", "failed", "sorry"),
            ("think", "no_model", "sorry"),
            ("sorry", "next", "ask"),
        ],
    )


async def publish_helper(place: Place, db: Database, http: OutboundClient, model: str) -> Bot:
    """A workspace with this model behind its bot."""
    tenant_id = await make_tenant(db)
    new = NewProvider(name="Fake", kind="compatible", model=model, base_url=place.model.base_url, api_key=KEY)
    async with db.tenant(tenant_id) as conn:
        await connect_provider(conn, Vault.open(place.settings.secret_key_file), http, tenant_id, new)
    return await publish(db, helper_flow(mark_of(tenant_id), 5 if "timeout" in ANSWERS[model] else 60), tenant_id)


@pytest.mark.faults
async def test_models_in_every_mood_at_once(place: Place, place_db: Database) -> None:
    http = OutboundClient(place.settings.outbound_allow)
    bots = {model: await publish_helper(place, place_db, http, model) for model in ANSWERS}
    await http.close()
    async with many_connections() as client, asyncio.timeout(PATIENCE_S):
        customers = Customers(place.processes, client)
        await asyncio.gather(*(customers.chat(bot, WORDS) for bot in bots.values() for _ in range(EACH)))
    await place.check(place_db, list(bots.values()), Outside(accepted=customers.accepted))
    differing: dict[str, list[str]] = {}
    for model, bot in bots.items():
        ask = ("out", f"And? {mark_of(bot.tenant_id)}")
        async with place_db.tenant(bot.tenant_id) as conn:
            rows = (await conn.execute(select(messages).order_by(messages.c.conversation_id, messages.c.seq))).all()
            taken_up_again = list(await conn.scalars(text("select attempts from calls")))
        assert taken_up_again == [0] * (EACH * len(WORDS)), model
        said = [ask]
        for word in WORDS:
            said += [("in", word), ("out", ANSWERS[model].format(word=word)), ask]
        if [(row.direction, row.body["text"]) for row in rows] != said * EACH:
            differing[model] = [row.body["text"] for row in rows]
    assert differing == {}
