"""kill -9 of web, runner and worker at random moments: nothing lost, nothing doubled, everything in order."""

import asyncio
import base64
import random
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest
from sqlalchemy import select, text, update

from server.channels.tables import channels
from server.channels.webhook.adapter import signature
from server.conversations.tables import messages
from server.kit.db import Database
from server.kit.secrets import Vault
from server.kit.settings import Settings
from server.turns.replay import replay
from tests.fakes.http import Answering, FakeServer, Request
from tests.faults.invariants import Outside, violations
from tests.faults.processes import Processes
from tests.server.turns.bots import Bot, flow_of, publish

CHATS = 140
HOOKS = 60
WORDS = ("one", "two", "look", "four")
SECRET = "whsec_" + base64.b64encode(b"a secret of twenty-four bytes").decode()
KILLS = 10
HURRY_S = 60.0
CALM_S = 60.0
PATIENCE_S = 180.0


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


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    with Shop() as server:
        yield server


@pytest.fixture
def settings(settings: Settings, shop: Shop) -> Settings:
    """Settings of processes that may call the shop."""
    Vault.open(settings.secret_key_file)
    return replace(settings, outbound_allow=frozenset({shop.url.removeprefix("http://")}), log_level="warning")


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


async def chat(client: httpx.AsyncClient, processes: Processes, bot: Bot) -> UUID:
    """One conversation over the chat route: each message is sent again until it is answered."""
    answer = await persist(client, processes, {"channel_id": str(bot.channel_id), "start": True})
    for word in WORDS:
        body = {"channel_id": str(bot.channel_id), "conversation_id": answer["conversation_id"], "text": word}
        await persist(client, processes, body, answer["token"])
    return UUID(answer["conversation_id"])


async def persist(client: httpx.AsyncClient, processes: Processes, body: dict[str, Any], token: str = "") -> dict[str, Any]:
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


async def kill_at_random(processes: Processes) -> None:
    """At a random moment somebody who is at work dies, and comes back. One web process is always left: the customers must get on."""
    while True:
        await asyncio.sleep(random.random() * 2)
        ready = processes.ready()
        if len([name for name in ready if name.startswith("web")]) > 1 or random.random() < 0.3:
            processes.kill(random.choice(ready))
        await asyncio.sleep(0.1)
        processes.revive()


async def end(task: "asyncio.Task[None]") -> None:
    """Stop a task and wait until it is over."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def until_calm(db: Database, bots: list[Bot]) -> None:
    """Wait until nothing is under way any more, or long enough."""
    under_way = text(
        "select (select count(*) from inbox where status = 'pending') + (select count(*) from calls where status in ('pending', 'running'))"
        " + (select count(*) from outbox where status in ('pending', 'sending'))"
        " + (select count(*) from jobs where status in ('pending', 'running'))"
    )
    until = time.monotonic() + CALM_S
    while time.monotonic() < until:
        left = 0
        for bot in bots:
            async with db.tenant(bot.tenant_id) as conn:
                left += await conn.scalar(under_way) or 0
        if left == 0:
            return
        await asyncio.sleep(0.5)


@pytest.mark.faults
async def test_two_hundred_conversations_survive_kill_9(settings: Settings, db: Database, shop: Shop, tmp_path: Path) -> None:
    bot = await publish(db, counting_flow(shop.url))
    hooked = await publish(db, counting_flow(shop.url), kind="webhook", settings={"url": f"{shop.url}/messages"})
    async with db.tenant(hooked.tenant_id) as conn:
        vault = Vault.open(settings.secret_key_file)
        sealed = await vault.seal(conn, hooked.tenant_id, "channels", "secrets_sealed", hooked.channel_id, SECRET)
        await conn.execute(update(channels).values(secrets_sealed=sealed))
    processes = Processes(settings, tmp_path / "processes.log")
    processes.start()
    killing = asyncio.create_task(kill_at_random(processes))
    try:
        gate = asyncio.Semaphore(24)
        limits = httpx.Limits(max_connections=48, max_keepalive_connections=0)
        async with httpx.AsyncClient(limits=limits) as client, asyncio.timeout(PATIENCE_S):

            async def one(number: int, work: Any) -> None:
                """The conversations are spread over the kills; a slow machine does not wait for the last of them."""
                while processes.kills < KILLS * number // (CHATS + HOOKS) and time.monotonic() < hurry:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
                async with gate:
                    await work

            hurry = time.monotonic() + HURRY_S
            everybody = [chat(client, processes, bot) for _ in range(CHATS)]
            everybody += [hook(client, processes, hooked, f"contact{n}") for n in range(HOOKS)]
            random.shuffle(everybody)
            await asyncio.gather(*(one(number, work) for number, work in enumerate(everybody)))
        await end(killing)
        processes.revive()
        await until_calm(db, [bot, hooked])
    finally:
        await end(killing)
        processes.stop()
    assert processes.kills >= 3
    outside = Outside(shop.delivered, shop.calls)
    assert await violations(db, [bot.tenant_id, hooked.tenant_id], outside) == [], (tmp_path / "processes.log").read_text()[-4000:]
    await check_transcripts(db, bot, CHATS)
    await check_transcripts(db, hooked, HOOKS)


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
