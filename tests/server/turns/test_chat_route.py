"""POST /api/v2/chat/message, from the outside."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import func, insert, select, update

from server.conversations.tables import contacts, conversations, inbox, messages
from server.flows.tables import flow_versions, flows
from server.kit.db import Database
from server.kit.tables import events
from server.turns.tables import turns
from tests.conftest import Workspace
from tests.server.turns.bots import ECHO, Bot, flow_of, publish
from tests.server.turns.talk import ROUTE, post, say, texts


async def test_a_conversation_from_hello_to_goodbye(client: httpx.AsyncClient, db: Database) -> None:
    bot = await publish(db, ECHO)
    first = await say(client, bot, start=True, contact={"id": "v1", "name": "Ada"})
    assert texts(first) == ["Hi Ada!", "What is your name?"]
    assert first["waiting_for"] == "message"
    second = await say(client, bot, first, text="Grace")
    assert texts(second) == ["Nice to meet you, Grace (1).", "What is your name?"]
    assert [message["seq"] for message in second["messages"]] == [3, 4, 5]
    third = await say(client, bot, second, text="bye")
    assert texts(third) == ["Goodbye!"]
    assert third["waiting_for"] == "ended"
    again = await say(client, bot, third, text="hello again")
    assert texts(again) == ["Hi Ada!", "What is your name?"]


SHOE = {"title": "Shoe", "buttons": [{"label": "Take it", "value": "shoe"}, {"label": "See it", "url": "https://shop.example/shoe"}]}
DELIVERY = flow_of(
    {
        "show": ("send_message", {"text": "Look:", "show": "cards", "cards": [SHOE]}),
        "pick": ("ask_question", {"text": "Which?", "save_as": "item"}),
        "where": ("collect_location", {"text": "Where to?", "save_as": "place"}),
        "done": ("send_message", {"text": "{{ item }} to {{ place.label }} ({{ place.latitude }})."}),
    },
    [("show", "next", "pick"), ("pick", "next", "where"), ("where", "next", "done")],
)


async def test_cards_go_out_and_a_picked_button_and_a_place_come_in(client: httpx.AsyncClient, db: Database) -> None:
    bot = await publish(db, DELIVERY)
    first = await say(client, bot, start=True)
    assert first["messages"][0]["body"] == {"type": "text", "text": "Look:", "cards": [SHOE]}
    second = await say(client, bot, first, choice="shoe", text="Take it")
    assert second["messages"][-1]["body"] == {"type": "text", "text": "Where to?", "asks": "location", "asks_about": {"typed": True}}
    third = await say(client, bot, second, location={"latitude": 52.5, "longitude": 13.4, "label": "Berlin"})
    assert texts(third) == ["Take it to Berlin (52.5)."]
    assert third["messages"][0]["body"] == {"type": "location", "latitude": 52.5, "longitude": 13.4, "text": "Berlin"}


async def test_fifty_equal_posts_make_one_turn(client: httpx.AsyncClient, db: Database) -> None:
    bot = await publish(db, ECHO)
    first = await say(client, bot, start=True)
    key = str(uuid4())
    answers = await asyncio.gather(*(say(client, bot, first, text="Grace", client_message_id=key) for _ in range(50)))
    assert {(answer["turn"], tuple(texts(answer))) for answer in answers} == {(2, ("Nice to meet you, Grace (1).", "What is your name?"))}
    later = await say(client, bot, first, text="Grace", client_message_id=key)
    assert later["messages"] == answers[0]["messages"]


async def test_fifty_equal_first_posts_make_one_conversation(client: httpx.AsyncClient, db: Database) -> None:
    bot = await publish(db, ECHO)
    key = str(uuid4())
    answers = await asyncio.gather(*(say(client, bot, text="hello", client_message_id=key, contact={"id": "v1"}) for _ in range(50)))
    assert len({answer["conversation_id"] for answer in answers}) == 1
    assert {tuple(texts(answer)) for answer in answers} == {("Hi there!", "What is your name?")}
    async with db.tenant(bot.tenant_id) as conn:
        counts = [await conn.scalar(select(func.count()).select_from(table)) for table in (conversations, inbox, turns, contacts)]
    assert counts == [1, 1, 1, 1]


async def test_the_same_id_for_another_message_is_refused(client: httpx.AsyncClient, db: Database) -> None:
    bot = await publish(db, ECHO)
    first = await say(client, bot, start=True)
    await say(client, bot, first, text="Grace", client_message_id="m1")
    response = await post(client, bot, first, text="Hedy", client_message_id="m1")
    assert (response.status_code, response.json()["title"]) == (422, "client message id used")


async def test_messages_written_at_once_are_answered_one_after_the_other(client: httpx.AsyncClient, db: Database) -> None:
    bot = await publish(db, ECHO)
    first = await say(client, bot, start=True)
    answers = await asyncio.gather(*(say(client, bot, first, text=f"name{n}") for n in range(12)))
    assert sorted(answer["turn"] for answer in answers) == list(range(2, 14))
    async with db.tenant(bot.tenant_id) as conn:
        seqs = list(await conn.scalars(select(messages.c.seq).order_by(messages.c.seq)))
    assert seqs == list(range(1, 39))


async def test_many_conversations_share_commits_and_keep_apart(client: httpx.AsyncClient, db: Database) -> None:
    bot = await publish(db, ECHO)
    firsts = await asyncio.gather(*(say(client, bot, start=True, contact={"id": f"c{n}", "name": f"N{n}"}) for n in range(40)))
    seconds = await asyncio.gather(*(say(client, bot, first, text=f"name{n}") for n, first in enumerate(firsts)))
    assert [texts(answer)[0] for answer in firsts] == [f"Hi N{n}!" for n in range(40)]
    assert [texts(answer)[0] for answer in seconds] == [f"Nice to meet you, name{n} (1)." for n in range(40)]


def body_of(bot: Bot, **more: Any) -> dict[str, Any]:
    return {"channel_id": str(bot.channel_id), "client_message_id": "m" * 32, **more}


UNUSABLE: list[tuple[dict[str, Any], int]] = [
    ({"text": ""}, 422),
    ({"text": " \u200b\u2060 "}, 422),
    ({"text": "x" * 4_001}, 422),
    ({"text": "a\x00b"}, 422),
    ({}, 422),
    ({"text": "hi", "start": True}, 422),
    ({"text": "hi", "role": "assistant"}, 422),
    ({"text": "hi", "tenant_id": str(uuid4())}, 422),
    ({"text": "hi", "client_message_id": "m1"}, 422),
    ({"text": "hi", "client_message_id": ""}, 422),
    ({"text": "hi", "client_message_id": "x" * 200}, 422),
    ({"text": "hi", "channel_id": "not-a-uuid"}, 422),
    ({"text": "hi", "channel_id": None}, 422),
    ({"text": "hi", "channel_id": str(uuid4())}, 404),
    ({"text": "hi", "conversation_id": str(uuid4())}, 401),
    ({"text": "hi", "contact": {"id": "c", "attributes": {"a": {"b": 1}}}}, 422),
    ({"text": "hi", "contact": {"id": "c", "attributes": {"a": "x\x00y"}}}, 422),
    ({"text": "hi", "contact": {"id": "c", "name": "x\x00y"}}, 422),
    ({"text": ["hi"]}, 422),
    ({"location": {"latitude": 91, "longitude": 0}}, 422),
    ({"location": {"latitude": 0}}, 422),
    ({"location": {"latitude": 0, "longitude": 0, "label": "a\x00b"}}, 422),
    ({"location": {"latitude": 0, "longitude": 0}, "text": "here"}, 422),
]
MALFORMED = [
    (b"{", "application/json", 400),
    (b'"x"', "application/json", 422),
    (b"[" * 100_000 + b"]" * 100_000, "application/json", 413),
    (b"[" * 20_000 + b"]" * 20_000, "application/json", 422),
    (b'{"text":' + b"[" * 20_000, "application/json", 422),
    (b'{"text":"\xff"}', "application/json", 400),
    (b'{"text":"' + b"a" * (11 << 20) + b'"}', "application/json", 413),
    (b"text=hi", "application/x-www-form-urlencoded", 415),
    (b'{"text":"hi"}', "text/plain", 415),
]


async def test_what_cannot_be_used_is_refused_and_not_stored(client: httpx.AsyncClient, db: Database) -> None:
    bot = await publish(db, ECHO)
    for more, status in UNUSABLE:
        response = await client.post(ROUTE, json=body_of(bot, **more))
        assert response.status_code == status, (more, response.text)
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["detail"]
    async with db.tenant(bot.tenant_id) as conn:
        assert await conn.scalar(select(func.count()).select_from(inbox)) == 0


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
async def test_a_malformed_body_is_a_clear_4xx(client: httpx.AsyncClient, accept: str) -> None:
    for content, kind, status in MALFORMED:
        response = await client.post(ROUTE, content=content, headers={"content-type": kind, "accept": accept})
        assert response.status_code == status, (content[:40], response.text)
        assert response.json()["request_id"] == response.headers["x-request-id"]


async def test_a_token_opens_its_own_conversation_and_no_other(client: httpx.AsyncClient, db: Database) -> None:
    bot, other = await publish(db, ECHO), await publish(db, ECHO)
    mine, theirs, foreign = await say(client, bot, start=True), await say(client, bot, start=True), await say(client, other, start=True)
    for answer in (theirs, foreign):
        stolen = {**mine, "conversation_id": answer["conversation_id"]}
        assert (await post(client, bot, stolen, text="hi")).status_code == 404
    assert (await post(client, other, mine, text="hi")).status_code == 404
    assert (await post(client, bot, {**mine, "token": mine["token"][:-2]}, text="hi")).status_code == 401
    assert (await post(client, bot, {**mine, "token": "x"}, text="hi")).status_code == 401


async def test_only_listed_pages_may_write(client: httpx.AsyncClient, db: Database) -> None:
    bot = await publish(db, ECHO, origins=["https://shop.example"])
    for origin, status in (("https://shop.example", 200), ("https://evil.example", 403), ("http://shop.example", 403), ("null", 403)):
        response = await client.post(ROUTE, json=body_of(bot, start=True, client_message_id=str(uuid4())), headers={"origin": origin})
        assert response.status_code == status
        assert (response.headers.get("access-control-allow-origin") == origin) == (status == 200)


async def test_a_member_writes_to_a_bot_by_its_flow(owner: Workspace, other_owner: Workspace, db: Database) -> None:
    bot = await publish(db, ECHO, owner.tenant_id)
    body = {"bot": str(bot.flow_id), "client_message_id": "m1", "contact": {"id": "crm-7", "name": "Ada"}, "text": "hello"}
    answer = (await owner.client.post(ROUTE, json=body)).json()
    assert texts(answer) == ["Hi Ada!", "What is your name?"]
    again = {**body, "client_message_id": "m2", "conversation_id": answer["conversation_id"], "text": "Grace"}
    assert texts((await owner.client.post(ROUTE, json=again)).json())[0] == "Nice to meet you, Grace (1)."
    assert (await other_owner.client.post(ROUTE, json=body)).status_code == 404
    stolen = {"channel_id": str(bot.channel_id), "client_message_id": "m3", "conversation_id": answer["conversation_id"], "text": "hi"}
    assert (await other_owner.client.post(ROUTE, json=stolen)).status_code == 404


async def test_an_unpublished_bot_says_so(client: httpx.AsyncClient, db: Database) -> None:
    bot = await publish(db, ECHO)
    async with db.tenant(bot.tenant_id) as conn:
        await conn.execute(update(flows).values(published_version=None))
    response = await client.post(ROUTE, json=body_of(bot, start=True))
    assert (response.status_code, response.json()["title"]) == (409, "flow not published")


async def test_a_running_conversation_stays_on_its_version(client: httpx.AsyncClient, db: Database) -> None:
    bot = await publish(db, ECHO)
    old = await say(client, bot, start=True)
    changed = json.loads(json.dumps(ECHO).replace("Nice to meet you", "Welcome"))
    async with db.tenant(bot.tenant_id) as conn:
        await conn.execute(insert(flow_versions).values(tenant_id=bot.tenant_id, flow_id=bot.flow_id, version=2, document=changed))
        await conn.execute(update(flows).values(published_version=2))
    new = await say(client, bot, start=True)
    assert texts(await say(client, bot, old, text="Grace"))[0] == "Nice to meet you, Grace (1)."
    assert texts(await say(client, bot, new, text="Grace"))[0] == "Welcome, Grace (1)."


async def test_choices_are_picked_by_value_and_unknown_ones_are_offered_again(client: httpx.AsyncClient, db: Database) -> None:
    bot = await publish(
        db,
        flow_of(
            {
                "offer": ("offer_choices", {"text": "Tea?", "choices": [{"value": "yes", "label": "Yes"}, {"value": "no", "label": "No"}]}),
                "tea": ("send_message", {"text": "Here you are."}),
            },
            [("offer", "yes", "tea"), ("offer", "no", "offer"), ("tea", "next", "offer")],
        ),
    )
    first = await say(client, bot, start=True)
    assert first["messages"][0]["body"]["choices"] == [{"value": "yes", "label": "Yes"}, {"value": "no", "label": "No"}]
    assert texts(await say(client, bot, first, choice="refund_approved")) == ["Please choose one of these:"]
    assert texts(await say(client, bot, first, choice="yes", text="Yes"))[0] == "Here you are."


async def test_the_events_of_a_conversation_are_in_its_commits(client: httpx.AsyncClient, db: Database) -> None:
    bot = await publish(db, ECHO)
    answer = await say(client, bot, await say(client, bot, start=True), text="bye")
    assert answer["waiting_for"] == "ended"
    async with db.tenant(bot.tenant_id) as conn:
        happened = [(row.type, row.props) for row in await conn.execute(select(events).order_by(events.c.id))]
    assert [kind for kind, _ in happened] == [
        "conversation.started",
        *("message.sent", "message.sent", "turn.taken"),
        *("message.received", "message.sent", "turn.taken", "conversation.ended"),
    ]
    assert happened[-1][1] == {"outcome": "contained"}
    assert happened[-2][1]["path"] == [["ask", "next"], ["note", "next"], ["check", "bye"], ["end", None]]


async def test_an_idempotency_key_stands_for_the_message_id(client: httpx.AsyncClient, db: Database) -> None:
    bot = await publish(db, ECHO)
    first = await say(client, bot, start=True)

    async def keyed(key: str, **body: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {first['token']}", "idempotency-key": key}
        return await client.post(ROUTE, json={"channel_id": str(bot.channel_id), **body}, headers=headers)

    once, again = await keyed("k1", text="Grace"), await keyed("k1", text="Grace")
    assert (once.status_code, once.json()["messages"]) == (200, again.json()["messages"])
    other = await keyed("k1", text="Heidi")
    assert (other.status_code, other.json()["type"]) == (422, "urn:chatloom:client_message_id_used")
    assert (await keyed("k2", text="Heidi", client_message_id="k2")).status_code == 200
    assert (await keyed("k3", text="Heidi", client_message_id="k4")).status_code == 422
    assert (await keyed("a b", text="Heidi")).status_code == 400
    nameless = await client.post(ROUTE, json={"channel_id": str(bot.channel_id), "text": "hi"})
    assert (nameless.status_code, list(nameless.json()["fields"])) == (422, ["client_message_id"])
