"""The dashboard, the conversation list and the transcript as an analyst reads them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import plotly.graph_objects
import pytest
from litestar import Litestar
from sqlalchemy import insert

from server.analytics.ingest import roll_up
from server.analytics.pages import change
from server.channels.tables import channels
from server.conversations.tables import contacts, conversations, messages
from server.flows.tables import flow_versions, flows
from server.kit.clock import now
from server.kit.db import Database
from server.kit.ids import uuid7
from server.kit.tables import events
from tests.conftest import Workspace

DOCUMENT = {
    "nodes": {
        "n1": {"title": "Welcome", "type": "send_message", "settings": {}},
        "n2": {"title": "Find the intent", "type": "classify_intent", "settings": {}},
    }
}


class Shop:
    """A flow with conversations written as the turns write them."""

    def __init__(self, db: Database, tenant_id: UUID) -> None:
        self.db, self.tenant_id = db, tenant_id
        self.flow_id, self.channel_id = uuid7(), uuid7()

    async def open(self) -> "Shop":
        ids = {"tenant_id": self.tenant_id, "flow_id": self.flow_id}
        async with self.db.tenant(self.tenant_id) as connection:
            await connection.execute(insert(flows).values(tenant_id=self.tenant_id, id=self.flow_id, name="Order help", draft=DOCUMENT))
            await connection.execute(insert(flow_versions).values(**ids, version=1, document=DOCUMENT))
            await connection.execute(insert(channels).values(**ids, id=self.channel_id, kind="web", name="Shop page"))
        return self

    async def chat(self, name: str, text: str, *, at: datetime, outcome: str | None = None, intent: str | None = None) -> UUID:
        conversation_id, contact_id = uuid7(), uuid7()
        own = {"tenant_id": self.tenant_id, "conversation_id": conversation_id}
        common = {**own, "at": at, "flow_id": self.flow_id, "flow_version": 1, "channel_id": self.channel_id}
        log: list[tuple[str, dict[str, Any]]] = [("conversation.started", {})]
        log += [("message.received", {"seq": 1}), ("message.sent", {"seq": 2})]
        log.append(("intent.classified", {"intent": intent, "in_scope": intent is not None, "confidence": 0.9}))
        log.append(("turn.taken", {"turn": 1, "ms": 4.0, "path": [["n2", "matched"], ["n1", None]], "nodes": 2}))
        if outcome:
            log.append(("conversation.ended", {"outcome": outcome}))
        async with self.db.tenant(self.tenant_id) as connection:
            place = {"tenant_id": self.tenant_id, "channel_id": self.channel_id}
            await connection.execute(insert(contacts).values(**place, id=contact_id, external_id=f"c-{contact_id}", name=name))
            row = {**place, "id": conversation_id, "contact_id": contact_id, "flow_id": self.flow_id, "flow_version": 1, "last_seq": 2}
            state = {"status": "ended" if outcome else "open", "outcome": outcome, "ended_at": at if outcome else None}
            await connection.execute(insert(conversations).values(**row, **state, started_at=at, updated_at=at))
            for seq, direction, said in ((1, "in", text), (2, "out", f"About {text}")):
                body = {"type": "text", "text": said}
                await connection.execute(insert(messages).values(**own, seq=seq, turn=1, direction=direction, body=body, at=at))
            for type, props in log:
                await connection.execute(insert(events).values(**common, type=type, props=props))
        return conversation_id

    async def log(self, conversation_id: UUID, type: str, props: dict[str, Any]) -> None:
        place = {"tenant_id": self.tenant_id, "flow_id": self.flow_id, "flow_version": 1, "channel_id": self.channel_id}
        async with self.db.tenant(self.tenant_id) as connection:
            await connection.execute(insert(events).values(**place, conversation_id=conversation_id, at=now(), type=type, props=props))


@pytest.fixture
async def shop(db: Database, owner: Workspace) -> Shop:
    shop = await Shop(db, owner.tenant_id).open()
    await shop.chat("Mia", "refund please", at=now() - timedelta(hours=2), outcome="contained", intent="refund")
    await shop.chat("Noah", "<b>hello</b>", at=now() - timedelta(hours=1), outcome="handed_off")
    await shop.chat("Zoe", "where is my parcel", at=now() - timedelta(minutes=5), intent="track_order")
    while await roll_up(db, owner.tenant_id):
        pass
    return shop


async def page(workspace: Workspace, path: str, status: int = 200) -> str:
    answer = await workspace.client.get(path, headers={"accept": "text/html"})
    assert answer.status_code == status, answer.text
    return answer.text


class TestOverview:
    async def test_totals_agree_with_the_conversations(self, owner: Workspace, shop: Shop) -> None:
        answer = (await owner.client.get("/api/v1/analytics/overview?period=24h")).raise_for_status().json()
        totals = answer["totals"]
        assert (totals["conversations"], totals["messages"], totals["containment"]) == (3, 6, 0.5)
        assert sum(step["conversations"] for step in answer["series"]) == 3
        assert {row["intent"]: row["conversations"] for row in answer["intents"]} == {"refund": 1, "track_order": 1, "(out of scope)": 1}
        assert totals["turn_ms_p95"] == pytest.approx(4, rel=0.1)

    async def test_a_conversation_counts_once_for_an_intent_however_often_it_comes_up(
        self, owner: Workspace, shop: Shop, db: Database
    ) -> None:
        conversation_id = await shop.chat("Ida", "refund", at=now(), intent="refund")
        for _ in range(2):
            await roll_up(db, owner.tenant_id)
            await shop.log(conversation_id, "intent.classified", {"intent": "refund", "in_scope": True})
        await roll_up(db, owner.tenant_id)
        answer = (await owner.client.get("/api/v1/analytics/overview?intents=1")).raise_for_status().json()
        assert answer["intents"] == [{"intent": "refund", "conversations": 2}]

    async def test_counts_one_flow_when_asked(self, owner: Workspace, shop: Shop) -> None:
        answer = (await owner.client.get(f"/api/v1/analytics/overview?flow={uuid7()}")).raise_for_status().json()
        assert answer["totals"]["conversations"] == 0

    async def test_refuses_a_period_it_does_not_know(self, owner: Workspace) -> None:
        answer = await owner.client.get("/api/v1/analytics/overview?period=forever")
        assert (answer.status_code, answer.json()["fields"]) == (422, {"period": "unknown period"})

    async def test_shows_another_workspace_nothing(self, other_owner: Workspace, shop: Shop) -> None:
        answer = (await other_owner.client.get("/api/v1/analytics/overview")).raise_for_status().json()
        assert answer["totals"]["conversations"] == 0

    async def test_figures_are_valid_plotly(self, owner: Workspace, shop: Shop) -> None:
        answer = (await owner.client.get("/api/v1/analytics/figures?period=7d")).raise_for_status().json()
        assert set(answer["figures"]) == {"conversations", "messages", "containment", "intents", "latency", "cost"}
        for figure in answer["figures"].values():
            plotly.graph_objects.Figure(figure)


class TestDashboard:
    async def test_shows_the_figures_and_leads_to_the_conversations(self, owner: Workspace, shop: Shop) -> None:
        html = await page(owner, "/analytics")
        assert "Containment" in html
        assert "50%" in html
        assert "/conversations?by=started" in html

    async def test_says_what_to_do_when_nothing_happened(self, owner: Workspace) -> None:
        assert "Nothing happened in this period yet" in await page(owner, "/analytics")

    async def test_tiles_come_alone_for_a_refresh(self, owner: Workspace, shop: Shop) -> None:
        assert "<html" not in await page(owner, "/analytics/tiles")

    @pytest.mark.parametrize(
        ("current", "earlier", "told"),
        [
            (12, 10, ("+20%", "up")),
            (5, 10, ("-50%", "down")),
            (90, 10, ("9 times", "up")),
            (10, 10, ("no change", "flat")),
        ],
    )
    def test_compares_with_the_period_before(self, current: float, earlier: float, told: tuple[str, str]) -> None:
        assert change(current, earlier) == told
        assert change(None, earlier) == change(current, 0) == ("", "flat")


class TestConversationList:
    async def test_shows_the_newest_first_with_what_the_customer_asked(self, owner: Workspace, shop: Shop) -> None:
        html = await page(owner, "/conversations")
        assert html.index("Zoe") < html.index("Noah") < html.index("Mia")
        assert "where is my parcel" in html

    @pytest.mark.parametrize(
        ("query", "names"),
        [
            ("q=PARCEL", {"Zoe"}),
            ("q=mia", {"Mia"}),
            ("q=100%25", set()),
            ("outcome=handed_off", {"Noah"}),
            ("status=open", {"Zoe"}),
            ("intent=refund", {"Mia"}),
            ("intent=(out of scope)", {"Noah"}),
            ("by=ended", {"Mia", "Noah", "Zoe"}),
            ("by=intent&intent=refund", {"Mia"}),
            ("by=intent&intent=refund&end=2001-01-01", set()),
            ("by=active&start=2001-01-01&end=2002-01-01", set()),
            ("start=2001-01-01", {"Mia", "Noah", "Zoe"}),
        ],
    )
    async def test_filters(self, owner: Workspace, shop: Shop, query: str, names: set[str]) -> None:
        html = await page(owner, f"/conversations?{query}")
        assert {name for name in ("Mia", "Noah", "Zoe") if f"<b>{name}</b>" in html} == names

    @pytest.mark.parametrize("query", ["flow=nonsense", "start=yesterday", "cursor=!!"])
    async def test_says_which_part_of_the_address_is_wrong(self, owner: Workspace, query: str) -> None:
        await page(owner, f"/conversations?{query}", status=422)

    async def test_turns_pages_without_losing_or_repeating_one(self, owner: Workspace, db: Database) -> None:
        shop = await Shop(db, owner.tenant_id).open()
        start = datetime(2026, 1, 1, tzinfo=UTC)
        for number in range(55):
            await shop.chat(f"Guest{number:02}", "hi", at=start + timedelta(minutes=number // 2))
        first = await page(owner, "/conversations")
        following = first.split('href="/conversations?cursor=')[1].split('"')[0]
        second = await page(owner, f"/conversations?cursor={following}")
        seen = [name for html in (first, second) for name in (f"Guest{n:02}" for n in range(55)) if f"<b>{name}</b>" in html]
        assert sorted(seen) == [f"Guest{n:02}" for n in range(55)]

    async def test_is_empty_for_another_workspace(self, other_owner: Workspace, shop: Shop) -> None:
        assert "No conversations yet" in await page(other_owner, "/conversations")


class TestTranscript:
    async def test_shows_what_was_said_and_the_path(self, owner: Workspace, shop: Shop) -> None:
        conversation_id = await shop.chat("Ida", "<script>alert(1)</script>", at=now(), intent="refund", outcome="contained")
        html = await page(owner, f"/conversations/{conversation_id}")
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
        assert html.index("Find the intent") < html.index("Welcome")
        assert "90% sure" in html
        assert "Another intent" in html

    async def test_names_the_cards_and_files_of_a_message(self, owner: Workspace, shop: Shop, db: Database) -> None:
        conversation_id = await shop.chat("Ida", "hi", at=now())
        card = {"title": "Red <shoe>", "buttons": [{"label": "Take it", "value": "red"}]}
        body = {
            "type": "text",
            "text": "",
            "cards": [card],
            "media": [{"kind": "file", "url": "https://a.example/i.pdf", "alt": "Invoice.pdf"}],
        }
        row = {"tenant_id": owner.tenant_id, "conversation_id": conversation_id, "seq": 90, "turn": 1, "direction": "out", "body": body}
        async with db.tenant(owner.tenant_id) as conn:
            await conn.execute(insert(messages).values(**row, at=now()))
        html = await page(owner, f"/conversations/{conversation_id}")
        for words in ("Red &lt;shoe&gt;", "Take it", "file: Invoice.pdf"):
            assert f"<li>{words}</li>" in html
        assert "[text]" not in html

    async def test_of_another_workspace_does_not_exist(self, other_owner: Workspace, shop: Shop, app: Litestar) -> None:
        conversation_id = await shop.chat("Ida", "secret", at=now())
        assert "secret" not in await page(other_owner, f"/conversations/{conversation_id}", status=404)
