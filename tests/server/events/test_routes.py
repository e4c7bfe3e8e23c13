"""The catalogue over HTTP and in the documentation; and that what turns write fits it."""

from pathlib import Path

import httpx
from sqlalchemy import select

from server.events.catalogue import catalogue, check
from server.events.reference import reference
from server.kit.db import Database
from server.kit.tables import events
from tests.conftest import Workspace
from tests.server.turns.bots import ECHO, publish
from tests.server.turns.talk import say

DOCS = Path(__file__).parents[3] / "docs" / "events.md"


class TestSchemas:
    async def test_every_type_is_told_with_its_schema(self, owner: Workspace) -> None:
        told = (await owner.client.get("/api/v1/events/schemas")).raise_for_status().json()["data"]
        assert [one["type"] for one in told] == list(catalogue())
        one = (await owner.client.get("/api/v1/events/schemas/message.sent")).raise_for_status().json()
        assert one in told
        assert one["schema"]["required"] == ["turn", "seq"]
        assert (await owner.client.get("/api/v1/events/schemas/message.lost")).status_code == 404
        old = (await owner.client.get("/api/v1/events/schemas/health.changed?version=1")).raise_for_status().json()
        assert (old["version"], old["schema"]["properties"]["part"]["enum"]) == (1, ["webhook"])
        assert (await owner.client.get("/api/v1/events/schemas/health.changed?version=99")).status_code == 404


class TestReference:
    def test_the_documentation_is_up_to_date(self) -> None:
        """Write it again with `python scripts/event_reference.py`."""
        assert DOCS.read_text(encoding="utf-8") == reference(catalogue().values())


class TestTurns:
    async def test_what_a_conversation_writes_fits_the_catalogue(self, client: httpx.AsyncClient, db: Database) -> None:
        bot = await publish(db, ECHO)
        first = await say(client, bot, start=True)
        second = await say(client, bot, first, text="Grace")
        await say(client, bot, second, text="bye")
        async with db.tenant(bot.tenant_id) as conn:
            written = (await conn.execute(select(events.c.type, events.c.props))).all()
        for event in written:
            check(event.type, event.props)
        assert {event.type for event in written} == {
            "conversation.started",
            "message.received",
            "message.sent",
            "turn.taken",
            "conversation.ended",
        }
