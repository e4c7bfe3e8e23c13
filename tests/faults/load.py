"""Customers that do not give up: whole conversations over the chat route and over a webhook, and what must have come of them."""

import asyncio
import base64
import random
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
from sqlalchemy import select, text, update

from server.channels.sealed import seal_secrets
from server.channels.tables import channels
from server.channels.webhook.adapter import signature
from server.conversations.tables import messages
from server.kit.db import Database
from server.kit.secrets import Vault
from server.kit.settings import Settings
from server.turns.replay import replay
from tests.faults.processes import Processes
from tests.faults.shop import Mood, Shop, mark_of
from tests.server.turns.bots import Bot, flow_of, make_tenant, publish

WORDS = ("one", "two", "look", "four")
SECRET = "whsec_" + base64.b64encode(b"a secret of twenty-four bytes").decode()
CALM_S = 60.0
REPLAYED = 6

_UNDER_WAY = text(
    "select (select count(*) from inbox where status = 'pending') + (select count(*) from calls where status in ('pending', 'running'))"
    " + (select count(*) from outbox where status in ('pending', 'sending'))"
    " + (select count(*) from jobs where status in ('pending', 'running'))"
)


def counting_flow(url: str, mark: str) -> dict[str, Any]:
    """Counts what it is told; the word "look" goes through the shop at `url`."""
    look = {"match": "all", "rows": [{"variable": "word", "operator": "is", "value": "look"}]}
    return flow_of(
        {
            "ask": ("ask_question", {"text": f"And? {mark}", "save_as": "word"}),
            "count": ("set_variables", {"assignments": [{"variable": "count", "value": "{{ (count or 0) + 1 }}"}]}),
            "which": ("branch", {"branches": [{"name": "look", "title": "Look", "when": look}]}),
            "look": ("http_request", {"method": "POST", "url": url, "timeout_s": 30}),
            "seen": ("send_message", {"text": "{{ count }}: {{ word }}"}),
            "unseen": ("send_message", {"text": "{{ count }}: {{ word }}"}),
            "tell": ("send_message", {"text": "{{ count }}: {{ word }}"}),
        },
        [
            ("ask", "next", "count"),
            ("count", "next", "which"),
            ("which", "look", "look"),
            ("which", "otherwise", "tell"),
            ("look", "ok", "seen"),
            ("look", "failed", "unseen"),
            ("seen", "next", "ask"),
            ("unseen", "next", "ask"),
            ("tell", "next", "ask"),
        ],
        variables={"count": {"type": "number", "scope": "flow", "default": 0, "personal": False}},
    )


async def publish_chat(db: Database, shop: Shop, calls: Mood = Mood.FINE) -> Bot:
    """The counting flow behind the chat route."""
    tenant_id = await make_tenant(db)
    return await publish(db, counting_flow(shop.look_url(calls), mark_of(tenant_id)), tenant_id)


async def publish_hook(db: Database, settings: Settings, shop: Shop, mood: Mood = Mood.FINE, calls: Mood = Mood.FINE) -> Bot:
    """The counting flow behind a webhook; the other side takes its messages as `mood` says, and its calls as `calls` says."""
    tenant_id = await make_tenant(db)
    flow = counting_flow(shop.look_url(calls), mark_of(tenant_id))
    bot = await publish(db, flow, tenant_id, kind="webhook", settings={"url": shop.messages_url(tenant_id, mood)})
    async with db.tenant(tenant_id) as conn:
        vault = Vault.open(settings.secret_key_file)
        sealed = await seal_secrets(conn, vault, tenant_id, bot.channel_id, {"signing_secret": SECRET})
        await conn.execute(update(channels).values(secrets_sealed=sealed))
    return bot


@dataclass
class Customers:
    """They write to any of the web processes, and remember what they were told is stored."""

    processes: Processes
    client: httpx.AsyncClient
    accepted: list[str] = field(default_factory=list)
    longest_s: float = 0.0

    async def chat(self, bot: Bot, words: tuple[str, ...] = WORDS) -> UUID:
        """One conversation over the chat route: each message is sent again until it is answered."""
        answer = await self._persist({"channel_id": str(bot.channel_id), "start": True})
        for word in words:
            body = {"channel_id": str(bot.channel_id), "conversation_id": answer["conversation_id"], "text": word}
            answer = {**await self._persist(body, answer["token"]), "token": answer["token"]}
        return UUID(answer["conversation_id"])

    async def hook(self, bot: Bot, contact: str, words: tuple[str, ...] = WORDS) -> None:
        """One conversation over a webhook: each message is delivered until it is taken, and sometimes once more."""
        for number, word in enumerate(words):
            key, taken = f"{contact}-{number}", 0
            while taken < 1 + (random.random() < 0.2):
                taken += await self.deliver(bot, key, contact, word)
                await asyncio.sleep(0.02)

    async def deliver(self, bot: Bot, key: str, contact: str, word: str, patience_s: float = 10.0) -> bool:
        """Deliver a message to the webhook once; whether it was taken."""
        body = {"contact": {"id": contact, "name": mark_of(bot.tenant_id)}, "text": word}
        content, timestamp = msgspec.json.encode(body), str(int(time.time()))
        headers = {"webhook-id": key, "webhook-timestamp": timestamp, "webhook-signature": signature(SECRET, key, timestamp, content)}
        with suppress(httpx.HTTPError):
            address = f"{self.processes.address()}/hooks/webhook/{bot.channel_id}"
            if (await self.client.post(address, content=content, headers=headers, timeout=patience_s)).status_code == 200:
                self.accepted.append(key)
                return True
        return False

    async def _persist(self, body: dict[str, Any], token: str = "") -> dict[str, Any]:
        """Send one message until it is answered. Only 200 and 503 are ever answered, whatever goes wrong behind."""
        key, began = str(uuid4()), time.monotonic()
        body = {**body, "client_message_id": key}
        headers = {"authorization": f"Bearer {token}"} if token else {}
        while True:
            with suppress(httpx.HTTPError):
                url = f"{self.processes.address()}/api/v2/chat/message"
                response = await self.client.post(url, json=body, headers=headers, timeout=30)
                if response.status_code == 200 and response.json()["status"] == "answered":
                    self.accepted.append(key)
                    self.longest_s = max(self.longest_s, time.monotonic() - began)
                    answer: dict[str, Any] = response.json()
                    return answer
                assert response.status_code in (200, 503), response.text
            await asyncio.sleep(0.1 + random.random() * 0.2)


def many_connections() -> httpx.AsyncClient:
    """A client for many customers: each of their messages comes over a connection of its own."""
    return httpx.AsyncClient(limits=httpx.Limits(max_connections=64, max_keepalive_connections=0))


async def until_calm(db: Database, bots: list[Bot], patience_s: float = CALM_S) -> float:
    """Wait until nothing is under way any more, or long enough; the seconds it took."""
    began = time.monotonic()
    while time.monotonic() - began < patience_s:
        left = 0
        for bot in bots:
            async with db.tenant(bot.tenant_id) as conn:
                left += await conn.scalar(_UNDER_WAY) or 0
        if left == 0:
            break
        await asyncio.sleep(0.2)
    return time.monotonic() - began


async def check_transcripts(db: Database, bot: Bot, conversations: int, words: tuple[str, ...] = WORDS) -> None:
    """Everything that was said was heard once, in order, and answered once."""
    ask = ("out", f"And? {mark_of(bot.tenant_id)}")
    async with db.tenant(bot.tenant_id) as conn:
        rows = await conn.execute(select(messages).order_by(messages.c.conversation_id, messages.c.seq))
        said: dict[UUID, list[tuple[str, str]]] = {}
        for row in rows:
            said.setdefault(row.conversation_id, []).append((row.direction, row.body["text"]))
        assert len(said) == conversations
        rounds = [[("in", word), ("out", f"{count}: {word}"), ask] for count, word in enumerate(words, start=1)]
        by_chat = [ask] + [line for lines in rounds for line in lines]
        by_hook = [("in", words[0]), ask] + [
            line for count, word in enumerate(words[1:], start=1) for line in [("in", word), ("out", f"{count}: {word}"), ask]
        ]
        assert {tuple(lines) for lines in said.values()} <= {tuple(by_chat), tuple(by_hook)}
        for conversation_id in list(said)[:REPLAYED]:
            assert (await replay(conn, bot.tenant_id, conversation_id)).differences == ()
