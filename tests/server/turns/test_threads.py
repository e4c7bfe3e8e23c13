"""/api/v1/chat/threads: the same conversations for members' programs."""

from uuid import uuid4

import httpx

from server.kit.db import Database
from tests.conftest import Workspace
from tests.server.turns.bots import ECHO, publish

ROUTE = "/api/v1/chat/threads"


async def test_a_thread_from_its_first_word_on(client: httpx.AsyncClient, db: Database, owner: Workspace, other_owner: Workspace) -> None:
    bot = await publish(db, ECHO, owner.tenant_id)
    opened = await owner.client.post(ROUTE, json={"bot": str(bot.flow_id)})
    assert opened.status_code == 201, opened.text
    thread = opened.json()
    assert [one["body"]["text"] for one in thread["messages"]] == ["Hi Ada!", "What is your name?"]
    assert (thread["bot"], thread["status"], thread["contact_id"]) == (str(bot.flow_id), "open", f"member-{owner.member_id}")

    place = f"{ROUTE}/{thread['id']}/messages"
    body = {"text": "Grace", "client_message_id": "m-1"}
    answer = (await owner.client.post(place, json=body)).json()
    assert [one["body"]["text"] for one in answer["messages"]] == ["Grace", "Nice to meet you, Grace (1).", "What is your name?"]
    assert (answer["status"], answer["tools_used"], answer["confidence_score"]) == ("answered", [], None)
    assert answer["response_time_ms"] > 0
    again = (await owner.client.post(place, json=body)).json()
    assert (again["turn"], again["messages"]) == (answer["turn"], answer["messages"])

    first = (await owner.client.get(place, params={"limit": 2})).json()
    rest = (await owner.client.get(place, params={"cursor": first["next"]})).json()
    assert [one["seq"] for one in first["data"] + rest["data"]] == [1, 2, 3, 4, 5]

    second = (await owner.client.post(ROUTE, json={"channel_id": str(bot.channel_id), "contact": {"id": "c7", "name": "Eve"}})).json()
    listed = (await owner.client.get(ROUTE)).json()["data"]
    assert [one["id"] for one in listed] == [second["id"], thread["id"]]
    assert [one["id"] for one in (await owner.client.get(ROUTE, params={"contact_id": "c7"})).json()["data"]] == [second["id"]]

    assert (await client.post(ROUTE, json={"bot": str(bot.flow_id)})).status_code == 401
    assert (await other_owner.client.post(place, json={"text": "hi"})).status_code == 404
    assert (await other_owner.client.post(ROUTE, json={"bot": str(bot.flow_id)})).status_code == 404
    assert (await other_owner.client.get(ROUTE)).json()["data"] == []
    for wrong in ({}, {"bot": str(uuid4()), "channel_id": str(bot.channel_id)}):
        assert (await owner.client.post(ROUTE, json=wrong)).status_code == 422
    for wrong_message in ({}, {"text": " "}, {"text": "a", "location": {"latitude": 1, "longitude": 1}}):
        assert (await owner.client.post(place, json=wrong_message)).status_code == 422
