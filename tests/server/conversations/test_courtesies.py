"""Read marks and signs of typing, through a channel that has them."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import httpx
import pytest
from litestar import Litestar
from sqlalchemy import select, update

from server.channels.contract import adapter_of
from server.channels.sealed import seal_secrets
from server.channels.tables import channels
from server.conversations import receive
from server.conversations.courtesies import AT_ONCE, Courtesies, overrides
from server.conversations.loops import LoopGuard
from server.conversations.tables import conversations, inbox
from server.kit.counts import counts
from server.kit.db import Database
from server.kit.rates import Rate
from server.kit.settings import Settings
from tests.conversations.published_bot import until
from tests.fakes.channels.whatsapp import FakeWhatsApp
from tests.server.conversations.outboxes import open_conversation
from tests.server.turns.bots import ECHO, Bot, publish


@pytest.fixture
def provider() -> Iterator[FakeWhatsApp]:
    with FakeWhatsApp() as fake:
        yield fake


@pytest.fixture
async def settings(settings: Settings, provider: FakeWhatsApp) -> Settings:
    """Settings that let the server call the provider."""
    return replace(settings, outbound_allow=settings.outbound_allow | {provider.host})


@pytest.fixture
async def bot(app: Litestar, db: Database, provider: FakeWhatsApp) -> Bot:
    """A bot behind the provider."""
    bot = await publish(db, ECHO, kind="whatsapp", settings=provider.settings)
    async with db.tenant(bot.tenant_id) as conn:
        sealed = await seal_secrets(conn, app.state.vault, bot.tenant_id, bot.channel_id, provider.secrets)
        await conn.execute(update(channels).where(channels.c.id == bot.channel_id).values(secrets_sealed=sealed))
    return bot


async def told(found: list[str], *expected: str) -> None:
    async def so_far() -> bool:
        return found == list(expected)

    await until(so_far, f"the provider is told of {expected}")


async def test_what_is_fresh_is_marked_as_read_and_typing_shown_where_it_was_heard(
    client: httpx.AsyncClient, db: Database, bot: Bot, provider: FakeWhatsApp, app: Litestar, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def arrives(request: httpx.Request) -> None:
        answer = await client.post(f"/hooks/whatsapp/{bot.channel_id}", content=request.content, headers=dict(request.headers))
        assert answer.status_code == 200

    first = provider.writes("hello")
    await arrives(first)
    await told(provider.read, "wamid.A1")
    await arrives(first)  # was here before
    nobody = await open_conversation(db, bot, "hello")
    async with db.tenant(bot.tenant_id) as conn:
        [heard] = await conn.scalars(select(conversations.c.id).where(conversations.c.heard_at.is_not(None)))
    for kind, conversation_id in (("whatsapp", nobody), ("webhook", heard), ("whatsapp", heard)):
        app.state.courtesies.typing(kind, bot.tenant_id, conversation_id)
    await told(provider.typing, "wamid.A1")
    async with db.tenant(bot.tenant_id) as conn:
        await conn.execute(
            update(channels).where(channels.c.id == bot.channel_id).values(settings=provider.settings | {"read_marks": "no"})
        )
    await arrives(provider.writes("and now"))
    await app.state.courtesies.stop()
    monkeypatch.setattr(receive, "_loops", LoopGuard(Rate(0.001, 1)))
    for text in ("are you a bot", "are you a bot"):
        await arrives(provider.writes(text))
    async with db.tenant(bot.tenant_id) as conn:
        stored = list(await conn.scalars(select(inbox.c.status).order_by(inbox.c.id)))
    assert stored == ["pending", "pending", "pending", "ignored"], "two bots do not talk to each other for ever"
    assert (await counts(app.state.redis, bot.tenant_id))["webhook", "whatsapp", "loop"] == 1
    assert (provider.read, provider.typing, provider.broken) == (["wamid.A1"] * 2, ["wamid.A1"], [])


async def test_too_many_at_once_are_left_out() -> None:
    courtesies = Courtesies(*[cast(Any, None)] * 3)
    never = asyncio.Event()

    async def wait() -> None:
        await never.wait()

    for _ in range(AT_ONCE + 5):
        courtesies._go(wait)
    assert len(courtesies._tasks) == AT_ONCE
    await courtesies.stop()
    assert courtesies._tasks == set()


def test_a_kind_has_a_courtesy_when_it_says_how() -> None:
    kinds = {kind: adapter_of(kind) for kind in ("whatsapp", "webhook")}
    has = {kind: adapter is not None and overrides(adapter, "mark_read") for kind, adapter in kinds.items()}
    assert has == {"whatsapp": True, "webhook": False}
