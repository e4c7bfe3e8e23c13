"""The turn's own statements: one that reads, one that claims, one that writes, each for many conversations of one tenant at once.

They are built for the plain asyncpg pool of the hot path, whose connections always go through the keys (see SESSION): a plan made while
the tables were small must not survive as a scan over big ones. `$1` is the tenant in all of them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

SESSION = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}

_CONVERSATION = """
    c.id, c.channel_id, c.contact_id, c.flow_id, c.flow_version, c.is_test, c.status, c.state::text as state, c.state_version,
    c.waiting_for, c.turn, c.last_seq, c.lease_no, c.ended_at"""

# One row per waiting message: its conversation, its contact, and what became of the same message if it was here before.
READ = f"""
select k.n, {_CONVERSATION},
    coalesce(c.lease_until > now(), false) as leased,
    exists(select from inbox p where p.tenant_id = $1 and p.conversation_id = k.conversation_id and p.status = 'pending') as queue,
    coalesce(own.id, named.id) as contact, coalesce(own.external_id, named.external_id) as contact_external_id,
    coalesce(own.name, named.name) as contact_name, coalesce(own.language, named.language) as contact_language,
    coalesce(own.attributes, named.attributes)::text as contact_attributes,
    f.published_version,
    i.id as seen_id, i.conversation_id as seen_conversation_id, i.input::text as seen_input
from unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::uuid[]) with ordinality
    as k(conversation_id, channel_id, key, contact_external_id, flow_id, n)
left join conversations c on c.tenant_id = $1 and c.id = k.conversation_id
left join contacts own on own.tenant_id = $1 and own.id = c.contact_id
left join contacts named on named.tenant_id = $1 and named.channel_id = k.channel_id and named.external_id = k.contact_external_id
left join flows f on f.tenant_id = $1 and f.id = coalesce(c.flow_id, k.flow_id) and f.deleted_at is null
left join inbox i on i.tenant_id = $1 and i.channel_id = k.channel_id and i.external_id = k.key
order by k.n"""

# Takes the lease of every conversation that is free and has an input it can use now, and counts the try before it is made.
CLAIM = f"""
with free as (
    select c.id, p.id as input_id from conversations c cross join lateral (
        select p.id from inbox p
        where p.tenant_id = $1 and p.conversation_id = c.id and p.status = 'pending'
          and (c.listens or p.kind not in ('message', 'choice', 'attachment'))
        order by p.id limit 1
    ) p
    where c.tenant_id = $1 and c.id = any($2::uuid[]) and (c.lease_until is null or c.lease_until <= now())
    order by c.id for update of c skip locked
),
c as (
    update conversations c set lease_no = c.lease_no + 1, lease_until = now() + make_interval(secs => $3)
    from free where c.tenant_id = $1 and c.id = free.id
    returning c.*, free.input_id
),
i as (
    update inbox i set attempts = i.attempts + 1 from c where i.tenant_id = $1 and i.id = c.input_id
    returning i.conversation_id, i.id, i.input, i.external_id, i.attempts
)
select {_CONVERSATION}, f.published_version, coalesce(h.kind <> 'web', false) as pushes, h.kind as channel,
    o.id as contact, o.external_id as contact_external_id, o.name as contact_name, o.language as contact_language,
    o.attributes::text as contact_attributes,
    i.id as input_id, i.input::text as input, i.external_id as input_key, i.attempts
from c join i on i.conversation_id = c.id
join contacts o on o.tenant_id = $1 and o.id = c.contact_id
left join flows f on f.tenant_id = $1 and f.id = c.flow_id and f.deleted_at is null
left join channels h on h.tenant_id = $1 and h.id = c.channel_id"""

# Ends an input that is not worth a turn, if the lease is still ours.
SETTLE = """
update inbox set status = $3, error = $4, processed_at = $5
where tenant_id = $1 and id = $2 and status = 'pending'
  and exists(select from conversations c where c.tenant_id = $1 and c.id = $6 and c.lease_no = $7)"""

# Notes why a try failed; `$4` takes a try back that was not the input's fault.
NOTE = "update inbox set error = $3, attempts = attempts - $4 where tenant_id = $1 and id = $2 and status = 'pending'"

# What the variables of the whole bot hold.
BOT_VARIABLES = "select held::text as held from bot_variables where tenant_id = $1 and flow_id = $2"

# Gives a lease back without a turn: at once, or after a pause when the same input is to be tried again.
RELEASE = """
update conversations set lease_until = case when $4::float8 > 0 then now() + make_interval(secs => $4) end
where tenant_id = $1 and id = $2 and lease_no = $3"""


@dataclass(frozen=True, slots=True)
class Part:
    """One table's share of a commit: the columns of its rows and what is done with them (`{rows}` stands for the rows)."""

    name: str
    columns: tuple[tuple[str, str], ...]
    sql: str


def _part(name: str, columns: str, sql: str) -> Part:
    pairs = tuple(tuple(column.split()) for column in columns.split(","))
    return Part(name, pairs, sql)  # type: ignore[arg-type]


_GATE = "(r.conversation_id in (select id from done)) is true"
_ROOTS = (
    _part(
        "continued",
        "conversation_id uuid, version int, lease_no int, state jsonb, turn int, last_seq int, waiting_for text, listens bool, status text,"
        " outcome text, flow_version int, at timestamptz",
        """update conversations c set state = r.state, state_version = c.state_version + 1, turn = r.turn, last_seq = r.last_seq,
            waiting_for = r.waiting_for, listens = r.listens, status = r.status, flow_version = r.flow_version,
            lease_until = null, updated_at = r.at,
            outcome = case when c.ended_at is null then coalesce(r.outcome, c.outcome) else c.outcome end,
            ended_at = case when r.status = 'ended' then coalesce(c.ended_at, r.at) else c.ended_at end
        from {rows}
        where c.tenant_id = $1 and c.id = r.conversation_id and c.state_version = r.version and c.lease_no = r.lease_no
        returning c.id""",
    ),
    _part(
        "started",
        "conversation_id uuid, channel_id uuid, contact_id uuid, flow_id uuid, flow_version int, is_test bool, state jsonb, turn int,"
        " last_seq int, waiting_for text, listens bool, status text, outcome text, at timestamptz",
        """insert into conversations (tenant_id, id, channel_id, contact_id, flow_id, flow_version, is_test, state, state_version, turn,
            last_seq, waiting_for, listens, status, outcome, started_at, updated_at, ended_at)
        select $1, r.conversation_id, r.channel_id, r.contact_id, r.flow_id, r.flow_version, r.is_test, r.state, 1, r.turn,
            r.last_seq, r.waiting_for, r.listens, r.status, r.outcome, r.at, r.at, case when r.status = 'ended' then r.at end
        from {rows} returning id""",
    ),
)
_CHILDREN = (
    _part(
        "contacts",
        "id uuid, channel_id uuid, external_id text, name text, language text, attributes jsonb",
        """insert into contacts (tenant_id, id, channel_id, external_id, name, language, attributes)
        select $1, r.id, r.channel_id, r.external_id, r.name, r.language, r.attributes from {rows}
        on conflict (tenant_id, channel_id, external_id) do nothing""",
    ),
    _part(
        "contact_changes",
        "id uuid, name text, language text, attributes jsonb",
        """update contacts c set name = r.name, language = r.language, attributes = r.attributes
        from {rows} where c.tenant_id = $1 and c.id = r.id""",
    ),
    _part(
        "inputs",
        "conversation_id uuid, id uuid, channel_id uuid, external_id text, input jsonb, turn int, turn_order int, at timestamptz",
        f"""insert into inbox (tenant_id, id, conversation_id, channel_id, external_id, input, status, turn, turn_order, received_at,
            processed_at)
        select $1, r.id, r.conversation_id, r.channel_id, r.external_id, r.input, 'processed', r.turn, r.turn_order, r.at, r.at
        from {{rows}} where {_GATE}""",
    ),
    _part(
        "used_inputs",
        "conversation_id uuid, id uuid, status text, turn int, error text, at timestamptz",
        f"""update inbox i set status = r.status, turn = r.turn, turn_order = case when r.turn is not null then 0 end, error = r.error,
            processed_at = r.at
        from {{rows}} where i.tenant_id = $1 and i.id = r.id and {_GATE}""",
    ),
    _part(
        "turns",
        "conversation_id uuid, turn int, flow_version int, path jsonb, effects jsonb, state_digest text, waiting_for text,"
        " failure jsonb, ms float8, at timestamptz",
        f"""insert into turns (tenant_id, conversation_id, turn, flow_version, path, effects, state_digest, waiting_for, failure, ms, at)
        select $1, r.conversation_id, r.turn, r.flow_version, r.path, r.effects, r.state_digest, r.waiting_for, r.failure, r.ms, r.at
        from {{rows}} where {_GATE}""",
    ),
    _part(
        "messages",
        "conversation_id uuid, seq int, turn int, direction text, body jsonb, client_message_id text, at timestamptz",
        f"""insert into messages (tenant_id, conversation_id, seq, turn, direction, body, client_message_id, at)
        select $1, r.conversation_id, r.seq, r.turn, r.direction, r.body, r.client_message_id, r.at from {{rows}} where {_GATE}""",
    ),
    _part(
        "outbox",
        "conversation_id uuid, seq int, channel_id uuid, at timestamptz",
        f"""insert into outbox (tenant_id, conversation_id, seq, channel_id, due_at)
        select $1, r.conversation_id, r.seq, r.channel_id, r.at from {{rows}} where {_GATE}""",
    ),
    _part(
        "events",
        "conversation_id uuid, type text, props jsonb, flow_id uuid, flow_version int, channel_id uuid, at timestamptz",
        f"""insert into events (tenant_id, conversation_id, type, props, flow_id, flow_version, channel_id, at)
        select $1, r.conversation_id, r.type, r.props, r.flow_id, r.flow_version, r.channel_id, r.at from {{rows}} where {_GATE}""",
    ),
    _part(
        "calls",
        "conversation_id uuid, id text, turn int, node_id text, kind text, payload jsonb, timeout_s float8, status text,"
        " due_at timestamptz, lease_until timestamptz, at timestamptz, retry_times int, retry_pause_s float8",
        f"""insert into calls (tenant_id, conversation_id, id, turn, node_id, kind, payload, timeout_s, status, due_at, lease_until,
            created_at, retry_times, retry_pause_s)
        select $1, r.conversation_id, r.id, r.turn, r.node_id, r.kind, r.payload, r.timeout_s, r.status, r.due_at, r.lease_until, r.at,
            r.retry_times, r.retry_pause_s
        from {{rows}} where {_GATE}""",
    ),
    _part(
        "timers",
        "conversation_id uuid, id text, due_at timestamptz",
        f"""insert into timers (tenant_id, conversation_id, id, due_at) select $1, r.conversation_id, r.id, r.due_at
        from {{rows}} where {_GATE}""",
    ),
    _part(
        "cancelled_timers",
        "conversation_id uuid, id text",
        f"""update timers t set status = 'cancelled' from {{rows}}
        where t.tenant_id = $1 and t.conversation_id = r.conversation_id and t.id = r.id and t.status = 'waiting' and {_GATE}""",
    ),
    _part(
        "heard_events",
        "conversation_id uuid, name text",
        f"""update inbox i set status = 'pending', error = null from {{rows}}
        where i.tenant_id = $1 and i.conversation_id = r.conversation_id and i.status = 'early'
            and coalesce(i.input->>'name', i.input->>'trigger_id') = r.name
            and {_GATE}""",
    ),
    _part(
        "bot_variables",
        "conversation_id uuid, flow_id uuid, held jsonb, at timestamptz",
        f"""insert into bot_variables as b (tenant_id, flow_id, held, updated_at)
        select $1, r.flow_id, jsonb_object_agg(v.key, v.value order by r.at), max(r.at)
        from {{rows}} cross join lateral jsonb_each(r.held) v where {_GATE} group by r.flow_id order by r.flow_id
        on conflict (tenant_id, flow_id) do update set held = b.held || excluded.held, updated_at = excluded.updated_at""",
    ),
    _part(
        "bot_variables_used",
        "conversation_id uuid, turn int, held jsonb",
        f"""insert into bot_variables_used (tenant_id, conversation_id, turn, held) select $1, r.conversation_id, r.turn, r.held
        from {{rows}} where {_GATE}""",
    ),
    _part(
        "jobs",
        "conversation_id uuid, id uuid, name text, args jsonb, due_at timestamptz",
        f"""insert into jobs (tenant_id, id, name, args, due_at) select $1, r.id, r.name, r.args, r.due_at from {{rows}} where {_GATE}""",
    ),
)
_PARTS = {part.name: part for part in (*_ROOTS, *_CHILDREN)}


class Commit:
    """The rows of one commit, collected by table, and the one statement that writes them.

    The statement returns the ids of the conversations it wrote. One whose version or lease has moved on meanwhile is left out with all
    its rows; the others are not disturbed.
    """

    def __init__(self) -> None:
        self._rows: dict[str, list[Sequence[Any]]] = {}

    def __bool__(self) -> bool:
        return bool(self._rows)

    def add(self, part: str, *values: Any) -> None:
        """One row, its values in the order of the part's columns."""
        self._rows.setdefault(part, []).append(values)

    def statement(self) -> tuple[str, list[list[Any]]]:
        """The SQL and its parameters after the tenant."""
        names = tuple(name for name in _PARTS if name in self._rows)
        return _compose(names), [list(column) for name in names for column in zip(*self._rows[name], strict=True)]


@lru_cache
def _compose(names: tuple[str, ...]) -> str:
    position = 2
    clauses: dict[str, str] = {}
    for name in names:
        part = _PARTS[name]
        arrays = ", ".join(f"${position + offset}::{kind}[]" for offset, (_, kind) in enumerate(part.columns))
        position += len(part.columns)
        clauses[name] = part.sql.format(rows=f"unnest({arrays}) as r({', '.join(column for column, _ in part.columns)})")
    roots = [part.name for part in _ROOTS if part.name in clauses]
    done = " union all ".join(f"select id from {name}_ids" for name in roots)
    ctes = [f"{name}_ids as ({clauses.pop(name)})" for name in roots] + [f"done as materialized ({done})"]
    ctes += [f"{name}_rows as ({sql})" for name, sql in clauses.items()]
    return "with " + ",\n".join(ctes) + "\nselect id from done"


def column_names(part: str) -> Iterable[str]:
    """The columns of a part's rows."""
    return (column for column, _ in _PARTS[part].columns)
