"""Customers that do not give up: whole conversations over the chat route and over a webhook, and what must have come of them."""

import asyncio
import base64
import random
import time
from contextlib import suppress
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
from tests.fakes.http import Answering, FakeServer, Request
from tests.faults.processes import Processes
from tests.server.turns.bots import Bot, flow_of, publish

WORDS = ("one", "two", "look", "four")
SECRET = "whsec_" + base64.b64encode(b"a secret of twenty-four bytes").decode()
CALM_S = 60.0


class Shop(FakeServer):
    """Another system: carries out calls and takes messages, and remembers both."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.calls: list[str] = []
        self.delivered: list[str] = []

    async def _answer(self, request: Request, to: Answering) -> None:
        if request.path == "/messages":
            self.delivered.append(request.headers["webhook-id"])
        else:
            self.calls.append(request.headers["idempotency-key"])
            await to.wait(0.02)
        await to.send(200, {"state": "fine"})


def counting_flow(url: str) -> dict[str, Any]:
    """Counts what it is told; the word "look" goes through the shop."""
    look = {"match": "all", "rows": [{"variable": "word", "operator": "is", "value": "look"}]}
    return flow_of(
        {
            "ask": ("ask_question", {"text": "And?", "save_as": "word"}),
            "count": ("set_variables", {"assignments": [{"variable": "count", "value": "{{ (count or 0) + 1 }}"}]}),
            "which": ("branch", {"branches": [{"name": "look", "title": "Look", "when": look}]}),
            "look": ("http_request", {"method": "POST", "url": f"{url}/look", "timeout_s": 30}),
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


async def publish_both(db: Database, settings: Settings, shop: Shop) -> tuple[Bot, Bot]:
    """The counting flow behind the chat route, and behind a webhook."""
    bot = await publish(db, counting_flow(shop.url))
    hooked = await publish(db, counting_flow(shop.url), kind="webhook", settings={"url": f"{shop.url}/messages"})
    async with db.tenant(hooked.tenant_id) as conn:
        vault = Vault.open(settings.secret_key_file)
        sealed = await seal_secrets(conn, vault, hooked.tenant_id, hooked.channel_id, {"signing_secret": SECRET})
        await conn.execute(update(channels).values(secrets_sealed=sealed))
    return bot, hooked


async def chat(client: httpx.AsyncClient, processes: Processes, bot: Bot) -> UUID:
    """One conversation over the chat route: each message is sent again until it is answered."""
    answer = await persist(client, processes, {"channel_id": str(bot.channel_id), "start": True})
    for word in WORDS:
        body = {"channel_id": str(bot.channel_id), "conversation_id": answer["conversation_id"], "text": word}
        await persist(client, processes, body, answer["token"])
    return UUID(answer["conversation_id"])


async def persist(client: httpx.AsyncClient, processes: Processes, body: dict[str, Any], token: str = "") -> dict[str, Any]:
    """Send one message until it is answered. Only 200 and 503 are ever answered, whatever goes wrong behind."""
    body = {**body, "client_message_id": str(uuid4())}
    headers = {"authorization": f"Bearer {token}"} if token else {}
    while True:
        with suppress(httpx.HTTPError):
            response = await client.post(f"{processes.address()}/api/v2/chat/message", json=body, headers=headers, timeout=30)
            if response.status_code == 200 and response.json()["status"] == "answered":
                answer: dict[str, Any] = response.json()
                return answer
            assert response.status_code in (200, 503), response.text
        await asyncio.sleep(0.1 + random.random() * 0.2)


async def hook(client: httpx.AsyncClient, processes: Processes, bot: Bot, contact: str) -> None:
    """One conversation over a webhook: each message is delivered until it is taken, and sometimes once more."""
    for number, word in enumerate(WORDS):
        key = f"{contact}-{number}"
        content = msgspec.json.encode({"contact": {"id": contact}, "text": word})
        taken = 0
        while taken < 1 + (random.random() < 0.2):
            timestamp = str(int(time.time()))
            headers = {"webhook-id": key, "webhook-timestamp": timestamp, "webhook-signature": signature(SECRET, key, timestamp, content)}
            with suppress(httpx.HTTPError):
                address = f"{processes.address()}/hooks/webhook/{bot.channel_id}"
                taken += (await client.post(address, content=content, headers=headers, timeout=10)).status_code == 200
            await asyncio.sleep(0.02)


async def until_calm(db: Database, bots: list[Bot], patience_s: float = CALM_S) -> float:
    """Wait until nothing is under way any more, or long enough; the seconds it took."""
    under_way = text(
        "select (select count(*) from inbox where status = 'pending') + (select count(*) from calls where status in ('pending', 'running'))"
        " + (select count(*) from outbox where status in ('pending', 'sending'))"
        " + (select count(*) from jobs where status in ('pending', 'running'))"
    )
    began = time.monotonic()
    while time.monotonic() - began < patience_s:
        left = 0
        for bot in bots:
            async with db.tenant(bot.tenant_id) as conn:
                left += await conn.scalar(under_way) or 0
        if left == 0:
            break
        await asyncio.sleep(0.5)
    return time.monotonic() - began


async def check_transcripts(db: Database, bot: Bot, conversations: int) -> None:
    """Everything that was said was heard once, in order, and answered once."""
    async with db.tenant(bot.tenant_id) as conn:
        rows = await conn.execute(select(messages).order_by(messages.c.conversation_id, messages.c.seq))
        said: dict[UUID, list[tuple[str, str]]] = {}
        for row in rows:
            said.setdefault(row.conversation_id, []).append((row.direction, row.body["text"]))
        assert len(said) == conversations
        asked = [("out", "And?")]
        rounds = [[("in", word), ("out", f"{count}: {word}"), ("out", "And?")] for count, word in enumerate(WORDS, start=1)]
        by_chat = asked + [line for lines in rounds for line in lines]
        by_hook = [("in", "one"), *asked] + [
            line for count, word in enumerate(WORDS[1:], start=1) for line in [("in", word), ("out", f"{count}: {word}"), ("out", "And?")]
        ]
        assert {tuple(lines) for lines in said.values()} <= {tuple(by_chat), tuple(by_hook)}
        for conversation_id in list(said)[:20]:
            assert (await replay(conn, bot.tenant_id, conversation_id)).differences == ()
