"""Webhooks as a hostile or clumsy sender makes them, through the server's real door: the status, and what is stored of it."""

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import pytest
from litestar import Litestar
from sqlalchemy import delete, select, update

from server.channels.cases import read_cases
from server.channels.contract import HERE
from server.channels.sealed import seal_secrets
from server.channels.tables import channels
from server.channels.twilio.proof import signature
from server.conversations.tables import inbox
from server.kit import clock
from server.kit.counts import counts
from server.kit.db import Database
from server.kit.rates import LocalRates
from server.kit.settings import Settings
from tests.fakes.channels.teams import FakeTeams
from tests.server.events.logs import told_of
from tests.server.turns.bots import ECHO, Bot, publish

ROWS = [json.loads(line) for line in (Path(__file__).parents[2] / "data" / "webhooks.jsonl").read_text().splitlines()]
KINDS = sorted({row["input"]["channel"] for row in ROWS})
CASES = {kind: read_cases(HERE / kind) for kind in KINDS}
"""Whose settings the rows count on."""
OURS = "http://localhost:8800"
"""The address of the server in tests."""


@pytest.fixture
def teams() -> Iterator[FakeTeams]:
    """Publishes the key that the rows' tokens are signed with."""
    with FakeTeams() as fake:
        fake.keys = json.loads(CASES["teams"].secrets["connector_keys"])["keys"]
        yield fake


@pytest.fixture
async def settings(settings: Settings, teams: FakeTeams) -> Settings:
    """Settings that let the server ask for that key."""
    return replace(settings, outbound_allow=settings.outbound_allow | {teams.host})


async def _set_secrets(app: Litestar, db: Database, bot: Bot, secrets: dict[str, str]) -> None:
    async with db.tenant(bot.tenant_id) as conn:
        sealed = await seal_secrets(conn, app.state.vault, bot.tenant_id, bot.channel_id, secrets)
        await conn.execute(update(channels).where(channels.c.id == bot.channel_id).values(secrets_sealed=sealed))


async def _send(client: httpx.AsyncClient, bot: Bot, row: dict[str, Any]) -> httpx.Response:
    given = row["input"]
    path = f"/hooks/{given['channel']}/{bot.channel_id}"
    if "form" in given:
        given = given | _as_if_signed_for_us(given, path)
    body = base64.b64decode(given["body_b64"]) if "body_b64" in given else given["body"].encode()
    headers = [(name, value.encode("latin-1", "replace")) for name, value in given["headers"].items()]
    query = urlsplit(given["path"]).query
    return await client.request(given["method"], f"{path}?{query}" if query else path, content=body, headers=headers)


def _as_if_signed_for_us(given: dict[str, Any], path: str) -> dict[str, Any]:
    """Twilio signs the address, too: what the row's signature proves, which is the form of the good row, is proven for our address."""
    proof = given["headers"]["x-twilio-signature"]
    good = next(row["input"] for row in ROWS if row["class"] == "control" and row["input"]["headers"].get("x-twilio-signature") == proof)
    headers = given["headers"] | {
        "content-type": "application/x-www-form-urlencoded",
        "x-twilio-signature": signature(given["secret"], f"{OURS}{path}", list(good["form"].items())),
    }
    return {"body": urlencode(given["form"]), "headers": headers}


async def test_every_row_has_its_outcome(
    app: Litestar, client: httpx.AsyncClient, db: Database, teams: FakeTeams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.conversations.receive._forged", LocalRates(now=lambda: 0.0))
    known = {kind: CASES[kind].settings for kind in KINDS}
    known["teams"] = known["teams"] | {"openid_url": teams.openid_url}
    bots = {kind: await publish(db, ECHO, kind=kind, settings=known[kind]) for kind in KINDS}
    for row in ROWS:
        given = row["input"]
        bot = bots[given["channel"]]
        told = dict.fromkeys(CASES[given["channel"]].secrets, given.get("secret", given.get("app_id", "")))
        secrets = told | {name: given[name] for name in ("verify_token", "client_secret") if name in given}
        await _set_secrets(app, db, bot, {name: secret for name, secret in secrets.items() if secret})
        now = datetime.fromtimestamp(given["now"], UTC) if "now" in given else None
        with monkeypatch.context() as patched:
            if now is not None:
                patched.setattr(clock, "now", lambda now=now: now)
            answers = [await _send(client, bot, row) for _ in range(given.get("repeat", 1))]
        assert {answer.status_code for answer in answers} <= set(row["status"]), (row["id"], answers[0].text)
        async with db.tenant(bot.tenant_id) as conn:
            stored = list(await conn.scalars(select(inbox.c.status)))
            await conn.execute(delete(inbox))
        assert len(stored) == bool(row["stored"]), (row["id"], stored)
        if row["class"] == "old event":
            assert stored == ["ignored"], "nobody is answered after more than a week"
        if row["status"] == [401]:
            assert "signature" in answers[0].text, "the answer does not say which check failed"
        if given["channel"] == "slack" and answers[0].status_code == 200:
            assert answers[0].content == b""
    for kind, bot in bots.items():
        refused = sum(401 in row["status"] and not row["stored"] and row["input"]["channel"] == kind for row in ROWS)
        assert (await counts(app.state.redis, bot.tenant_id)).get(("webhook", kind, "not_proven"), 0) == refused
        assert await told_of(db, bot.tenant_id, "security") == [("webhook_forged", {"kind": kind})][:refused], "one a minute"


async def test_what_is_not_set_up_takes_nothing(app: Litestar, client: httpx.AsyncClient, db: Database) -> None:
    for kind in KINDS:
        bot = await publish(db, ECHO, kind=kind, settings=CASES[kind].settings)
        assert (await client.post(f"/hooks/{kind}/{bot.channel_id}", content=b"{}")).status_code == 503
        if kind == "whatsapp":
            assert (await client.get(f"/hooks/{kind}/{bot.channel_id}?hub.mode=subscribe")).status_code == 503
