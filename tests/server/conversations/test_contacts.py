"""Customers: listed, known, merged and parted, by the API and on pages."""

import httpx

from server.kit.db import Database
from tests.conftest import Workspace
from tests.server.turns.bots import ECHO, publish
from tests.server.turns.talk import say

ROUTE = "/api/v2/chat/contacts"


async def test_two_contacts_of_one_person(client: httpx.AsyncClient, db: Database, owner: Workspace) -> None:
    web, shop = await publish(db, ECHO, owner.tenant_id), await publish(db, ECHO, owner.tenant_id)
    await say(client, web, start=True, contact={"id": "web-1", "name": "Ada L", "attributes": {"plan": "gold", "city": "Bern"}})
    await say(client, shop, start=True, contact={"id": "shop-9", "attributes": {"city": "Rome", "vip": True}})
    listed = (await owner.client.get(ROUTE)).json()["data"]
    ids = {one["external_id"]: one["id"] for one in listed}
    assert [one["external_id"] for one in listed] == ["shop-9", "web-1"]
    assert [one["id"] for one in (await owner.client.get(ROUTE, params={"q": "ada"})).json()["data"]] == [ids["web-1"]]

    merged = await owner.client.post(f"{ROUTE}/{ids['web-1']}/merges", json={"contact_id": ids["shop-9"]})
    assert merged.status_code == 201, merged.text
    assert merged.json()["attributes"] == {"plan": "gold", "city": "Bern", "vip": True}
    assert [one["external_id"] for one in merged.json()["merged"]] == ["shop-9"]
    assert [one["id"] for one in (await owner.client.get(ROUTE)).json()["data"]] == [ids["web-1"]]
    assert [one["id"] for one in (await owner.client.get(ROUTE, params={"q": "shop-9"})).json()["data"]] == [ids["web-1"]]
    other = (await owner.client.get(f"{ROUTE}/{ids['shop-9']}")).json()
    assert (other["merged_into"], other["attributes"]) == (ids["web-1"], merged.json()["attributes"])
    for wrong in (ids["web-1"], ids["shop-9"]):
        assert (await owner.client.post(f"{ROUTE}/{ids['web-1']}/merges", json={"contact_id": wrong})).status_code == 409

    changed = await owner.client.patch(f"{ROUTE}/{ids['web-1']}", json={"name": "Ada", "attributes": {"plan": "silver"}})
    assert (changed.json()["name"], changed.json()["attributes"]) == ("Ada", {"plan": "silver"})
    assert (await owner.client.get(f"{ROUTE}/{ids['shop-9']}")).json()["attributes"] == {"plan": "silver"}
    assert (await owner.client.patch(f"{ROUTE}/{ids['web-1']}", json={"external_id": "x"})).status_code == 422
    known = await say(client, shop, start=True, contact={"id": "shop-9"}, client_message_id="a-message-of-its-own")
    assert known["messages"][0]["body"]["text"] == "Hi there!"

    place = f"{ROUTE}/{ids['web-1']}/merges/{ids['shop-9']}"
    assert [(await owner.client.delete(place)).status_code for _ in range(2)] == [204, 404]
    assert len((await owner.client.get(ROUTE)).json()["data"]) == 2


async def test_the_pages_of_a_customer(client: httpx.AsyncClient, db: Database, owner: Workspace) -> None:
    bot = await publish(db, ECHO, owner.tenant_id)
    talk = await say(client, bot, start=True, contact={"id": "web-1", "name": "Ada <b>", "attributes": {"plan": "gold", "age": 41}})
    await say(client, bot, start=True, contact={"id": "web-2", "name": "Ada Two"})
    html = {"accept": "text/html"}
    found = {one["external_id"]: one["id"] for one in (await owner.client.get(ROUTE)).json()["data"]}
    place = f"/conversations/contacts/{found['web-1']}"

    listed = await owner.client.get("/conversations/contacts", params={"q": "web-1"}, headers=html)
    assert place in listed.text
    assert "Ada &lt;b&gt;" in listed.text
    assert "Ada Two" not in listed.text
    shown = await owner.client.get(place, params={"same": "two"}, headers=html)
    assert f"/conversations/{talk['conversation_id']}" in shown.text
    assert found["web-2"] in shown.text

    rows = {"variable": ["plan", "age", "", "tags", "vip"], "kind": ["text", "number", "text", "json", "flag"]}
    form = {"name": "Ada", "language": "en", **rows, "value": ["silver", "42", "", '["a"]', "yes"]}
    saved = await owner.client.post(place, data=form, headers=html)
    assert saved.status_code == 303, saved.text
    detail = (await owner.client.get(f"{ROUTE}/{found['web-1']}")).json()
    assert detail["attributes"] == {"plan": "silver", "age": 42, "tags": ["a"], "vip": True}
    refused = await owner.client.post(place, data={**form, "value": ["silver", "old", "", "[", "yes"]}, headers=html)
    assert (refused.status_code, "needs a number" in refused.text, 'value="old"' in refused.text) == (422, True, True)

    merged = await owner.client.post(f"{place}/merges", data={"other": found["web-2"]}, headers=html)
    assert merged.status_code == 303
    assert "Part from Ada Two" in (await owner.client.get(place, headers=html)).text
    parted = await owner.client.post(f"{place}/merges/{found['web-2']}/removal", headers=html)
    assert parted.status_code == 303
    assert (await owner.client.post(f"{place}/merges", data={"other": "x"}, headers=html)).status_code == 422
