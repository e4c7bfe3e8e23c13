"""What must be true of the database and of the outside world after any fault. Each finding begins with the number of its promise."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from server.kit.db import Database
from tests.faults.shop import Made, Sent, overlapping


@dataclass(frozen=True)
class Outside:
    """What others saw: messages they took, in order; calls they carried out; keys of messages they were told are stored.

    `dead_letters`: some are to be expected, each with its reason.
    """

    delivered: Sequence[Sent] = ()
    calls: Sequence[Made] = ()
    accepted: Iterable[str] = ()
    dead_letters: bool = False


QUERIES = {
    "I1 an input is still waiting": "select conversation_id, id from inbox where status = 'pending'",
    "I1 an input was stored twice": """
        select channel_id, external_id from inbox where external_id is not null group by 1, 2 having count(*) > 1""",
    "I1 a processed input has no turn": """
        select i.conversation_id, i.id from inbox i left join turns t using (tenant_id, conversation_id, turn)
        where i.status = 'processed' and t.turn is null""",
    "I3 the numbers of a conversation's messages have a gap": """
        select c.id from conversations c where c.last_seq <> (select count(*) from messages m where m.conversation_id = c.id)
        or c.last_seq <> (select coalesce(max(seq), 0) from messages m where m.conversation_id = c.id)""",
    "I3 a message stands behind one of a later turn": """
        select conversation_id, seq from (
            select conversation_id, seq, turn, lag(turn) over (partition by conversation_id order by seq) as before from messages
        ) m where before > turn""",
    "I4 the turns of a conversation have a gap": """
        select c.id from conversations c where c.turn <> (select count(*) from turns t where t.conversation_id = c.id)
        or c.turn <> (select coalesce(max(turn), 0) from turns t where t.conversation_id = c.id)""",
    "I4 a turn has no input": """
        select t.conversation_id, t.turn from turns t left join inbox i using (tenant_id, conversation_id, turn) where i.id is null""",
    "I4 a message has no turn": """
        select m.conversation_id, m.seq from messages m left join turns t using (tenant_id, conversation_id, turn) where t.turn is null""",
    "I4 a pushed message is not in the outbox": """
        select m.conversation_id, m.seq from messages m join conversations c on c.id = m.conversation_id
        join channels h on h.id = c.channel_id and h.kind <> 'web'
        left join outbox o on o.conversation_id = m.conversation_id and o.seq = m.seq where m.direction = 'out' and o.seq is null""",
    "I4 a turn has not its events": """
        select t.conversation_id, t.turn from turns t join conversations c on c.id = t.conversation_id and not c.is_test
        where 1 <> (select count(*) from events e where e.conversation_id = t.conversation_id and e.type = 'turn.taken'
            and (e.props->>'turn')::int = t.turn)""",
    "I4 the state is not the last turn's": """
        select c.id from conversations c join turns t on t.conversation_id = c.id and t.turn = c.turn
        where t.waiting_for is distinct from c.waiting_for""",
    "I5 a conversation is stuck": """
        select c.id from conversations c where c.lease_until < now() - interval '60 seconds'
        and exists (select from inbox i where i.conversation_id = c.id and i.status = 'pending')""",
    "I5 a call is stuck": "select id from calls where status in ('pending', 'running') and due_at < now() - interval '10 seconds'",
    "I6 a call has no answer, or two": """
        select c.id from calls c where c.status in ('done', 'failed')
        and 1 <> (select count(*) from inbox i where i.external_id = 'call:' || c.id)""",
    "I6 a call was asked for by no turn": """
        select c.id from calls c left join turns t using (tenant_id, conversation_id, turn)
        where t.turn is null or not t.effects @> jsonb_build_array(jsonb_build_object('call_id', c.id))""",
    "I8 a conversation changed its version": """
        select conversation_id from turns where flow_version > 0 group by conversation_id having count(distinct flow_version) > 1""",
    "I11 a timer fired more than once, or early": """
        select t.conversation_id, t.id from timers t
        join inbox i on i.conversation_id = t.conversation_id and i.external_id = 'timer:' || t.id
        where (i.input->>'at')::timestamptz < t.due_at or t.status <> 'fired'
        union all
        select conversation_id, input->>'timer_id' from inbox where kind = 'timer_fired' group by 1, 2 having count(*) > 1""",
    "I11 a timer is late": "select conversation_id, id from timers where status = 'waiting' and due_at < now() - interval '60 seconds'",
    "I11 a schedule told somebody twice": """
        select i.conversation_id, r.id from schedule_runs r join inbox i on i.external_id like 'schedule:' || r.id || ':%'
        group by 1, 2 having count(*) > 1""",
    "I12 an event has waited too long": """
        select conversation_id, id from inbox where status = 'early' and received_at < now() - interval '2 days'""",
    "I12 a job is left": "select id, name, status, error from jobs where status in ('pending', 'running')",
    "I12 a message is left in the outbox": """
        select conversation_id, seq, status from outbox where status not in ('sent', 'delivered', 'read', 'failed', 'maybe', 'dead')""",
    "I12 a dead letter has no reason": """
        select 'inbox', id::text from inbox where status = 'dead' and coalesce(error, '') = ''
        union all select 'job', id::text from jobs where status = 'dead' and coalesce(error, '') = ''
        union all select 'outbox', conversation_id || ':' || seq from outbox
        where status in ('dead', 'maybe') and coalesce(error, '') = ''""",
}

# What counts as damage unless dead letters are to be expected.
DEAD_LETTERS = {
    "I1 an input ended badly": "select conversation_id, id, error from inbox where status = 'dead'",
    "I12 a job ended badly": "select id, name, error from jobs where status = 'dead'",
    "I12 a message was given up": "select conversation_id, seq, error from outbox where status = 'dead'",
}


async def violations(db: Database, tenant_ids: Iterable[UUID], outside: Outside | None = None) -> list[str]:
    """Every broken promise, in words."""
    seen, tenants = outside or Outside(), list(tenant_ids)
    found: list[str] = []
    for tenant_id in tenants:
        async with db.tenant(tenant_id) as conn:
            found += await violations_on(conn, tenant_id, seen)
    return found + await _lost(db, tenants, seen)


async def violations_on(conn: AsyncConnection, tenant_id: UUID, outside: Outside) -> list[str]:
    """The same for the tenant of a transaction, but for messages that are lost altogether."""
    queries = QUERIES if outside.dead_letters else QUERIES | DEAD_LETTERS
    found = [f"{promise}: {tuple(row)}" for promise, query in queries.items() for row in await conn.execute(text(query))]
    return found + await _deliveries(conn, tenant_id, outside) + await _calls(conn, outside)


async def _lost(db: Database, tenant_ids: Sequence[UUID], outside: Outside) -> list[str]:
    """What customers were told is stored and is in no inbox."""
    kept: set[str] = set()
    for tenant_id in tenant_ids:
        async with db.tenant(tenant_id) as conn:
            kept |= {_own_part(row.external_id) for row in await conn.execute(text("select external_id from inbox"))}
    return [f"I1 an accepted message is lost: {key}" for key in outside.accepted if key not in kept]


def _own_part(key: str | None) -> str:
    """The sender's own id in an inbox key such as `hook:<id>` or `chat:<conversation>:<id>`."""
    return (key or "").rpartition(":")[2]


async def _deliveries(conn: AsyncConnection, tenant_id: UUID, seen: Outside) -> list[str]:
    outbox = {
        f"{row.conversation_id}:{row.seq}": row.status
        for row in await conn.execute(text("select conversation_id, seq, status from outbox"))
    }
    arrived = [sent for sent in seen.delivered if sent.tenant == tenant_id.hex]
    delivered = [sent.key for sent in arrived]
    there = set(delivered)
    found = [f"I2 {key} was sent and is not in the outbox" for key in dict.fromkeys(delivered) if key not in outbox]
    found += [f"I2 {key} was sent {count} times" for key, count in Counter(delivered).items() if count > 1 and outbox.get(key) != "maybe"]
    found += [f"I2 {key} counts as sent and never arrived" for key, status in outbox.items() if status == "sent" and key not in there]
    found += [f"I7 {sent.key} went to the address of {sent.tenant} with words of another" for sent in arrived if sent.marks - {sent.tenant}]
    return found + _order(delivered)


def _order(delivered: Sequence[str]) -> list[str]:
    found: list[str] = []
    last: dict[str, int] = {}
    for key in dict.fromkeys(delivered):
        conversation, _, seq = key.rpartition(":")
        if int(seq) < last.get(conversation, 0):
            found.append(f"I3 {key} arrived after message {last[conversation]}")
        last[conversation] = int(seq)
    return found


async def _calls(conn: AsyncConnection, seen: Outside) -> list[str]:
    attempts = {row.id: row.attempts for row in await conn.execute(text("select id, attempts from calls"))}
    ours = [call for call in seen.calls if call.key in attempts]
    made = Counter(call.key for call in ours)
    found = [f"I6 call {key} was made {count} times in {attempts[key]} tries" for key, count in made.items() if count > attempts[key]]
    found += [f"I6 call {key} was made twice at the same time" for key in overlapping(ours)]
    return found + ["I6 a call has no idempotency key" for call in seen.calls if not call.key]
