"""The checker turns red for each kind of damage it is there to find, and only then."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from uuid import UUID

from sqlalchemy import select, text

from server.conversations.tables import outbox
from server.kit.db import Database
from server.turns.engine import Turns
from tests.faults.invariants import Outside, violations, violations_on
from tests.faults.shop import Made, Sent, mark_of, overlapping
from tests.faults.strangers import log_faults
from tests.server.turns.bots import ECHO, Bot, publish
from tests.server.turns.test_poison import arrive, message

# What a missing safeguard would leave behind -> the promise that must be found broken.
DAMAGES: Sequence[tuple[str, str]] = (
    ("update inbox set status = 'pending' where turn = 1", "I1 an input is still waiting"),
    ("update inbox set turn = 99 where turn = 2", "I1 a processed input has no turn"),
    ("update inbox set status = 'dead', error = 'boom' where turn = 2", "I1 an input ended badly"),
    ("delete from messages where seq = 2", "I3 the numbers of a conversation's messages have a gap"),
    ("update messages set turn = 2 where seq = 1", "I3 a message stands behind one of a later turn"),
    ("delete from turns where turn = 1", "I4 the turns of a conversation have a gap"),
    ("delete from outbox where seq = 2", "I4 a pushed message is not in the outbox"),
    ("delete from events where type = 'turn.taken'", "I4 a turn has not its events"),
    ("update conversations set waiting_for = 'ended'", "I4 the state is not the last turn's"),
    ("update turns set flow_version = 7 where turn = 2", "I8 a conversation changed its version"),
    (
        "insert into jobs (tenant_id, id, name, args, status) select tenant_id, gen_random_uuid(), 'x', '{}', 'pending' from conversations",
        "I12 a job is left",
    ),
    (
        "insert into jobs (tenant_id, id, name, args, status) select tenant_id, gen_random_uuid(), 'x', '{}', 'dead' from conversations",
        "I12 a dead letter has no reason",
    ),
    (
        "with held as (update conversations set lease_until = now() - interval '2 minutes') update inbox set status = 'pending'",
        "I5 a conversation is stuck",
    ),
    (
        "insert into timers (tenant_id, conversation_id, id, due_at) select tenant_id, id, 'x', now() - interval '1 h' from conversations",
        "I11 a timer is late",
    ),
    (
        "insert into calls (tenant_id, id, conversation_id, turn, node_id, kind, payload, timeout_s, due_at)"
        " select tenant_id, 'x', id, 9, 'n', 'integration.call', '{}', 1, now() - interval '1 hour' from conversations",
        "I5 a call is stuck",
    ),
    (
        "insert into calls (tenant_id, id, conversation_id, turn, node_id, kind, payload, timeout_s, status)"
        " select tenant_id, 'x', id, 9, 'n', 'integration.call', '{}', 1, 'done' from conversations",
        "I6 a call was asked for by no turn",
    ),
    ("update outbox set status = 'pending'", "I12 a message is left in the outbox"),
)


async def good(db: Database, turns: Turns) -> tuple[Bot, list[Sent]]:
    """A finished conversation over a channel that is sent its messages, and what arrived there."""
    bot = await publish(db, ECHO, kind="webhook", settings={"url": "http://unused"})
    for number, words in enumerate(("hello", "Grace")):
        accepted = await arrive(db, bot, f"m{number}", "ada", message(words))
        await turns.drain(bot.tenant_id, accepted.conversation_id)
    async with db.tenant(bot.tenant_id) as conn:
        await conn.execute(text("update outbox set status = 'sent'"))
        sent = await conn.execute(select(outbox.c.conversation_id, outbox.c.seq).order_by(outbox.c.seq))
        return bot, [Sent(f"{row.conversation_id}:{row.seq}", bot.tenant_id.hex) for row in sent]


async def test_a_sound_database_has_no_findings_and_each_damage_has_one(db: Database, turns: Turns) -> None:
    bot, delivered = await good(db, turns)
    assert await violations(db, [bot.tenant_id], Outside(delivered)) == []
    for damage, promise in DAMAGES:
        assert any(finding.startswith(promise) for finding in await _with(db, bot, damage, Outside(delivered))), damage
    assert await violations(db, [bot.tenant_id], Outside(delivered)) == []


class _Undo(Exception):
    """Rolls the damage back."""


async def _with(db: Database, bot: Bot, damage: str, outside: Outside) -> list[str]:
    """What the checker finds after `damage`, which is then undone."""
    found: list[str] = []
    with suppress(_Undo):
        async with db.tenant(bot.tenant_id) as conn:
            await conn.execute(text(damage))
            found = await violations_on(conn, bot.tenant_id, outside)
            raise _Undo
    return found


async def test_what_the_outside_saw_is_compared(db: Database, turns: Turns) -> None:
    bot, delivered = await good(db, turns)
    first, second, *rest = delivered
    stray = replace(first, key=f"{first.key.rpartition(':')[0]}:99")
    unheard_of = replace(first, key="nobody:1")
    cases = {
        f"I2 {first.key} was sent 2 times": Outside([first, *delivered]),
        f"I2 {first.key} counts as sent and never arrived": Outside([second, *rest]),
        f"I2 {stray.key} was sent and is not in the outbox": Outside([*delivered, stray]),
        f"I2 {unheard_of.key} was sent and is not in the outbox": Outside([*delivered, unheard_of]),
        f"I3 {first.key} arrived after": Outside([second, first, *rest]),
        "I1 an accepted message is lost: m9": Outside(delivered, accepted=["m0", "m9"]),
        "I6 a call has no idempotency key": Outside(delivered, [Made("", 0.0, 1.0)]),
        f"I7 {first.key} went to the address of {bot.tenant_id.hex} with words": Outside(
            [replace(first, marks=frozenset({"0" * 32})), second, *rest]
        ),
    }
    for words, outside in cases.items():
        found = await violations(db, [bot.tenant_id], outside)
        assert any(finding.startswith(words) for finding in found), (words, found)


def test_calls_that_overlap_are_seen() -> None:
    assert overlapping([Made("a", 0.0, 1.0), Made("b", 0.5, 1.0), Made("a", 1.0, 2.0)]) == []
    assert overlapping([Made("a", 0.5, 2.0), Made("a", 0.0, 1.0)]) == ["a"]


def test_a_log_with_words_of_customers_or_secrets_is_seen(tmp_path: Path) -> None:
    log = tmp_path / "processes.log"
    log.write_text(f"all is well\nhello {mark_of(UUID(int=1))}\nkey whsec_x\n")
    found = log_faults(log, ["whsec_x"])
    assert [finding.partition(" ")[0] for finding in found] == ["I7", "I10"]
