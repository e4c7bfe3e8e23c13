"""Owners manage members; a workspace keeps an owner; nobody gets into another person's account."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest
from litestar import Litestar

from server.kit.ids import uuid7
from tests.conftest import PASSWORD, Workspace, client_of
from tests.server.security.browser import browser, submit

NEW = {"email": "grace@example.com", "name": "Grace", "role": "editor"}


async def invite(owner: Workspace, **changes: str) -> dict[str, Any]:
    answer = await owner.client.post("/api/v1/members", json=NEW | changes)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def follow(app: Litestar, link: str) -> httpx.AsyncClient:
    """The browser of somebody who used a sign-in link."""
    person = browser(app)
    token = link.partition("token=")[2]
    answer = await person.post("/sign-in/link", data={"token": token})
    assert answer.status_code == 303, answer.text
    return person


async def set_password(person: httpx.AsyncClient, password: str = PASSWORD) -> None:
    assert (await submit(person, "/settings/account/password", password=password)).status_code == 200


async def test_an_invited_member_signs_in_by_link_and_sets_a_password(app: Litestar, owner: Workspace, client: httpx.AsyncClient):
    invitation = await invite(owner)
    assert invitation["member"] | {"id": "", "created_at": ""} == {
        **NEW, "id": "", "disabled": False, "has_password": False, "created_at": "",
    }  # fmt: skip
    await set_password(await follow(app, invitation["sign_in_link"]))
    answer = await client.post("/api/v1/auth/login", json={"email": "grace@example.com", "password": PASSWORD})
    assert answer.json()["role"] == "editor"
    assert UUID(answer.json()["organization_id"]) == owner.tenant_id


async def test_a_link_works_once(app: Litestar, owner: Workspace):
    link = (await invite(owner))["sign_in_link"]
    await follow(app, link)
    again = await browser(app).post("/sign-in/link", data={"token": link.partition("token=")[2]})
    assert again.status_code == 401


async def test_only_one_of_many_at_the_same_moment_gets_in(app: Litestar, owner: Workspace):
    token = (await invite(owner))["sign_in_link"].partition("token=")[2]
    answers = await asyncio.gather(*(browser(app).post("/sign-in/link", data={"token": token}) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [303] + [401] * 7


async def test_looking_at_a_link_does_not_use_it_up(app: Litestar, owner: Workspace):
    link = (await invite(owner))["sign_in_link"]
    for _ in range(3):
        page = await browser(app).get(link)
        assert page.status_code == 200
        assert "set-cookie" not in page.headers
    await follow(app, link)


async def test_a_new_link_takes_the_place_of_the_old(app: Litestar, owner: Workspace):
    first = await invite(owner)
    again = await owner.client.post(f"/api/v1/members/{first['member']['id']}/invitations", json=None)
    assert again.status_code == 201
    refused = await browser(app).post("/sign-in/link", data={"token": first["sign_in_link"].partition("token=")[2]})
    assert refused.status_code == 401
    await follow(app, again.json()["sign_in_link"])


async def test_no_link_is_made_for_somebody_with_a_password(app: Litestar, owner: Workspace):
    invitation = await invite(owner)
    await set_password(await follow(app, invitation["sign_in_link"]))
    assert (await owner.client.post(f"/api/v1/members/{invitation['member']['id']}/invitations")).status_code == 409


async def test_an_invitation_does_not_lead_into_the_persons_other_workspaces(app: Litestar, owner: Workspace):
    person = await follow(app, (await invite(owner))["sign_in_link"])
    refused = await submit(person, "/workspaces", name="Mine")
    assert refused.status_code == 403
    await set_password(person)
    assert (await submit(person, "/workspaces", name="Mine")).status_code == 303


async def test_a_member_is_added_once(owner: Workspace, other_owner: Workspace):
    await invite(owner)
    again = await owner.client.post("/api/v1/members", json=NEW | {"email": "GRACE@example.com"})
    assert again.status_code == 409
    await invite(other_owner)


async def test_what_cannot_be_used_is_refused(owner: Workspace):
    for change in (
        {"role": "god"},
        {"email": "x"},
        {"name": ""},
        {"tenant_id": str(uuid7())},
        {"password_hash": "x"},
        {"account_id": str(uuid7())},
    ):
        assert (await owner.client.post("/api/v1/members", json=NEW | change)).status_code == 422, change
    for body in ({"role": "god"}, {"disabled": "yes"}, {"email": "x@example.com"}, {"tenant_id": str(uuid7())}):
        assert (await owner.client.patch(f"/api/v1/members/{owner.member_id}", json=body)).status_code == 422, body


async def test_members_come_in_pages(owner: Workspace):
    for number in range(4):
        await invite(owner, email=f"m{number}@example.com")
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await owner.client.get("/api/v1/members", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        assert len(page["data"]) <= 2
        seen += [member["email"] for member in page["data"]]
        cursor = page["next"]
    assert seen == [owner.email, *(f"m{number}@example.com" for number in range(4))]
    for limit in ("0", "201", "100000000", "9223372036854775808", "x"):
        assert (await owner.client.get("/api/v1/members", params={"limit": limit})).status_code == 422, limit


@pytest.mark.parametrize("change", [{"role": "analyst"}, {"disabled": True}], ids=["role", "disabled"])
async def test_the_last_owner_stays(owner: Workspace, change: dict[str, object]):
    answer = await owner.client.patch(f"/api/v1/members/{owner.member_id}", json=change)
    assert answer.status_code == 409
    assert (await owner.client.get("/api/v1/organization")).status_code == 200


async def test_two_owners_cannot_remove_each_other_at_the_same_moment(app: Litestar, owner: Workspace):
    second = await invite(owner, role="owner")
    answers = await asyncio.gather(
        owner.client.patch(f"/api/v1/members/{owner.member_id}", json={"role": "editor"}),
        owner.client.patch(f"/api/v1/members/{second['member']['id']}", json={"disabled": True}),
    )
    assert sorted(answer.status_code for answer in answers) in ([200, 409], [200, 401])


@pytest.mark.parametrize("change", [{"role": "analyst"}, {"disabled": True}], ids=["role", "disabled"])
async def test_another_role_or_no_access_ends_the_members_sessions(app: Litestar, owner: Workspace, change: dict[str, object]):
    invitation = await invite(owner)
    await set_password(await follow(app, invitation["sign_in_link"]))
    async with client_of(app) as grace:
        tokens = (await grace.post("/api/v1/auth/login", json={"email": NEW["email"], "password": PASSWORD})).json()
        grace.headers["authorization"] = f"Bearer {tokens['access_token']}"
        assert (await grace.get("/api/v1/members")).status_code == 200
        assert (await owner.client.patch(f"/api/v1/members/{invitation['member']['id']}", json=change)).status_code == 200
        assert (await grace.get("/api/v1/members")).status_code == 401
        assert (await grace.post("/api/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]})).status_code == 401
        again = await grace.post("/api/v1/auth/login", json={"email": NEW["email"], "password": PASSWORD})
        assert again.status_code == (401 if "disabled" in change else 200)


async def test_a_disabled_member_can_be_let_in_again(app: Litestar, owner: Workspace):
    member = (await invite(owner))["member"]["id"]
    assert (await owner.client.patch(f"/api/v1/members/{member}", json={"disabled": True})).json()["disabled"] is True
    assert (await owner.client.post(f"/api/v1/members/{member}/invitations")).status_code == 409
    assert (await owner.client.patch(f"/api/v1/members/{member}", json={"disabled": False})).json()["disabled"] is False
    assert (await owner.client.post(f"/api/v1/members/{member}/invitations")).status_code == 201


async def test_members_of_another_workspace_do_not_exist(owner: Workspace, other_owner: Workspace):
    assert (await owner.client.patch(f"/api/v1/members/{other_owner.member_id}", json={"role": "analyst"})).status_code == 404
    assert (await owner.client.post(f"/api/v1/members/{other_owner.member_id}/invitations")).status_code == 404
    listed = (await owner.client.get("/api/v1/members")).json()["data"]
    assert [member["email"] for member in listed] == [owner.email]
