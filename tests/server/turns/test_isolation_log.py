"""What customers write stays out of the log, also when the database refuses it."""

import logging
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest

from server.kit.db import Database
from server.kit.embedded.postgres import OWNER, EmbeddedPostgres
from server.kit.settings import Settings
from tests.server.turns.bots import ECHO, publish
from tests.server.turns.talk import post, say

SECRET = "my-secret-words"


@pytest.fixture
async def refusing(postgres: EmbeddedPostgres, settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    """The database, by its owner's hand."""
    assert settings.database_url
    connection = await asyncpg.connect(postgres.address(OWNER, urlsplit(settings.database_url).path.lstrip("/")))
    yield connection
    await connection.close()


@pytest.mark.parametrize("table", ["messages", "inbox", "contacts", "conversations"])
async def test_a_refused_row_is_not_written_to_the_log(
    client: httpx.AsyncClient, db: Database, refusing: asyncpg.Connection, caplog: pytest.LogCaptureFixture, table: str
) -> None:
    caplog.set_level(logging.INFO)
    bot = await publish(db, ECHO)
    first = await say(client, bot, start=True)
    await refusing.execute(f"alter table {table} add constraint nothing_more check (false) not valid")
    answers = [await post(client, bot, first, text=SECRET), await post(client, bot, text=SECRET, contact={"id": SECRET, "name": SECRET})]
    assert max(answer.status_code for answer in answers) >= 500
    assert "the database refused it" in caplog.text
    assert [record.getMessage() for record in caplog.records if SECRET in logging.Formatter().format(record)] == []
