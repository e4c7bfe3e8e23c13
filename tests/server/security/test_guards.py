"""The pages' cookies: who is let in, who is sent to the sign-in page, what another site cannot do."""

import asyncio
import logging
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from litestar import Litestar, get
from litestar.exceptions import ImproperlyConfiguredException
from sqlalchemy import func, text, update

from server.kit.db import Database
from server.security.guards import check_permissions_declared
from server.security.tables import rotated_tokens
from tests.conftest import PASSWORD, Workspace
from tests.server.security.browser import HOME, PREFIX, browser, cookie, csrf_of, submit

NAVIGATION = {"accept": "text/html"}


@pytest.fixture
async def person(app: Litestar, owner: Workspace) -> AsyncIterator[httpx.AsyncClient]:
    """The owner at a browser."""
    async with browser(app) as client:
        answer = await client.post("/sign-in", data={"email": owner.email, "password": PASSWORD, "next": "/settings"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/settings")
        yield client


async def test_the_cookies_are_out_of_reach_of_scripts_and_other_sites(app: Litestar, owner: Workspace):
    async with browser(app) as client:
        answer = await client.post("/sign-in", data={"email": owner.email, "password": PASSWORD})
    sent = answer.headers.get_list("set-cookie")
    assert [one.partition("=")[0] for one in sent] == [f"{PREFIX}access", f"{PREFIX}refresh"]
    for one in sent:
        flags = {flag.strip().lower() for flag in one.split(";")[1:]}
        assert {"httponly", "samesite=lax", "path=/"} <= flags
        assert not any(flag.startswith("domain") for flag in flags)


async def test_over_https_the_cookies_belong_to_this_host_and_to_https(app: Litestar, owner: Workspace):
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    headers = {"origin": "https://chat.example.com", "accept": "text/html"}
    async with httpx.AsyncClient(transport=transport, base_url="https://chat.example.com", headers=headers) as client:
        answer = await client.post("/sign-in", data={"email": owner.email, "password": PASSWORD})
        for one in answer.headers.get_list("set-cookie"):
            assert one.startswith("__Host-chatloom_")
            assert "secure" in one.lower()
        assert (await client.get("/settings")).status_code == 200


async def test_nobody_signs_in_over_the_open_network(app: Litestar, owner: Workspace):
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    headers = {"origin": "http://chat.example.com", "accept": "text/html"}
    async with httpx.AsyncClient(transport=transport, base_url="http://chat.example.com", headers=headers) as client:
        answer = await client.post("/sign-in", data={"email": owner.email, "password": PASSWORD})
    assert answer.status_code == 400
    assert "https://" in answer.text
    assert "set-cookie" not in answer.headers


async def test_a_page_sends_strangers_to_the_sign_in_page_and_back(app: Litestar, owner: Workspace):
    async with browser(app) as client:
        answer = await client.get("/settings/members?cursor=1&x=%26")
        assert answer.status_code == 303
        address = urlsplit(answer.headers["location"])
        assert address.path == "/sign-in"
        (wanted,) = parse_qs(address.query)["next"]
        assert wanted == "/settings/members?cursor=1&x=%26"
        form = await client.get(answer.headers["location"])
        assert form.status_code == 200
        back = await client.post("/sign-in", data={"email": owner.email, "password": PASSWORD, "next": wanted})
        assert back.headers["location"] == wanted


async def test_nobody_is_led_to_another_site_after_signing_in(app: Litestar, owner: Workspace):
    for path in ("https://evil.example", "//evil.example", "/\\evil.example"):
        async with browser(app) as client:
            answer = await client.post("/sign-in", data={"email": owner.email, "password": PASSWORD, "next": path})
            assert answer.headers["location"] == "/"


async def test_htmx_is_told_to_leave_the_page(client: httpx.AsyncClient):
    headers = {"hx-request": "true", "hx-current-url": f"{HOME}/flows?q=a", "accept": "text/html"}
    answer = await client.get("/settings", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["hx-redirect"].startswith("/sign-in?next=")


async def test_a_program_gets_401_with_a_challenge(client: httpx.AsyncClient):
    answer = await client.get("/api/v1/organization")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_no_other_authorization_is_understood(owner: Workspace, client: httpx.AsyncClient):
    good = owner.client.headers["authorization"]
    for sent in (
        "Basic YTpi",
        "Bearer",
        "Bearer ' OR '1'='1",
        "Bearer null",
        good.replace("Bearer", "Token"),
        good + " x",
        "Bearer  " + good[7:],
    ):
        answer = await client.get("/api/v1/organization", headers={"authorization": sent})
        assert answer.status_code == 401, sent
        assert "error=" in answer.headers["www-authenticate"]
    both = [("authorization", good), ("authorization", "Bearer x")]
    assert (await client.get("/api/v1/organization", headers=both)).status_code == 401


async def test_a_token_in_the_address_is_not_read(owner: Workspace, client: httpx.AsyncClient):
    token = owner.client.headers["authorization"][7:]
    assert (await client.get("/api/v1/organization", params={"access_token": token})).status_code == 401


async def test_an_old_access_cookie_is_renewed_on_the_way(person: httpx.AsyncClient):
    before = cookie(person, "refresh")
    person.cookies.delete(f"{PREFIX}access")
    assert (await person.get("/settings")).status_code == 200
    assert cookie(person, "refresh") != before
    assert (await person.get("/settings")).status_code == 200


async def test_many_requests_of_one_page_may_renew_at_the_same_moment(person: httpx.AsyncClient):
    person.cookies.delete(f"{PREFIX}access")
    answers = await asyncio.gather(*(person.get("/settings") for _ in range(6)))
    assert {answer.status_code for answer in answers} == {200}
    assert (await person.get("/settings")).status_code == 200


async def test_a_stolen_refresh_cookie_ends_the_session(db: Database, owner: Workspace, person: httpx.AsyncClient, app: Litestar):
    stolen = cookie(person, "refresh")
    person.cookies.delete(f"{PREFIX}access")
    assert (await person.get("/settings")).status_code == 200
    async with db.tenant(owner.tenant_id) as connection:
        await connection.execute(update(rotated_tokens).values(rotated_at=func.now() - text("interval '11 seconds'")))
    async with browser(app) as thief:
        thief.headers["cookie"] = f"{PREFIX}refresh={stolen}"
        assert (await thief.get("/settings")).status_code == 303
    assert (await person.get("/settings")).status_code == 303


async def test_signing_out_removes_the_cookies_and_ends_the_session(person: httpx.AsyncClient, app: Litestar):
    access, refresh = cookie(person, "access"), cookie(person, "refresh")
    async with browser(app) as elsewhere:
        assert (await elsewhere.get("/settings", headers={"cookie": f"{PREFIX}access={access}"})).status_code == 200
    answer = await submit(person, "/sign-out")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert not person.cookies
    async with browser(app) as again:
        for sent in (f"{PREFIX}access={access}", f"{PREFIX}refresh={refresh}", f"{PREFIX}access={access}; {PREFIX}refresh={refresh}"):
            assert (await again.get("/settings", headers={"cookie": sent})).status_code == 303


async def test_a_form_without_the_token_of_its_page_is_refused(person: httpx.AsyncClient):
    for token in ("", "x", "A" * 64):
        assert (await person.post("/settings", data={"_csrf": token, "name": "Taken over"})).status_code == 403
    assert (await person.post("/settings", data={"name": "Taken over"})).status_code == 403
    assert (await person.post("/api/v1/workspaces", json={"name": "Taken over"})).status_code == 403
    assert "Taken over" not in (await person.get("/settings")).text


async def test_the_token_of_another_session_is_refused(person: httpx.AsyncClient, app: Litestar, other_owner: Workspace):
    async with browser(app) as stranger:
        await stranger.post("/sign-in", data={"email": other_owner.email, "password": PASSWORD})
        foreign = await csrf_of(stranger)
    assert (await person.post("/settings", data={"_csrf": foreign, "name": "Taken over"})).status_code == 403


async def test_a_request_of_another_site_is_refused_even_with_the_token(person: httpx.AsyncClient):
    token = await csrf_of(person)
    for headers in (
        {"origin": "https://evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "null"},
    ):
        answer = await person.post("/settings", data={"_csrf": token, "name": "Taken over"}, headers=headers)
        assert answer.status_code == 403, headers


async def test_the_token_may_come_in_a_header(person: httpx.AsyncClient):
    token = await csrf_of(person)
    answer = await person.patch("/api/v1/organization", json={"name": "Renamed"}, headers={"x-csrf-token": token})
    assert answer.status_code == 200
    assert (await person.get("/settings")).text.count("Renamed") >= 1


async def test_another_site_cannot_sign_somebody_in(app: Litestar, owner: Workspace):
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        async with browser(app) as client:
            answer = await client.post("/sign-in", data={"email": owner.email, "password": PASSWORD}, headers=headers)
            assert answer.status_code == 403
            assert not client.cookies
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=HOME) as silent:
        assert (await silent.post("/sign-in", data={"email": owner.email, "password": PASSWORD})).status_code == 403


async def test_a_broken_form_shows_what_to_correct_and_keeps_what_was_typed(app: Litestar, owner: Workspace):
    async with browser(app) as client:
        wrong = await client.post("/sign-in", data={"email": owner.email, "password": "not my password"})
        assert wrong.status_code == 401
        assert owner.email in wrong.text
        assert "not my password" not in wrong.text
        taken = await client.post("/sign-up", data={"organization": "A", "name": "<b>Ada", "email": owner.email, "password": PASSWORD})
        assert taken.status_code == 409
        assert "&lt;b&gt;Ada" in taken.text
        assert PASSWORD not in taken.text


async def test_somebody_can_sign_up_and_look_around(app: Litestar):
    async with browser(app) as client:
        fields = {"organization": "Initech", "name": "Peter", "email": "peter@example.com", "password": PASSWORD}
        assert (await client.post("/sign-up", data=fields)).status_code == 303
        for path in ("/settings", "/settings/members", "/settings/account", "/workspaces/new"):
            page = await client.get(path)
            assert page.status_code == 200, path
            assert "Initech" in page.text, path
            assert "content-security-policy" in page.headers


async def test_a_handler_without_a_declared_permission_keeps_the_app_from_starting():
    @get("/undeclared")
    async def undeclared() -> None: ...

    @get("/unknown", opt={"permission": "flows:burn"})
    async def unknown() -> None: ...

    @get("/both", opt={"permission": "flows:read", "public": True})
    async def both() -> None: ...

    for handler in (undeclared, unknown, both):
        with pytest.raises(ImproperlyConfiguredException, match="must declare"):
            check_permissions_declared(Litestar([handler], openapi_config=None))


async def test_nothing_secret_is_logged(app: Litestar, owner: Workspace, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    tokens = (await client.post("/api/v1/auth/login", json={"email": owner.email, "password": PASSWORD})).json()
    await client.post("/api/v1/auth/login", json={"email": owner.email, "password": "a wrong password"})
    await client.post("/api/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
    await client.get("/api/v1/organization", headers={"authorization": f"Bearer {tokens['access_token']}x"})
    for secret in (PASSWORD, "a wrong password", owner.email, tokens["access_token"], tokens["refresh_token"]):
        assert secret not in caplog.text
