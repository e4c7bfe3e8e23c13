"""Registering and signing in."""

import asyncio
import time
from uuid import UUID

import httpx
import pytest
from litestar import Litestar

from server.kit.db import Database
from tests.conftest import PASSWORD, Workspace, client_of
from tests.server.events.logs import told_of

WRONG = "wrong horse battery staple"
REGISTRATION = {"organization": "Acme", "name": "Ada", "email": "ada@example.com", "password": PASSWORD}


async def login(client: httpx.AsyncClient, email: str, password: str = PASSWORD) -> httpx.Response:
    return await client.post("/api/v1/auth/login", json={"email": email, "password": password})


async def test_registering_makes_a_workspace_with_its_owner(client: httpx.AsyncClient):
    answer = await client.post("/api/v1/auth/register", json=REGISTRATION)
    assert answer.status_code == 201
    tokens = answer.json()
    assert tokens["role"] == "owner"
    assert tokens["expires_in"] == 600
    assert "set-cookie" not in answer.headers
    organization = await client.get("/api/v1/organization", headers={"authorization": f"Bearer {tokens['access_token']}"})
    assert organization.json()["name"] == "Acme"
    assert organization.json()["id"] == tokens["organization_id"]


UNUSABLE: list[dict[str, object]] = [
    {"email": "not an address"},
    {"email": "a@b@c"},
    {"email": "x" * 300 + "@example.com"},
    {"email": "ada\u202e@example.com"},
    {"password": "short"},
    {"password": "ada@example.com"},
    {"password": "x" * 5_000},
    {"password": None},
    {"organization": ""},
    {"organization": " \u200b\u2060"},
    {"organization": "x\u202egnp.exe"},
    {"name": "a" * 101},
    {"role": "owner"},
    {"tenant_id": "bbbbbbbb-0000-4000-8000-00000000000b"},
    {"__proto__": {"admin": True}},
]


async def test_what_cannot_be_used_is_refused_with_its_field(client: httpx.AsyncClient):
    for change in UNUSABLE:
        answer = await client.post("/api/v1/auth/register", json=REGISTRATION | change)
        assert answer.status_code == 422, change
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["fields"], change
    assert (await client.post("/api/v1/auth/register", json=REGISTRATION)).status_code == 201


async def test_a_body_that_is_no_registration_is_a_client_error(client: httpx.AsyncClient):
    for body in (b"{", b'"x"', b"[" * 100_000 + b"]" * 100_000, b"\xff", b""):
        answer = await client.post("/api/v1/auth/register", content=body, headers={"content-type": "application/json"})
        assert 400 <= answer.status_code < 500, body[:10]


async def test_a_form_of_another_site_cannot_reach_a_json_route(client: httpx.AsyncClient):
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        body = b'{"email":"a@b.c","password":"x"}'
        answer = await client.post("/api/v1/auth/login", content=body, headers={"content-type": content_type})
        assert answer.status_code == 415, content_type


async def test_an_address_is_registered_once_however_it_is_written(client: httpx.AsyncClient):
    assert (await client.post("/api/v1/auth/register", json=REGISTRATION)).status_code == 201
    answer = await client.post("/api/v1/auth/register", json=REGISTRATION | {"email": " ADA@Example.com "})
    assert answer.status_code == 409
    assert "email" in answer.json()["fields"]


async def test_signing_in_gives_tokens_that_work(owner: Workspace, client: httpx.AsyncClient):
    answer = await login(client, owner.email.upper())
    assert answer.status_code == 200
    assert UUID(answer.json()["user_id"]) == owner.member_id
    sessions = await client.get("/api/v1/auth/sessions", headers={"authorization": f"Bearer {answer.json()['access_token']}"})
    assert [session["current"] for session in sessions.json()["data"]] == [True, False]


async def test_a_wrong_address_and_a_wrong_password_get_the_same_answer(db: Database, owner: Workspace, client: httpx.AsyncClient):
    known, unknown = await login(client, owner.email, WRONG), await login(client, "nobody@example.com", WRONG)
    assert (known.status_code, unknown.status_code) == (401, 401)
    assert known.json() | {"request_id": ""} == unknown.json() | {"request_id": ""}
    (failed,) = await told_of(db, owner.tenant_id, "security")
    assert failed == ("sign_in_failed", {"member_id": str(owner.member_id), "address": "127.0.0.1"})


async def test_a_wrong_address_takes_as_long_as_a_wrong_password(app: Litestar, client: httpx.AsyncClient):
    async def seconds(email: str) -> float:
        started = time.perf_counter()
        await login(client, email, WRONG)
        return time.perf_counter() - started

    known: list[float] = []
    unknown: list[float] = []
    for number in range(12):
        email = f"timed-{number}@example.com"
        await client.post("/api/v1/auth/register", json=REGISTRATION | {"email": email})
        for _ in range(4):
            known.append(await seconds(email))
            unknown.append(await seconds(f"nobody-{number}@example.com"))
        if number and abs(min(known) - min(unknown)) < 0.020:  # the least of each: a busy machine only adds
            return
    raise AssertionError(f"known {min(known):.3f} s, unknown {min(unknown):.3f} s")


@pytest.mark.parametrize("known", [True, False])
async def test_the_sixth_try_has_to_wait_even_with_the_right_password(owner: Workspace, client: httpx.AsyncClient, known: bool):
    email = owner.email if known else f"nobody-{owner.email}"
    assert [(await login(client, email, WRONG)).status_code for _ in range(5)] == [401] * 5
    answer = await login(client, email)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 900


async def test_tries_at_the_same_moment_count_too(owner: Workspace, client: httpx.AsyncClient):
    answers = await asyncio.gather(*(login(client, owner.email, WRONG) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [401] * 5 + [429] * 15


async def test_a_flushed_redis_does_not_give_more_tries(app: Litestar, owner: Workspace, client: httpx.AsyncClient):
    for _ in range(5):
        await login(client, owner.email, WRONG)
    await app.state.redis.flushdb()
    assert (await login(client, owner.email)).status_code == 429


async def test_a_success_makes_all_tries_good(owner: Workspace, client: httpx.AsyncClient):
    for _ in range(3):
        for _ in range(4):
            assert (await login(client, owner.email, WRONG)).status_code == 401
        assert (await login(client, owner.email)).status_code == 200


async def test_somebody_elses_tries_do_not_lock_me_out(app: Litestar, owner: Workspace, client: httpx.AsyncClient):
    transport = httpx.ASGITransport(app=app, client=("203.0.113.9", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8800") as stranger:
        for _ in range(7):
            await login(stranger, owner.email, WRONG)
    assert (await login(client, owner.email)).status_code == 200


async def test_nobody_signs_in_to_a_member_without_a_password(owner: Workspace, client: httpx.AsyncClient):
    member = {"email": "new@example.com", "name": "New", "role": "editor"}
    assert (await owner.client.post("/api/v1/members", json=member)).status_code == 201
    assert (await login(client, "new@example.com", "")).status_code == 401


async def test_a_new_password_works_and_ends_the_other_sessions(app: Litestar, owner: Workspace, client: httpx.AsyncClient):
    other = (await login(client, owner.email)).json()
    new = "entirely different words here"
    wrong = await owner.client.post("/api/v1/auth/password", json={"current_password": WRONG, "new_password": new})
    assert wrong.status_code == 401
    changed = await owner.client.post("/api/v1/auth/password", json={"current_password": PASSWORD, "new_password": new})
    assert changed.status_code == 204
    assert (await client.get("/api/v1/organization", headers={"authorization": f"Bearer {other['access_token']}"})).status_code == 401
    assert (await client.post("/api/v1/auth/refresh", json={"refresh_token": other["refresh_token"]})).status_code == 401
    assert (await owner.client.get("/api/v1/organization")).status_code == 200
    async with client_of(app) as again:
        assert (await login(again, owner.email)).status_code == 401
        assert (await login(again, owner.email, new)).status_code == 200
