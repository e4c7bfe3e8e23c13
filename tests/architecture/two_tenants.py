"""A workspace in which a lot has happened, everything of it carrying a word of its own, so that it is known wherever it turns up."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx
from litestar import Litestar
from sqlalchemy import text

from server.kit.db import Database, metadata
from tests.architecture.test_routes import ROWS, WORDS
from tests.conftest import PASSWORD, Workspace, client_of
from tests.fakes.openai import KEY, FakeOpenAI
from tests.fakes.shop import FakeShop

CHAT = "/api/v2/chat/message"
COMMON = "quartz"
"""What the words of all tenants have in common: searching for it would find them all."""

_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


@dataclass
class BusyTenant:
    """A workspace, its word, and what it knows that nobody else may."""

    app: Litestar
    workspace: Workspace
    word: str
    flow_id: str = ""
    channel_id: str = ""
    conversation: Mapping[str, Any] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)

    @property
    def api(self) -> httpx.AsyncClient:
        """The owner's client."""
        return self.workspace.client

    @property
    def db(self) -> Database:
        """The database."""
        found: Database = self.app.state.db
        return found

    @property
    def owner(self) -> dict[str, str]:
        """The owner's credentials."""
        return {"authorization": self.api.headers["authorization"]}

    @property
    def _customer(self) -> dict[str, str]:
        """The customer's credentials."""
        return {"authorization": f"Bearer {self.conversation['token']}"}

    async def ids(self) -> set[str]:
        """Every id in any row of the tenant."""
        found: set[str] = set()
        async with self.db.tenant(self.workspace.tenant_id) as conn:
            for name in metadata.tables:
                for row in await conn.scalars(text(f"select t::text from {name} t")):
                    found.update(_UUID.findall(row))
        return found

    async def path_values(self) -> dict[str, Any]:
        """A value for each parameter of a path, naming rows of the tenant."""
        found: dict[str, Any] = {**WORDS, "node": "ask"}
        async with self.db.tenant(self.workspace.tenant_id) as conn:
            for name, place in ROWS.items():
                table, _, column = place.partition(".")
                found[name] = await conn.scalar(text(f"select {column} from {table} order by {column} desc limit 1"))
        return found | {"flow_id": self.flow_id, "channel_id": self.channel_id, "conversation_id": self.conversation["conversation_id"]}

    async def say(self, **said: Any) -> httpx.Response:
        """The customer says something in their conversation, or begins one."""
        body = {"channel_id": self.channel_id, "client_message_id": str(uuid4()), **said}
        return await client_of(self.app).post(CHAT, json=body, headers=self._customer if self.conversation else {}, timeout=60)


async def be_busy(app: Litestar, word: str, shop: FakeShop, model: FakeOpenAI) -> BusyTenant:
    """Everything a workspace does in a day."""
    tenant = await _register(app, word)
    provider = {"name": f"{word} model", "kind": "compatible", "model": "echo", "base_url": model.base_url, "api_key": KEY}
    (await tenant.api.post("/api/v1/models/providers", json=provider)).raise_for_status()
    invited = {"email": f"{word}-editor@example.com", "name": f"{word} editor", "role": "editor"}
    link = (await tenant.api.post("/api/v1/members", json=invited)).raise_for_status().json()["sign_in_link"]
    tenant.tokens.add(link.partition("token=")[2])
    flow = (await tenant.api.post("/api/v1/flows/import", json=_flow(word, shop))).raise_for_status().json()
    tenant.flow_id = flow["id"]
    published = await tenant.api.post(f"/api/v1/flows/{flow['id']}/versions", json={"note": f"{word} note"})
    tenant.channel_id = published.raise_for_status().json()["channel_id"]
    await _live(tenant)
    await _chat(tenant)
    (await tenant.api.post(f"/flows/{flow['id']}/test", headers={"accept": "text/html"})).raise_for_status()
    await _sign_in_and_out(tenant)
    return tenant


async def _register(app: Litestar, word: str) -> BusyTenant:
    client = client_of(app)
    body = {"organization": f"{word} works", "name": f"{word} owner", "email": f"{word}@example.com", "password": PASSWORD}
    answer = (await client.post("/api/v1/auth/register", json=body)).raise_for_status().json()
    client.cookies.clear()
    client.headers["authorization"] = f"Bearer {answer['access_token']}"
    workspace = Workspace(UUID(answer["organization_id"]), UUID(answer["user_id"]), body["email"], client)
    return BusyTenant(app, workspace, word, tokens={answer["access_token"], answer["refresh_token"]})


async def _live(tenant: BusyTenant) -> None:
    """Wait until the flow's intents are learned."""
    async with asyncio.timeout(60):
        while True:
            flow = (await tenant.api.get(f"/api/v1/flows/{tenant.flow_id}")).raise_for_status().json()
            if flow["published_version"]:
                return
            await asyncio.sleep(0.05)


async def _chat(tenant: BusyTenant) -> None:
    """A conversation that goes through every kind of call, at first with a service that has trouble."""
    contact = {"id": f"{tenant.word}-customer", "name": f"{tenant.word} customer", "attributes": {"plan": tenant.word}}
    tenant.conversation = (await tenant.say(start=True, contact=contact)).raise_for_status().json()
    tenant.tokens.add(tenant.conversation["token"])
    (await tenant.say(text=f"where is {tenant.word}")).raise_for_status()
    address = f"/api/v2/chat/conversations/{tenant.conversation['conversation_id']}/messages"
    expected = [f"You said: where is {tenant.word}", f"{tenant.word}: what else?"]
    async with asyncio.timeout(90):  # the first question to a model loads a large library
        while True:
            transcript = (await tenant.api.get(address)).raise_for_status().json()["data"]
            if [message["body"]["text"] for message in transcript][-2:] == expected:
                return
            await asyncio.sleep(0.05)


async def _sign_in_and_out(tenant: BusyTenant) -> None:
    async with client_of(tenant.app) as client:
        person = {"email": tenant.workspace.email, "password": f"{tenant.word} wrong"}
        assert (await client.post("/api/v1/auth/login", json=person)).status_code == 401
        session = (await client.post("/api/v1/auth/login", json=person | {"password": PASSWORD})).raise_for_status().json()
        tenant.tokens |= {session["access_token"], session["refresh_token"]}
        client.cookies.clear()
        (await client.post("/api/v1/auth/logout", headers={"authorization": f"Bearer {session['access_token']}"})).raise_for_status()


def _flow(word: str, shop: FakeShop) -> dict[str, Any]:
    nodes: dict[str, tuple[str, dict[str, Any]]] = {
        "ask": ("ask_question", {"text": f"{word}: what else?", "save_as": "wish"}),
        "what": ("classify_intent", {"text": "{{ wish }}", "intents": [f"find_{word}"], "save_as": "intent"}),
        "look": ("http_request", {"url": f"{shop.url}/flaky/1?of={word}", "headers": {"X-Key": word}, "save_as": "found"}),
        "think": ("llm_reply", {"text": "You said: {{ wish }}", "instructions": f"Be {word}.", "save_as": "thought"}),
    }
    edges = [
        ("ask", "next", "what"),
        *[("what", port, "look") for port in (f"find_{word}", "matched", "otherwise")],
        *[("look", port, "think") for port in ("ok", "failed")],
        *[("think", port, "ask") for port in ("next", "failed", "no_model")],
    ]
    return {
        "schema_version": 1,
        "name": f"{word} flow",
        "description": f"What {word} does",
        "triggers": [{"id": "start", "type": "conversation_start", "node": "ask"}],
        "nodes": {name: {"type": type, "title": f"{word} {name}", "settings": settings} for name, (type, settings) in nodes.items()},
        "edges": {f"e{number}": {"source": s, "port": p, "target": t} for number, (s, p, t) in enumerate(edges)},
        "intents": {
            f"find_{word}": {"description": word, "examples": [f"where is {word}", f"find {word}", "look for it"]},
            "stop": {"description": "", "examples": ["stop it", "no more", "i have had enough"]},
        },
    }
