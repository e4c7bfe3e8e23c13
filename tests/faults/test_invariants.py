"""The checker turns red for each kind of damage it is there to find, and only then."""

from collections.abc import Sequence
from contextlib import suppress

from sqlalchemy import select, text

from server.conversations.tables import outbox
from server.kit.db import Database
from server.turns.engine import Turns
from tests.faults.invariants import Outside, violations, violations_on
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
        "insert into jobs (tenant_id, id, name, args, status) select tenant_id, gen_random_uuid(), 'x', '{}', 'dead' from conversations",
        "I12 a job is left",
    ),
)


async def good(db: Database, turns: Turns) -> tuple[Bot, list[str]]:
    """A finished conversation over a channel that is sent its messages, and what arrived there."""
    bot = await publish(db, ECHO, kind="webhook", settings={"url": "http://unused"})
    for number, words in enumerate(("hello", "Grace")):
        accepted = await arrive(db, bot, f"m{number}", "ada", message(words))
        await turns.drain(bot.tenant_id, accepted.conversation_id)
    async with db.tenant(bot.tenant_id) as conn:
        await conn.execute(text("update outbox set status = 'sent'"))
        sent = await conn.execute(select(outbox.c.conversation_id, outbox.c.seq).order_by(outbox.c.seq))
        return bot, [f"{row.conversation_id}:{row.seq}" for row in sent]


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
            found = await violations_on(conn, outside)
            raise _Undo
    return found


async def test_what_the_outside_saw_is_compared(db: Database, turns: Turns) -> None:
    bot, delivered = await good(db, turns)
    first, second, *rest = delivered
    cases = {
        "I2 %s was sent 2 times": [first, *delivered],
        "I2 %s counts as sent and never arrived": [second, *rest],
        "I3 %s arrived after": [second, first, *rest],
    }
    for words, seen in cases.items():
        found = await violations(db, [bot.tenant_id], Outside(seen))
        assert any(finding.startswith(words % first) for finding in found), (words, found)
    stray = f"{first.rpartition(':')[0]}:99"
    assert await violations(db, [bot.tenant_id], Outside([*delivered, stray])) == [f"I2 {stray} was sent and is not in the outbox"]
