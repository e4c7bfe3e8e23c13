"""One account, several workspaces that see nothing of each other."""

import httpx
import pytest
from litestar import Litestar

from server.kit.db import Database
from server.kit.errors import Problem
from server.kit.ids import uuid7
from server.security.links import create_owner_link
from server.tenants import queries
from server.tenants.names import clean_email, clean_name
from tests.conftest import PASSWORD, Workspace
from tests.server.security.browser import browser, submit


async def test_a_second_workspace_is_one_request_away_and_sees_nothing_of_the_first(owner: Workspace, client: httpx.AsyncClient):
    await owner.client.post("/api/v1/members", json={"email": "grace@example.com", "name": "Grace", "role": "editor"})
    tokens = (await owner.client.post("/api/v1/workspaces", json={"name": "Second"})).json()
    client.headers["authorization"] = f"Bearer {tokens['access_token']}"
    assert (await client.get("/api/v1/organization")).json()["name"] == "Second"
    members = (await client.get("/api/v1/members")).json()["data"]
    assert [(member["email"], member["role"]) for member in members] == [(owner.email, "owner")]
    listed = (await client.get("/api/v1/workspaces")).json()["data"]
    assert [(one["name"], one["current"]) for one in listed] == [("Acme", False), ("Second", True)]


async def test_somebody_goes_from_one_workspace_to_another_and_back(owner: Workspace, client: httpx.AsyncClient):
    second = (await owner.client.post("/api/v1/workspaces", json={"name": "Second"})).json()
    client.headers["authorization"] = f"Bearer {second['access_token']}"
    first = (await client.post(f"/api/v1/workspaces/{owner.tenant_id}/sessions")).json()
    assert first["user_id"] == str(owner.member_id)
    client.headers["authorization"] = f"Bearer {first['access_token']}"
    assert (await client.get("/api/v1/organization")).json()["name"] == "Acme"


async def test_nobody_enters_a_workspace_of_another_account(owner: Workspace, other_owner: Workspace):
    for workspace_id in (other_owner.tenant_id, uuid7()):
        assert (await owner.client.post(f"/api/v1/workspaces/{workspace_id}/sessions")).status_code == 404


async def test_nobody_enters_where_they_were_disabled(app: Litestar, owner: Workspace):
    second = (await owner.client.post("/api/v1/workspaces", json={"name": "Second"})).json()
    there = {"authorization": f"Bearer {second['access_token']}"}
    new = {"email": "new@example.com", "name": "New", "role": "owner"}
    invitation = (await owner.client.post("/api/v1/members", json=new, headers=there)).json()
    async with browser(app) as person:
        await person.post("/sign-in/link", data={"token": invitation["sign_in_link"].partition("token=")[2]})
        assert (await submit(person, f"/settings/members/{second['user_id']}", disabled="true")).status_code == 303
    assert (await owner.client.post(f"/api/v1/workspaces/{second['organization_id']}/sessions")).status_code == 404
    listed = (await owner.client.get("/api/v1/workspaces")).json()["data"]
    assert [one["name"] for one in listed] == ["Acme"]


async def test_the_menu_shows_the_persons_workspaces_and_leads_there(app: Litestar, owner: Workspace, other_owner: Workspace):
    async with browser(app) as person:
        await person.post("/sign-in", data={"email": owner.email, "password": PASSWORD})
        assert (await submit(person, "/workspaces", name="Second & last")).status_code == 303
        page = (await person.get("/settings")).text
        assert "Second &amp; last" in page
        assert "Acme" in page
        assert "Globex" not in page
        assert (await submit(person, f"/workspaces/{owner.tenant_id}/select")).status_code == 303
        assert 'value="Acme"' in (await person.get("/settings")).text
        assert (await submit(person, f"/workspaces/{other_owner.tenant_id}/select")).status_code == 404


async def test_a_workspace_is_renamed_by_its_owner(owner: Workspace):
    assert (await owner.client.patch("/api/v1/organization", json={"name": "  Acme   Corp "})).json()["name"] == "Acme Corp"
    for name in ("", " \u200b", "x\u202egnp", "a" * 101):
        assert (await owner.client.patch("/api/v1/organization", json={"name": name})).status_code == 422, name


async def test_the_operators_link_signs_the_owner_in_and_may_go_everywhere(app: Litestar, db: Database, owner: Workspace):
    token = await create_owner_link(db, owner.tenant_id, owner.member_id)
    async with browser(app) as person:
        assert (await person.get(f"/sign-in/link?token={token}")).status_code == 200
        assert (await person.post("/sign-in/link", data={"token": token})).status_code == 303
        assert (await submit(person, "/workspaces", name="Second")).status_code == 303
    with pytest.raises(Problem):
        await create_owner_link(db, owner.tenant_id, uuid7())


async def test_looking_people_up_shows_only_those_named(db: Database, owner: Workspace, other_owner: Workspace):
    found = await queries.members_by_email(db, owner.email)
    assert [member.id for member in found] == [owner.member_id]
    assert [one.name for one in await queries.workspaces_of_account(db, found[0].account_id)] == ["Acme"]
    assert await queries.workspaces_of_account(db, uuid7()) == []


@pytest.mark.parametrize(("typed", "stored"), [(" Acme  Corp\n", "Acme Corp"), ("Éclair", "Éclair"), ("株式会社", "株式会社")])
def test_a_name_is_tidied(typed: str, stored: str):
    assert clean_name(typed, "name") == stored


@pytest.mark.parametrize("typed", ["", "  ", "\u200b", "a\u0000b", "a\u202eb", "x" * 101, "x" * 1_000_000, "\ue000"])
def test_a_name_nobody_can_read_is_refused(typed: str):
    with pytest.raises(Problem) as caught:
        clean_name(typed, "name")
    assert "name" in caught.value.fields


@pytest.mark.parametrize(
    ("typed", "stored"), [(" Ada@Example.COM ", "ada@example.com"), ("ａda@example.com", "ada@example.com"), ("a+b@x.y", "a+b@x.y")]
)
def test_an_address_has_one_form(typed: str, stored: str):
    assert clean_email(typed) == stored


@pytest.mark.parametrize(
    "typed", ["", "ada", "@x", "a@", "a b@x.y", "a@b@c", "a..b@x.y", "a@x.y\n b", "a\u200b@x.y", "<a@x.y>", "x" * 300 + "@x.y"]
)
def test_what_is_no_address_is_refused(typed: str):
    with pytest.raises(Problem):
        clean_email(typed)
