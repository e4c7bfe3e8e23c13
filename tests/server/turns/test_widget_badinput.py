"""The rows of widget.jsonl through the server: what they send as frames of a socket is sent as the widget does, by posts and streams."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from litestar import Litestar

from server.channels.web.look import look_of
from server.conversations.stream import STREAMS_PER_ADDRESS, Seats
from server.conversations.token import ConversationToken, sign_token, token_key
from server.kit import clock
from server.kit.db import Database
from server.kit.errors import Problem
from server.kit.ids import uuid7
from server.kit.pages import DIST
from server.turns.doors import doors_of
from tests.server.turns.widget_rows import make_channel, make_conversation

ROWS = {row["id"]: row for row in map(json.loads, (Path(__file__).parents[2] / "data/widget.jsonl").read_text().splitlines())}
SHOP = "https://shop.example"
ROUTE = "/api/v2/chat/message"


class Visitor:
    """A widget on the shop's page, in a conversation."""

    def __init__(self, client: httpx.AsyncClient, app: Litestar, token: ConversationToken) -> None:
        self.client, self.app, self.token = client, app, token
        self.key = sign_token(token_key(app.state.vault), token, clock.now())

    async def post(self, origin: str | None = SHOP, token: str | None = None, **body: Any) -> httpx.Response:
        """Say something, as the page would."""
        headers = {"authorization": f"Bearer {token or self.key}", **({"origin": origin} if origin else {})}
        whole = {"channel_id": str(self.token.channel_id), "client_message_id": uuid4().hex, **body}
        return await self.client.post(ROUTE, json=whole, headers=headers)

    async def listen(self, origin: str | None, token: str | None, conversation: Any = None) -> httpx.Response:
        """Open the stream; only for askers who are refused."""
        headers = {**({"authorization": f"Bearer {token}"} if token else {}), **({"origin": origin} if origin else {})}
        address = f"/w/{self.token.channel_id}/events?conversation={conversation or self.token.conversation_id}"
        return await self.client.get(address, headers=headers)


@pytest.fixture
async def visitor(client: httpx.AsyncClient, app: Litestar, db: Database) -> Visitor:
    return Visitor(client, app, await make_conversation(db, *await make_channel(db, allowed_origins=[SHOP])))


def test_every_row_is_here() -> None:
    named = {"WID-001", "WID-003", "WID-006", "WID-009", "WID-010", "WID-015", "WID-016", "WID-019", "WID-021", "WID-022", "WID-023"}
    assert set(ROWS) == named | {"WID-025", "WID-026", "WID-028", "WID-029", "WID-030", "WID-031", "WID-033"}


async def test_origins_and_tokens(visitor: Visitor) -> None:
    for row in ("WID-001", "WID-003", "WID-006"):
        origin = ROWS[row]["input"]["origin"]
        assert (await visitor.listen(origin, visitor.key)).status_code == 403, row
        assert (await visitor.post(origin, text="hi")).status_code == 403, row
    other = ROWS["WID-009"]["input"]["message"]["conversation_id"]
    assert (await visitor.listen(SHOP, None, other)).status_code == 401
    assert (await visitor.listen(SHOP, visitor.key, other)).status_code == 404
    api_token = ROWS["WID-010"]["input"]["message"]["token"]
    assert (await visitor.listen(SHOP, api_token)).status_code == 401
    assert (await visitor.post(token=api_token, text="hi")).status_code == 401


async def test_messages_that_are_none(visitor: Visitor) -> None:
    assert (await visitor.post(text=ROWS["WID-015"]["input"]["message"]["text"])).status_code in (413, 422)
    assert (await visitor.post(text=ROWS["WID-016"]["input"]["message"]["text"])).status_code == 422
    spoofed = await visitor.post(text="hi", role=ROWS["WID-019"]["input"]["message"]["role"])
    assert (spoofed.status_code, "role" in spoofed.text) == (422, True)
    assert (await visitor.post(payload=ROWS["WID-022"]["input"]["message"]["payload"])).status_code == 422
    headers = {"origin": SHOP, "authorization": f"Bearer {visitor.key}", "content-type": "application/json"}
    for _ in range(6):
        malformed = await visitor.client.post(ROUTE, content=ROWS["WID-023"]["input"]["message"], headers=headers)
        assert malformed.status_code == 400
        assert malformed.headers["content-type"] == "application/problem+json"


async def test_one_address_does_not_take_all_the_seats() -> None:
    seats = Seats()
    tenant_id, channel_id = uuid7(), uuid7()
    outcome: Counter[int] = Counter()
    with_seats = []
    for _ in range(ROWS["WID-026"]["input"]["open_connections"]):
        token = ConversationToken(tenant_id, channel_id, uuid7(), uuid7())
        try:
            seats.check(token, "203.0.113.7")
        except Problem as problem:
            outcome[problem.status] += 1
            continue
        with_seats.append(seats.take(token, "203.0.113.7"))
        with_seats[-1].__enter__()
        outcome[200] += 1
    assert outcome == {200: STREAMS_PER_ADDRESS, 429: 5_000 - STREAMS_PER_ADDRESS}
    seats.check(ConversationToken(tenant_id, channel_id, uuid7(), uuid7()), "203.0.113.8")


def test_the_widget_neither_hears_nor_sends_window_messages() -> None:
    """WID-028 and WID-029: there is no frame that could be told another address, and nothing is posted to any window."""
    names = json.loads((DIST / "manifest.json").read_text())
    scripts = "".join((DIST / file).read_text() for name, file in names.items() if name.startswith("widget") and name.endswith(".js"))
    assert "postMessage" not in scripts
    assert 'addEventListener("message"' not in scripts
    assert "onmessage" not in scripts


async def test_addresses_are_not_reflected_and_pages_are_framed_by_the_channels_pages_only(visitor: Visitor) -> None:
    hostile = ROWS["WID-030"]["input"]["path"].partition("=")[2]
    for address in (f"/widget/{hostile.replace('/', '')}.js", f"/widget/x.js?channel={hostile}"):
        answer = await visitor.client.get(address)
        assert (answer.status_code, "alert" in answer.text) == (400, False)
    hosted = (await visitor.client.get(f"/w/{visitor.token.channel_id}")).headers["content-security-policy"]
    assert hosted.endswith(f"frame-ancestors 'self' {SHOP}")
    assert "frame-ancestors 'none'" in (await visitor.client.get("/sign-in")).headers["content-security-policy"]


async def test_styles_of_a_tenant_bring_no_address(visitor: Visitor) -> None:
    """WID-033: there is no setting for styles; a colour is a colour or is left out."""
    channel = await doors_of(visitor.app.state).channel(visitor.token.channel_id)
    styles = {"custom_css": ROWS["WID-033"]["input"]["custom_css"], "accent": "url(https://evil.example)"}
    assert look_of(replace(channel, settings=styles)) == {"heading": "Acme help"}
