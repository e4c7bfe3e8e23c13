"""A message that was under way in a process when it died is stored before its turn the next time, and a runner takes it."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select

from server.conversations.inbox import contact_id_of
from server.conversations.tables import inbox
from server.kit.db import Database
from server.kit.settings import Settings
from server.turns import under_way
from server.turns.engine import FLUSHERS
from server.turns.queue import BATCH
from server.turns.runner import Runner
from server.turns.under_way import LOOK_EVERY_S, SUSPECTED_S, UnderWay, mark_of
from tests.server.turns.bots import ECHO, publish
from tests.server.turns.talk import say, texts

HANDS, MOST = 2, 4
ADA, GRACE, EDITH = (uuid4().bytes for _ in range(3))


@pytest.fixture
def mine(tmp_path: Path) -> Iterator[UnderWay]:
    opened = UnderWay(tmp_path, HANDS, MOST)
    opened.open()
    yield opened
    opened.drop()


def another(mine: UnderWay, folder: Path) -> UnderWay:
    """The next process on the same machine."""
    opened = UnderWay(folder, HANDS, MOST)
    opened.open()
    return opened


def test_only_what_was_under_way_at_the_end_is_suspected(mine: UnderWay, tmp_path: Path) -> None:
    with mine.taking([EDITH]):
        pass
    with mine.taking([ADA]), mine.taking([GRACE]):
        assert not another(mine, tmp_path).suspects(ADA)  # it lives
        mine.drop()
    for _ in range(2):  # and it stays so when the next process dies, too
        following = another(mine, tmp_path)
        assert [following.suspects(mark) for mark in (ADA, GRACE, EDITH)] == [True, True, False]
        following.drop()


def test_a_process_that_runs_already_hears_of_it(mine: UnderWay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    running = another(mine, tmp_path)
    assert not running.suspects(ADA)
    with mine.taking([ADA]):
        mine.drop()
    assert not running.suspects(ADA)
    monkeypatch.setattr(running, "_look_at", running._look_at - LOOK_EVERY_S - 1.0)
    assert running.suspects(ADA)


def test_nobody_is_suspected_for_long_or_after_an_end_in_peace(mine: UnderWay, tmp_path: Path) -> None:
    with mine.taking([ADA]):
        mine.drop()
    assert another(mine, tmp_path).suspects(ADA)
    (dead,) = tmp_path.glob("dead-*")
    os.utime(dead, (dead.stat().st_atime, dead.stat().st_mtime - SUSPECTED_S))
    assert not another(mine, tmp_path).suspects(ADA)
    ended = another(mine, tmp_path)
    with ended.taking([GRACE]):
        ended.close()
    assert not another(mine, tmp_path).suspects(GRACE)


def test_a_full_batch_fits(mine: UnderWay, tmp_path: Path) -> None:
    marks = [[uuid4().bytes for _ in range(MOST)] for _ in range(HANDS)]
    with mine.taking(marks[0]), mine.taking(marks[1]):
        mine.drop()
    following = another(mine, tmp_path)
    assert all(following.suspects(mark) for batch in marks for mark in batch)


def test_a_folder_that_cannot_be_written_stops_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()
    without = UnderWay(tmp_path / "file", HANDS, MOST)
    without.open()
    with without.taking([ADA]):
        assert not without.suspects(ADA)
    without.close()
    assert "cannot be written" in caplog.text


async def test_a_suspected_message_is_stored_first_and_a_runner_takes_it(
    client: httpx.AsyncClient, db: Database, settings: Settings, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(under_way, "LOOK_EVERY_S", 0.0)
    bot, first = await publish(db, ECHO), str(uuid4())
    contact_id = contact_id_of(bot.channel_id, f"visitor-{first}")
    died_with(settings, mark_of(None, bot.channel_id, f"chat:{contact_id}:{first}"))
    begun = await say(client, bot, start=True, client_message_id=first)
    died_with(settings, mark_of(UUID(begun["conversation_id"]), bot.channel_id, ""))
    answer = await say(client, bot, begun, text="Ada")
    assert texts(answer) == ["Nice to meet you, Ada (1).", "What is your name?"]
    async with db.tenant(bot.tenant_id) as conn:
        tried = list(await conn.scalars(select(inbox.c.attempts).order_by(inbox.c.id)))
    assert tried == [1, 1]  # counted before the turn was taken; on the fast path nobody counts


def died_with(settings: Settings, mark: bytes) -> None:
    """A process of the installation has died while it took this turn."""
    process = UnderWay(settings.data_dir / "under-way", FLUSHERS, BATCH)
    process.open()
    with process.taking([mark]):
        process.drop()
