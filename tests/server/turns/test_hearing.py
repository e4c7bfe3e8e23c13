"""Messages over the chat route through the stages of their channel: what the flow gets, what the trace shows, what is refused."""

import logging
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from server.conversations.tables import inbox
from server.kit.db import Database
from tests.conftest import Workspace
from tests.server.turns.bots import flow_of, publish
from tests.server.turns.talk import post, say, texts

MIRROR = flow_of(
    {
        "ask": ("ask_question", {"text": "Yes?", "save_as": "said"}),
        "answer": (
            "send_message",
            {"text": "{{ message.text }} / {{ message.annotations.values.number }} / {{ message.annotations.safety.flagged }}"},
        ),
    },
    [("ask", "next", "answer")],
)
PROCESSING: dict[str, Any] = {
    "normalise": {"on": True, "settings": {"longest": "100", "too_long": "refuse"}},
    "noise": {"on": True},
    "personal_data": {"on": True},
    "safety": {"on": True},
    "values": {"on": True, "settings": {"kinds": "number"}},
    "place": {"on": True, "settings": {"round": "1"}},
    "visitor": {"on": True, "settings": {"address": "short"}},
    "gone_since": {"on": True},
}


async def test_a_message_goes_through_the_stages_that_are_on(client: httpx.AsyncClient, db: Database, owner: Workspace) -> None:
    bot = await publish(db, MIRROR, owner.tenant_id, settings={"processing": PROCESSING})
    client.headers.update(
        {
            "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:124.0) Gecko/20100101 Firefox/124.0",
            "referer": "http://localhost:8800/a?b",
        }
    )
    first = await say(client, bot, start=True)
    said = {"text": "Send 2 to\u202e 4111 1111 1111 1111!!!!!!!\n-- \nAnn", "client_message_id": "m1"}
    second = await say(client, bot, first, **said)
    assert await say(client, bot, first, **said) | {"response_time_ms": 0} == second | {"response_time_ms": 0}, "sent twice, taken once"
    assert second["messages"][0]["body"]["text"] == "Send 2 to [payment_card]!!!"
    assert texts(second)[0].startswith("Send 2 to [payment_card]!!! / ")
    assert texts(second)[0].endswith(" / false")
    place = await say(client, bot, first, location={"latitude": 52.520008, "longitude": 13.404954})
    assert [place["messages"][0]["body"][name] for name in ("latitude", "longitude")] == [52.5, 13.4]
    trace = (await owner.client.get(f"/api/v2/chat/conversations/{first['conversation_id']}/trace")).json()
    began, heard = trace["turns"][0]["inputs"][0]["annotations"], trace["turns"][1]["inputs"][0]["annotations"]
    assert began["visitor"] | {"ms": 0} == {"browser": "Firefox on Linux", "page": "http://localhost:8800", "address": "127.0.0.0", "ms": 0}
    assert sorted(heard) == sorted(["normalise", "noise", "personal_data", "safety", "values", "visitor"])
    assert heard["personal_data"]["hidden"] == {"payment_card": 1}
    assert heard["values"]["number"] == [{"value": 2, "start": 5, "end": 6}]
    assert all(one["ms"] >= 0 for one in heard.values())
    assert "4111" not in str(trace)
    page = (await owner.client.get(f"/conversations/{first['conversation_id']}")).text
    assert "Hide personal data: hidden: payment_card 1 " in page
    assert "Note where visitors come from: page: http://localhost:8800, address: 127.0.0.0, browser: Firefox on Linux" in page


async def test_what_a_stage_refuses_is_not_stored(
    client: httpx.AsyncClient, db: Database, owner: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    strict = PROCESSING | {"noise": {"on": True, "on_error": "refuse", "settings": {"phrases": "(broken"}}}
    bots = [await publish(db, MIRROR, owner.tenant_id, settings={"processing": one}) for one in (PROCESSING, strict)]
    first, other = [await say(client, bot, start=True) for bot in bots]
    too_long = await post(client, bots[0], first, text="x" * 101)
    assert (too_long.status_code, too_long.json()["type"], "at most 100" in too_long.json()["detail"]) == (
        422,
        "urn:chatloom:message_refused",
        True,
    )
    nothing = await post(client, bots[0], first, text="\u00ad\u3164")
    assert nothing.status_code == 422
    nowhere = await post(client, bots[0], first, location={"latitude": 0, "longitude": 0})
    assert nowhere.status_code == 422
    with caplog.at_level(logging.WARNING):
        later = await post(client, bots[1], other, text="my secret words")
    assert (later.status_code, later.json()["type"], later.headers["retry-after"]) == (503, "urn:chatloom:not_processed", "5")
    assert "secret words" not in caplog.text
    async with db.tenant(owner.tenant_id) as conn:
        kinds = list(await conn.scalars(select(inbox.c.kind)))
    assert set(kinds) == {"conversation_started"}
    figures = (await owner.client.get("/api/v2/chat/metrics")).text
    assert 'chatloom_messages_refused_total{kind="web",reason="refused"} 3' in figures
    assert 'chatloom_messages_refused_total{kind="web",reason="failed"} 1' in figures
