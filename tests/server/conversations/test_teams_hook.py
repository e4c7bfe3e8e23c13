"""Teams at the server's door: who adds the bot is greeted once, calls are answered at once, forged tokens cost the connector nothing."""

from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from litestar import Litestar
from sqlalchemy import select, update

from server.channels.sealed import seal_secrets
from server.channels.tables import channels
from server.conversations.tables import conversations, inbox
from server.kit.db import Database
from server.kit.settings import Settings
from tests.fakes.channels.teams import BOT, CHAT, FakeTeams
from tests.server.turns.bots import ECHO, publish


@pytest.fixture
def provider() -> Iterator[FakeTeams]:
    with FakeTeams() as fake:
        yield fake


@pytest.fixture
async def settings(settings: Settings, provider: FakeTeams) -> Settings:
    """Settings that let the server call the provider."""
    return replace(settings, outbound_allow=settings.outbound_allow | {provider.host})


async def test_it_is_greeted_answered_and_not_fooled(app: Litestar, client: httpx.AsyncClient, db: Database, provider: FakeTeams) -> None:
    bot = await publish(db, ECHO, kind="teams", settings=provider.settings)
    async with db.tenant(bot.tenant_id) as conn:
        sealed = await seal_secrets(conn, app.state.vault, bot.tenant_id, bot.channel_id, provider.secrets)
        await conn.execute(update(channels).where(channels.c.id == bot.channel_id).values(secrets_sealed=sealed))

    async def post(request: httpx.Request, **headers: str) -> httpx.Response:
        return await client.post(f"/hooks/teams/{bot.channel_id}", content=request.read(), headers={**dict(request.headers), **headers})

    another = rsa.generate_private_key(65537, 2048)
    for number in range(3):
        forged = provider.token(key=another)
        assert (await post(provider.writes("hi"), authorization=f"Bearer {forged}")).status_code == 401
        made_up = provider.token(key_id=f"made-up-{number}")
        assert (await post(provider.writes("hi"), authorization=f"Bearer {made_up}")).status_code == 401
    assert len(provider.requests) == 2, "its metadata and its keys, once"

    added = provider.posts(provider.activity(type="conversationUpdate", membersAdded=[{"id": BOT}]))
    pressed = {"action": {"type": "Action.Execute", "verb": "pick", "data": {"choice": "red"}}}
    invoked = provider.posts(provider.activity(type="invoke", name="adaptiveCard/action", value=pressed))
    for _ in range(2):
        assert (await post(added)).status_code == 200
        answer = await post(invoked)
        assert (answer.status_code, answer.json()["statusCode"]) == (200, 200)
    assert (await post(provider.posts(provider.activity(type="invoke", name="nobody/knows")))).status_code == 501
    async with db.tenant(bot.tenant_id) as conn:
        assert [one["kind"] for one in await conn.scalars(select(inbox.c.input).order_by(inbox.c.id))] == ["conversation_started", "choice"]
        assert await conn.scalar(select(conversations.c.reply_place)) == {"service_url": provider.service_url, "conversation": CHAT}
