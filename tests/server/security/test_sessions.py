"""Access tokens run out, refresh tokens are used once, ended sessions stay ended."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest
import redis.asyncio
from litestar import Litestar
from sqlalchemy import func, select, text, update

from server.kit.db import Database
from server.kit.ids import uuid7
from server.security.tables import rotated_tokens, sessions
from tests.conftest import PASSWORD, Workspace
from tests.server.events.logs import told_of


@pytest.fixture
async def tokens(owner: Workspace, client: httpx.AsyncClient) -> dict[str, Any]:
    """The tokens of a second session of the owner."""
    answer = await client.post("/api/v1/auth/login", json={"email": owner.email, "password": PASSWORD})
    found: dict[str, Any] = answer.json()
    return found


async def refresh(client: httpx.AsyncClient, token: str, **headers: str) -> httpx.Response:
    return await client.post("/api/v1/auth/refresh", json={"refresh_token": token}, headers=headers)


async def works(client: httpx.AsyncClient, access_token: str) -> bool:
    answer = await client.get("/api/v1/organization", headers={"authorization": f"Bearer {access_token}"})
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


async def let_time_pass(db: Database, tenant_id: UUID) -> None:
    """Used-up tokens are older than the moment in which tabs may come late."""
    async with db.tenant(tenant_id) as connection:
        await connection.execute(update(rotated_tokens).values(rotated_at=func.now() - text("interval '11 seconds'")))


async def test_a_refresh_token_gives_the_next_pair(client: httpx.AsyncClient, tokens: dict[str, Any]):
    answer = await refresh(client, tokens["refresh_token"])
    assert answer.status_code == 200
    assert answer.json()["refresh_token"] != tokens["refresh_token"]
    assert await works(client, answer.json()["access_token"])


async def test_a_used_up_token_ends_the_whole_family(db: Database, owner: Workspace, client: httpx.AsyncClient, tokens: dict[str, Any]):
    newest = (await refresh(client, tokens["refresh_token"])).json()
    await let_time_pass(db, owner.tenant_id)
    assert (await refresh(client, tokens["refresh_token"])).status_code == 401
    assert (await refresh(client, newest["refresh_token"])).status_code == 401
    assert not await works(client, newest["access_token"])
    assert not await works(client, tokens["access_token"])
    assert (await owner.client.get("/api/v1/organization")).status_code == 200
    assert [what for what, _ in await told_of(db, owner.tenant_id, "security")] == ["signed_in", "session_stolen"]


async def test_a_token_used_up_long_ago_ends_the_family_too(
    db: Database, owner: Workspace, client: httpx.AsyncClient, tokens: dict[str, Any]
):
    token = tokens["refresh_token"]
    for _ in range(3):
        newest = (await refresh(client, token)).json()
        token = newest["refresh_token"]
    await let_time_pass(db, owner.tenant_id)
    assert (await refresh(client, tokens["refresh_token"])).status_code == 401
    assert not await works(client, newest["access_token"])


async def test_tabs_that_refresh_at_the_same_moment_get_the_same_successor(client: httpx.AsyncClient, tokens: dict[str, Any]):
    answers = await asyncio.gather(*(refresh(client, tokens["refresh_token"]) for _ in range(6)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
    assert (await refresh(client, answers[0].json()["refresh_token"])).status_code == 200


async def test_a_late_tab_gets_the_newest_token_of_the_family(client: httpx.AsyncClient, tokens: dict[str, Any]):
    second = (await refresh(client, tokens["refresh_token"])).json()["refresh_token"]
    third = (await refresh(client, second)).json()["refresh_token"]
    assert (await refresh(client, tokens["refresh_token"])).json()["refresh_token"] == third


async def test_nonsense_is_no_refresh_token(client: httpx.AsyncClient, tokens: dict[str, Any]):
    for token in ("", "x", "A" * 43, "\u0661" * 43, tokens["access_token"][:100], tokens["refresh_token"][:-1] + "!"):
        assert (await refresh(client, token)).status_code == 401, token


async def test_another_site_cannot_refresh(client: httpx.AsyncClient, tokens: dict[str, Any]):
    assert (await refresh(client, tokens["refresh_token"], origin="https://evil.example")).status_code == 403


async def test_signing_out_ends_access_and_refresh_token_at_once(client: httpx.AsyncClient, tokens: dict[str, Any]):
    answer = await client.post("/api/v1/auth/logout", headers={"authorization": f"Bearer {tokens['access_token']}"})
    assert answer.status_code == 204
    assert not await works(client, tokens["access_token"])
    assert (await refresh(client, tokens["refresh_token"])).status_code == 401


async def test_a_session_can_be_ended_from_another_one(owner: Workspace, client: httpx.AsyncClient, tokens: dict[str, Any]):
    listed = (await owner.client.get("/api/v1/auth/sessions")).json()["data"]
    other = next(session["id"] for session in listed if not session["current"])
    assert (await owner.client.delete(f"/api/v1/auth/sessions/{other}")).status_code == 204
    assert (await owner.client.delete(f"/api/v1/auth/sessions/{other}")).status_code == 404
    assert not await works(client, tokens["access_token"])


async def test_nobody_ends_somebody_elses_session(owner: Workspace, other_owner: Workspace):
    (mine,) = (await owner.client.get("/api/v1/auth/sessions")).json()["data"]
    assert (await other_owner.client.delete(f"/api/v1/auth/sessions/{mine['id']}")).status_code == 404
    assert (await owner.client.get("/api/v1/organization")).status_code == 200


async def test_an_ended_session_stays_ended_when_redis_loses_everything(app: Litestar, client: httpx.AsyncClient, tokens: dict[str, Any]):
    await client.post("/api/v1/auth/logout", headers={"authorization": f"Bearer {tokens['access_token']}"})
    await app.state.redis.flushdb()
    assert not await works(client, tokens["access_token"])
    assert not await works(client, tokens["access_token"])


async def test_ended_sessions_stay_ended_while_redis_is_away(
    app: Litestar, redis_away: None, client: httpx.AsyncClient, owner: Workspace, tokens: dict[str, Any]
):
    assert await works(client, tokens["access_token"])
    await client.post("/api/v1/auth/logout", headers={"authorization": f"Bearer {tokens['access_token']}"})
    assert not await works(client, tokens["access_token"])
    assert (await owner.client.get("/api/v1/organization")).status_code == 200


@pytest.fixture
async def redis_away(app: Litestar, tokens: dict[str, Any]) -> AsyncIterator[None]:
    """The server's Redis cannot be reached."""
    real = app.state.redis
    app.state.redis = redis.asyncio.from_url("redis://127.0.0.1:1/0")
    yield
    await app.state.redis.aclose()
    app.state.redis = real


async def test_no_token_stands_in_the_database(db: Database, owner: Workspace, client: httpx.AsyncClient, tokens: dict[str, Any]):
    newest = (await refresh(client, tokens["refresh_token"])).json()
    async with db.tenant(owner.tenant_id) as connection:
        stored = str((await connection.execute(select(sessions))).all()) + str((await connection.execute(select(rotated_tokens))).all())
    for secret in (tokens["refresh_token"], newest["refresh_token"], newest["access_token"]):
        assert secret not in stored


async def test_outdated_sessions_are_cleared_away(db: Database, owner: Workspace, client: httpx.AsyncClient, tokens: dict[str, Any]):
    async with db.tenant(owner.tenant_id) as connection:
        await connection.execute(update(sessions).values(expires_at=func.now()))
    assert (await refresh(client, tokens["refresh_token"])).status_code == 401
    await client.post("/api/v1/auth/login", json={"email": owner.email, "password": PASSWORD})
    async with db.tenant(owner.tenant_id) as connection:
        assert await connection.scalar(select(func.count()).select_from(sessions)) == 1


async def test_an_unknown_session_is_not_found(owner: Workspace):
    assert (await owner.client.delete(f"/api/v1/auth/sessions/{uuid7()}")).status_code == 404
