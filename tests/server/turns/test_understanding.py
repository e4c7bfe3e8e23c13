"""Flows that understand values, language, mood and rude words, through the chat route: everything is answered on this machine."""

import httpx
from sqlalchemy import select

from server.conversations.tables import contacts
from server.kit.db import Database
from tests.server.turns.bots import flow_of, publish
from tests.server.turns.talk import say, texts

GERMAN = {"de": {"Hello!": "Hallo!", "{{ day | format_date }}": "Am {{ day | format_date }}"}}


async def test_the_flow_goes_on_in_the_customers_language_and_remembers_it(client: httpx.AsyncClient, db: Database) -> None:
    flow = flow_of(
        {
            "detect": ("detect_language", {"languages": [{"language": "en"}, {"language": "de"}]}),
            "hello": ("send_message", {"text": "Hello!"}),
            "sorry": ("send_message", {"text": "Sorry?"}),
        },
        [("detect", "en", "hello"), ("detect", "de", "hello"), ("detect", "otherwise", "sorry")],
        languages={"default": "en", "others": ["de"], "texts": GERMAN},
        schema_version=2,
    )
    bot = await publish(db, flow)
    assert texts(await say(client, bot, text="wo ist mein Paket, bitte?")) == ["Hallo!"]
    async with db.tenant(bot.tenant_id) as conn:
        assert await conn.scalar(select(contacts.c.language).where(contacts.c.tenant_id == bot.tenant_id)) == "de"


async def test_values_are_found_and_the_mood_and_rude_words_lead_the_way(client: httpx.AsyncClient, db: Database) -> None:
    slots = [
        {"variable": "tickets", "type": "number"},
        {"variable": "city", "type": "list", "words": "Paris, Munich = München", "role": "to"},
    ]
    flow = flow_of(
        {
            "check": ("moderate", {"save_as": "flags"}),
            "find": ("extract_entities", {"slots": slots, "need": "all"}),
            "tell": ("send_message", {"text": "{{ tickets }} to {{ city }}"}),
            "mood": ("analyse_sentiment", {}),
            "calm": ("send_message", {"text": "{{ mood }}"}),
            "stop": ("send_message", {"text": "Found {{ flags | join(', ') }}."}),
        },
        [
            ("check", "clean", "find"),
            ("check", "flagged", "stop"),
            ("find", "found", "tell"),
            ("find", "not_found", "mood"),
            *(("mood", port, "calm") for port in ("positive", "neutral", "negative", "unknown")),
        ],
    )
    bot = await publish(db, flow)
    assert texts(await say(client, bot, text="two tickets to munchen")) == ["2 to Munich"]
    assert texts(await say(client, bot, text="this is still not working, I am fed up")) == ["negative"]
    assert texts(await say(client, bot, text="you idiot")) == ["Found insult."]
