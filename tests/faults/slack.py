"""People who write to a bot in Slack, and what Slack's API took of it: whose words, in which order."""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count

import httpx
from sqlalchemy import text, update

from server.channels.sealed import seal_secrets
from server.channels.tables import channels
from server.kit.db import Database
from server.kit.secrets import Vault
from server.kit.settings import Settings
from tests.fakes.channels.slack import APP, BOT, TEAM, FakeSlack
from tests.faults.load import Customers, counting_flow
from tests.faults.shop import Mood, Sent, Shop, mark_of
from tests.server.turns.bots import Bot, make_tenant, publish

_OUT = text("""
select n.external_id as person, m.conversation_id, m.seq, m.body->>'text' as said from messages m
join conversations c on c.id = m.conversation_id join contacts n on n.id = c.contact_id
where m.direction = 'out' order by m.conversation_id, m.seq""")
_numbers = count(1)


async def publish_slack(db: Database, settings: Settings, shop: Shop, slack: FakeSlack) -> Bot:
    """The counting flow behind Slack."""
    tenant_id = await make_tenant(db)
    about = {**slack.settings, "team_id": TEAM, "app_id": APP, "bot_user_id": BOT}
    flow = counting_flow(shop.look_url(Mood.FINE), mark_of(tenant_id))
    bot = await publish(db, flow, tenant_id, kind="slack", settings=about)
    async with db.tenant(tenant_id) as conn:
        sealed = await seal_secrets(conn, Vault.open(settings.secret_key_file), tenant_id, bot.channel_id, slack.secrets)
        await conn.execute(update(channels).values(secrets_sealed=sealed))
    return bot


@dataclass(frozen=True)
class InSlack:
    """Somebody writes to the bot in a direct message of their own."""

    customers: Customers
    slack: FakeSlack
    bot: Bot
    number: int

    @property
    def person(self) -> str:
        """Slack's name for them."""
        return f"U{self.bot.tenant_id.hex.upper()}{self.number}"

    def says(self, word: str) -> httpx.Request:
        """The event of a message."""
        ts = f"{time.time():.0f}.{next(_numbers):06d}"
        return self.slack.event({"type": "message", "user": self.person, "channel": f"D{self.person}", "text": word, "ts": ts})

    async def talk(self, words: Sequence[str]) -> None:
        """They say one thing after the other; Slack posts each until it is taken."""
        for word in words:
            event = self.says(word)
            while not await self.deliver(event):  # noqa: ASYNC110
                await asyncio.sleep(0.1)

    async def deliver(self, event: httpx.Request, patience_s: float = 10.0) -> bool:
        """Slack posts the event once; whether it was taken."""
        customers = self.customers
        with suppress(httpx.HTTPError):
            address = f"{customers.processes.address()}/hooks/slack/{self.bot.channel_id}"
            answer = await customers.client.post(address, content=event.content, headers=dict(event.headers), timeout=patience_s)
            if answer.status_code == 200:
                customers.accepted.append(json.loads(event.content)["event"]["ts"])
                return True
        return False


async def deliveries(db: Database, bot: Bot, slack: FakeSlack) -> list[Sent]:
    """What Slack took, by the conversations' own numbers; AssertionError unless each person was told everything once and in order."""
    async with db.tenant(bot.tenant_id) as conn:
        rows = (await conn.execute(_OUT)).all()
    wanted = defaultdict(list)
    for row in rows:
        wanted[f"D{row.person}"].append(row.said)
    taken: dict[str, list[str]] = {channel: [] for channel in wanted}
    for call in slack.calls:
        if call["channel"] in taken:
            taken[call["channel"]].append(call["text"])
    assert taken == wanted
    assert slack.broken == []
    marks = frozenset({bot.tenant_id.hex})
    return [Sent(f"{row.conversation_id}:{row.seq}", bot.tenant_id.hex, marks if "mark-" in row.said else frozenset()) for row in rows]
