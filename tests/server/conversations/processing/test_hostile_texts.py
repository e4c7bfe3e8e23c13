"""Texts that were made to do harm go through every stage for texts: none fails, none takes long, none lets anything unseen through."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path

from flow_runtime import Message
from server.conversations.processing.about import stages
from server.conversations.processing.contract import Aids
from server.conversations.processing.plan import plan_of
from server.conversations.processing.run import NotLetThrough, process
from server.kit.http import OutboundClient
from server.kit.names import is_turned

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ROWS = [json.loads(line) for line in (Path(__file__).parents[3] / "data" / "api_json.jsonl").read_text().splitlines()]
LONG = 4_000
HOSTILE = [
    *(str(row["input"].get("raw", row["input"])) for row in ROWS),
    "a" * LONG,
    "a!" * (LONG // 2),
    "(" * LONG,
    ">" * LONG,
    "-- \n" * (LONG // 4),
    "1" * LONG,
    "1 " * (LONG // 2),
    "4111 1111 1111 111 " * (LONG // 19),
    "http://" * (LONG // 7),
    "https://x.example/?" + "utm_a=1&" * (LONG // 9),
    "a@" * (LONG // 2),
    "a." * (LONG // 2) + "@",
    "Z" + "\u0300" * LONG,
    "\u202e" * 100 + "x",
    "\u200d" * LONG + "x",
    "\U0001f3f4" + "\U000e0067" * LONG,
    "\ud83d" * 100,
    "\x1b[2J\x07\x00".replace("\0", "") * 500 + "x",
    "\ufdfa" * 200,
    "{{ 7 * 7 }} {% for a in b %} ${jndi:ldap://x} <script>alert(1)</script>",
    "'; drop table inbox; --",
    "born " * (LONG // 5),
    "password is " * (LONG // 12),
]
TEXT_STAGES = {about.name: {"on": True} for about in stages() if "text" in about.reads}


async def test_hostile_texts_do_no_harm() -> None:
    plan = plan_of({"processing": TEXT_STAGES}, "text")
    aids = Aids(OutboundClient())
    await process(plan, Message("What is used first is loaded first.", at=AT), aids)
    reasons: list[str] = []
    for text in filter(None, HOSTILE):
        began = time.process_time()
        try:
            after = await process(plan, Message(text, at=AT), aids)
        except NotLetThrough as refused:
            reasons.append(str(refused))
            continue
        assert time.process_time() - began < 5, text[:40]
        assert isinstance(after, Message)
        assert after.annotations is not None
        assert [name for name, found in after.annotations.items() if "error" in found] == [], text[:40]
        assert after.text
        assert not is_turned(after.text)
        assert all(letter.isprintable() or letter in "\n\t" or letter.isspace() or ord(letter) > 127 for letter in after.text)
        after.text.encode()
    assert {"There is nothing to read in this text. Write something."} >= set(reasons)
