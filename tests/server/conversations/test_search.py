"""What was said is found: by words, beginnings, phrases, names; within one tenant and by an index."""

from uuid import UUID, uuid4

import httpx
from sqlalchemy import delete, insert, select, text

from server.analytics.ingest import roll_up
from server.conversations.search import Wanted, fold, index_messages, mentions, wanted_of
from server.conversations.tables import conversation_words, conversations
from server.kit.db import Database
from tests.architecture.rows import TenantRows
from tests.conftest import Workspace
from tests.server.turns.bots import ECHO, publish
from tests.server.turns.talk import say

ROUTE = "/api/v2/chat/conversations"


async def _found(owner: Workspace, q: str, **more: str) -> list[str]:
    answer = await owner.client.get(ROUTE, params={"q": q, **more})
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["data"]]


async def test_what_was_said_is_found(client: httpx.AsyncClient, db: Database, owner: Workspace, other_owner: Workspace) -> None:
    bot = await publish(db, ECHO, owner.tenant_id)
    said = {
        "shoes": "Where is my order of red SHOES-42?",
        "cafe": "Un café à Zürich, s'il vous plaît",
        "mail": "Write to ada@example.com about the invoice",
    }
    ids: dict[str, str] = {}
    for name, words in said.items():
        first = await say(client, bot, start=True, contact={"id": f"customer-{name}", "name": f"Ms {name.title()}"})
        ids[name] = (await say(client, bot, first, text=words))["conversation_id"]
    assert await _found(owner, "order") == []  # not yet: the words are written after the turn
    while await roll_up(db, owner.tenant_id):
        pass
    assert await _found(owner, "order") == [ids["shoes"]]
    assert await _found(owner, "shoe ORD") == [ids["shoes"]]
    assert await _found(owner, "order café") == []
    assert await _found(owner, "CAFE zurich") == [ids["cafe"]]
    assert await _found(owner, "ada@example.com") == [ids["mail"]]
    assert await _found(owner, '"red shoes"') == [ids["shoes"]]
    assert await _found(owner, '"shoes red"') == []
    assert await _found(owner, "customer-mail") == [ids["mail"]]
    assert await _found(owner, "Ms Cafe") == [ids["cafe"]]
    assert await _found(owner, ids["shoes"]) == [ids["shoes"]]
    assert sorted(await _found(owner, "your name")) == sorted(ids.values())  # what the bot said
    assert await _found(owner, "order", status="ended") == []
    for strange in ("%", "_", "\\", "'", '"', "((", "a & !b | <->", "\0", "  "):
        await _found(owner, strange)
    assert await _found(other_owner, "order") == []
    page = await owner.client.get("/conversations", params={"q": "ord red"}, headers={"accept": "text/html"})
    assert "<mark>order</mark> of <mark>red</mark> SHOES-42" in page.text
    shown = (await owner.client.get(ROUTE, params={"q": "order"})).json()["data"][0]
    assert shown["found_seq"] == 3


async def test_the_words_go_with_the_conversation(client: httpx.AsyncClient, db: Database, owner: Workspace) -> None:
    bot = await publish(db, ECHO, owner.tenant_id)
    answer = await say(client, bot, text="hello there")
    place = UUID(answer["conversation_id"])
    async with db.tenant(owner.tenant_id) as conn:
        await index_messages(conn, owner.tenant_id, [(place, 1), (place, 1), (place, 99), (uuid4(), 1)])
        assert sorted(await conn.scalars(select(conversation_words.c.word))) == ["hello", "there"]
        await conn.execute(delete(conversations))
        assert list(await conn.scalars(select(conversation_words.c.word))) == []


async def test_the_search_reads_an_index_as_the_application(db: Database) -> None:
    rows = TenantRows(db)
    conversation = await rows.row("conversations")
    async with db.tenant(rows.tenant_id) as conn:
        place = {"tenant_id": rows.tenant_id, "conversation_id": conversation["id"]}
        await conn.execute(insert(conversation_words), [{**place, "word": f"word{n:05}", "seq": 1} for n in range(3_000)])
        await conn.execute(text("set local enable_seqscan = off"))
        wanted = await wanted_of(conn, "word0001")
        assert wanted is not None
        query = select(conversations.c.id).where(mentions(rows.tenant_id, wanted))
        plan = "\n".join(await conn.scalars(text(f"explain {query.compile(conn.engine, compile_kwargs={'literal_binds': True})}")))
    assert "word >= 'word0001'" in plan.partition("conversation_words_pkey")[2].partition("Filter")[0]


def test_words_are_marked_where_they_begin() -> None:
    wanted = Wanted("cafe sho", ("cafe", "sho"), ())
    marked = [part for part, hit in wanted.marks("Café & shoes, not ashore") if hit]
    assert marked == ["Café", "shoes"]
    assert fold("ＺÜRICH") == "zurich"
