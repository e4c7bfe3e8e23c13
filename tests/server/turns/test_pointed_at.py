"""Webhooks that only point at something: it is got before it is stored, and what somebody did starts a flow by its event."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from litestar import Litestar
from sqlalchemy import func, select, update

from server.channels.sealed import seal_secrets
from server.channels.tables import channels
from server.conversations.tables import contacts, inbox, messages, outbox
from server.kit.db import Database
from server.kit.settings import Settings
from server.turns.runner import Runner
from tests.fakes.channels.linkedin import FakeLinkedIn
from tests.server.turns.bots import Bot, flow_of, publish
from tests.server.turns.talk import until

LEADS = flow_of(
    {
        "hello": ("send_message", {"text": "Hi!"}),
        "thank": ("send_message", {"text": "{{ lead.answers.first_name }} of {{ contact.attributes.email }} wants {{ lead.form_name }}"}),
    },
    [],
    variables={"lead": {"type": "object"}},
    triggers=[
        {"id": "start", "type": "conversation_start", "node": "hello"},
        {"id": "lead", "type": "event", "name": "lead", "node": "thank", "save_as": "lead"},
    ],
)


@pytest.fixture
def provider() -> Iterator[FakeLinkedIn]:
    with FakeLinkedIn() as fake:
        yield fake


@pytest.fixture
async def settings(settings: Settings, provider: FakeLinkedIn) -> Settings:
    """Settings that let the server call the provider."""
    return replace(settings, outbound_allow=frozenset({provider.host}))


@pytest.fixture
async def bot(app: Litestar, db: Database, provider: FakeLinkedIn) -> Bot:
    bot = await publish(db, LEADS, kind="linkedin", settings=provider.settings)
    async with db.tenant(bot.tenant_id) as conn:
        sealed = await seal_secrets(conn, app.state.vault, bot.tenant_id, bot.channel_id, provider.secrets)
        await conn.execute(update(channels).where(channels.c.id == bot.channel_id).values(secrets_sealed=sealed))
    return bot


async def test_a_lead_starts_the_flow_once_its_answers_are_here(
    client: httpx.AsyncClient, db: Database, bot: Bot, provider: FakeLinkedIn, runner: Runner
) -> None:
    told = provider.lead()

    async def arrives() -> httpx.Response:
        return await client.post(f"/hooks/linkedin/{bot.channel_id}", content=told.content, headers=dict(told.headers))

    async def found(*wanted: Any) -> Any:
        async with db.tenant(bot.tenant_id) as conn:
            return (await conn.execute(select(*wanted))).all()

    provider.away = True
    away = await arrives()
    assert away.status_code == 503
    assert "cannot be got now" in away.text
    assert await found(func.count(inbox.c.id)) == [(0,)], "LinkedIn sends it again: it is stored when it is whole"
    provider.away = False
    assert [(await arrives()).status_code for _ in range(3)] == [200] * 3

    async def refused() -> bool:
        return await found(outbox.c.status) == [("dead",)]

    await until(refused)
    assert [row.body["text"] for row in await found(messages.c.body)] == ["Ada of ada@example.com wants A demo"]
    assert await found(contacts.c.name, contacts.c.attributes) == [("Ada Lovelace", {"email": "ada@example.com"})]
    assert "Nobody can be written to on LinkedIn by their lead" in (await found(outbox.c.error))[0].error
