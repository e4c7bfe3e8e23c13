"""What conversations of the sample workspace came to must come out the same, byte for byte, whatever is changed in the runtime.

A deliberate change of behaviour makes new files: run the sample, then `chatloom golden FLOW tests/data/golden/<name>.jsonl --tenant ...`.
"""

import json
from pathlib import Path

import httpx
import pytest

from server.kit.db import Database
from server.turns.golden import differences_in, golden_lines
from tests.server.turns.bots import ECHO, publish
from tests.server.turns.talk import say

FILES = sorted((Path(__file__).parents[2] / "data" / "golden").glob("*.jsonl"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_stored_conversations_come_out_the_same(file: Path) -> None:
    lines = file.read_text().splitlines()
    assert len(lines) > 1
    assert list(differences_in(lines)) == []


def test_there_are_golden_files() -> None:
    assert [file.stem for file in FILES] == ["shop_support", "trip_finder"]


async def test_a_file_is_written_from_stored_conversations_and_shows_a_change(client: httpx.AsyncClient, db: Database) -> None:
    bot = await publish(db, ECHO)
    answer = await say(client, bot, start=True, contact={"id": "v1", "name": "Ada"})
    for text in ("Grace", "bye", "again"):
        answer = await say(client, bot, answer, text=text)
    async with db.tenant(bot.tenant_id) as conn:
        lines = await golden_lines(conn, bot.tenant_id, bot.flow_id, 1, 10)
    assert list(differences_in(lines)) == []
    document = json.loads(lines[0])
    document["flow"]["nodes"]["answer"]["settings"]["text"] = "Hello, {{ name }}."
    changed = list(differences_in([json.dumps(document), *lines[1:]]))
    assert [(difference.turn, difference.what) for _, difference in changed] == [(2, "effects")]
