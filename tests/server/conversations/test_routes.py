"""Conversations over HTTP."""

from typing import Any

import httpx
from sqlalchemy import select

from server.kit.db import Database
from server.kit.tables import events
from tests.conftest import Workspace
from tests.server.turns.bots import ECHO, Bot, publish
from tests.server.turns.talk import Answer, say, texts

CHAT = "/api/v2/chat/conversations"


async def talked(client: httpx.AsyncClient, db: Database, owner: Workspace, count: int = 1) -> tuple[Bot, list[Answer]]:
    bot = await publish(db, ECHO, owner.tenant_id)
    return bot, [await say(client, bot, start=True, contact={"id": f"v{n}", "name": f"N{n}"}) for n in range(count)]


async def read(owner: Workspace, path: str, **params: Any) -> Any:
    response = await owner.client.get(path, params=params)
    assert response.status_code == 200, response.text
    return response.json()


async def test_the_list_is_paged_and_filtered(client: httpx.AsyncClient, db: Database, owner: Workspace) -> None:
    bot, answers = await talked(client, db, owner, 5)
    await say(client, bot, answers[0], text="bye")
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = await read(owner, CHAT, limit=2, **({"cursor": cursor} if cursor else {}))
        seen += [one["id"] for one in page["data"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == [answers[n]["conversation_id"] for n in (0, 4, 3, 2, 1)]
    assert [one["outcome"] for one in (await read(owner, CHAT, status="ended"))["data"]] == ["contained"]
    assert [one["contact"]["name"] for one in (await read(owner, CHAT, contact_id="v3"))["data"]] == ["N3"]
    assert len((await read(owner, CHAT, flow_id=str(bot.flow_id)))["data"]) == 5
    assert (await read(owner, CHAT, channel_id=str(bot.flow_id)))["data"] == []


async def test_bad_questions_are_refused(owner: Workspace) -> None:
    for params, status in (({"limit": 0}, 422), ({"limit": 100_000_000}, 422), ({"cursor": "x"}, 422), ({"flow_id": "' or 1=1--"}, 422)):
        assert (await owner.client.get(CHAT, params=params)).status_code == status


async def test_transcript_and_trace_show_what_happened(client: httpx.AsyncClient, db: Database, owner: Workspace) -> None:
    bot, (first,) = await talked(client, db, owner)
    await say(client, bot, first, text="Grace")
    path = f"{CHAT}/{first['conversation_id']}"
    whole = await read(owner, f"{path}/messages")
    assert [message["seq"] for message in whole["data"]] == [1, 2, 3, 4, 5]
    page = await read(owner, f"{path}/messages", limit=2)
    assert page["next"] == "2"
    rest = await read(owner, f"{path}/messages", limit=50, cursor="2")
    assert (len(rest["data"]), rest["next"]) == (3, None)
    trace = await read(owner, f"{path}/trace")
    assert [turn["turn"] for turn in trace["turns"]] == [1, 2]
    assert [visit["node_id"] for visit in trace["turns"][1]["path"]] == ["ask", "note", "check", "answer", "ask"]
    assert trace["turns"][1]["path"][0]["set"] == {"name": "Grace"}
    assert trace["turns"][1]["inputs"][0]["text"] == "Grace"
    assert (await read(owner, path))["messages"] == 5


async def test_nobody_elses_conversation_is_there(
    client: httpx.AsyncClient, db: Database, owner: Workspace, other_owner: Workspace
) -> None:
    _, (first,) = await talked(client, db, owner)
    path = f"{CHAT}/{first['conversation_id']}"
    for address in (path, f"{path}/messages", f"{path}/trace"):
        assert (await other_owner.client.get(address)).status_code == 404
        assert (await client.get(address)).status_code == 401
    assert (await other_owner.client.post(f"{path}/closure")).status_code == 404
    assert (await read(other_owner, CHAT))["data"] == []


async def test_a_closed_conversation_opens_when_the_customer_writes_again(
    client: httpx.AsyncClient, db: Database, owner: Workspace
) -> None:
    bot, (first,) = await talked(client, db, owner)
    path = f"{CHAT}/{first['conversation_id']}"
    for _ in range(2):
        assert (await owner.client.post(f"{path}/closure")).status_code == 204
    closed = await read(owner, path)
    assert (closed["status"], closed["outcome"]) == ("closed", "abandoned")
    assert (await owner.client.delete(f"{path}/closure")).status_code == 204
    assert (await read(owner, path))["status"] == "open"
    await owner.client.post(f"{path}/closure")
    assert texts(await say(client, bot, first, text="Grace"))[0] == "Nice to meet you, Grace (1)."
    assert (await read(owner, path))["status"] == "open"
    async with db.tenant(owner.tenant_id) as conn:
        ended = list(await conn.scalars(select(events.c.props).where(events.c.type == "conversation.ended")))
        told = list(
            await conn.scalars(select(events.c.props["change"]).where(events.c.type == "conversation.updated").order_by(events.c.id))
        )
    assert ended == [{"outcome": "abandoned"}]
    assert told == ["closed", "reopened", "closed"]


async def test_health_says_what_answers(client: httpx.AsyncClient) -> None:
    for address in ("/health", "/api/v2/chat/health"):
        response = await client.get(address)
        assert (response.status_code, response.json()) == (200, {"status": "ok", "database": "ok", "redis": "ok"})
