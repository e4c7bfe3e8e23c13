"""The rows of a commit, and the one statement that writes them: turns of many conversations of one tenant (`$1`) at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from server.kit.hot import DRIVEN_BY_ROWS, SCOPE

Connection = Any


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
        f"""merge into conversations c using {{rows}} on c.tenant_id = $1 and c.id = r.conversation_id
        when matched and c.state_version = r.version and c.lease_no = r.lease_no then update
        set state = r.state, state_version = c.state_version + 1, turn = r.turn, last_seq = r.last_seq,
            waiting_for = r.waiting_for, listens = r.listens, status = r.status, flow_version = r.flow_version,
            lease_until = null, updated_at = r.at,
            outcome = case when c.ended_at is null then coalesce(r.outcome, c.outcome) else c.outcome end,
            ended_at = case when r.status = 'ended' then coalesce(c.ended_at, r.at) else c.ended_at end
        {DRIVEN_BY_ROWS}
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
        f"""merge into contacts c using {{rows}} on c.tenant_id = $1 and c.id = r.id
        when matched then update set name = r.name, language = r.language, attributes = r.attributes
        {DRIVEN_BY_ROWS}""",
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
        f"""merge into inbox i using (select r.* from {{rows}} where {_GATE}) r on i.tenant_id = $1 and i.id = r.id
        when matched then update set status = r.status, turn = r.turn, turn_order = case when r.turn is not null then 0 end,
            error = r.error, processed_at = r.at
        {DRIVEN_BY_ROWS}""",
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
        f"""merge into timers t using (select r.* from {{rows}} where {_GATE}) r
        on t.tenant_id = $1 and t.conversation_id = r.conversation_id and t.id = r.id
        when matched and t.status = 'waiting' then update set status = 'cancelled'
        {DRIVEN_BY_ROWS}""",
    ),
    _part(
        "heard_events",
        "conversation_id uuid, name text",
        f"""merge into inbox i using (select r.* from {{rows}} where {_GATE}) r
        on i.tenant_id = $1 and i.conversation_id = r.conversation_id
        when matched and i.status = 'early' and coalesce(i.input->>'name', i.input->>'trigger_id') = r.name
        then update set status = 'pending', error = null
        {DRIVEN_BY_ROWS}""",
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
PARTS = {part.name: part for part in (*_ROOTS, *_CHILDREN)}


class transaction:
    """A transaction of one tenant on a connection of the hot path."""

    def __init__(self, conn: Connection, tenant_id: UUID) -> None:
        self._conn = conn
        self._tenant_id = tenant_id

    async def __aenter__(self) -> None:
        await self._conn.execute(f"begin; set local app.tenant_id = '{self._tenant_id}'")

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if not self._conn.is_closed():
            await self._conn.execute("commit" if kind is None else "rollback")


class Reads:
    """Single reads of a tenant's rows on a connection of the hot path."""

    def __init__(self, conn: Connection, tenant_id: UUID) -> None:
        self._conn = conn
        self._tenant_id = tenant_id

    async def fetchrow(self, query: str, *args: Any) -> Any:
        """The first row of a query, in a transaction of its own."""
        async with transaction(self._conn, self._tenant_id):
            return await self._conn.fetchrow(query, *args)


class Commit:
    """The rows of one commit, collected by table, and the one statement that writes them.

    The statement returns the ids of the conversations it wrote. One whose version or lease has moved on meanwhile is left out with all
    its rows; the others are not disturbed.
    """

    def __init__(self) -> None:
        self._rows: dict[str, list[Sequence[Any]]] = {}

    def add(self, part: str, *values: Any) -> None:
        """One row, its values in the order of the part's columns."""
        self._rows.setdefault(part, []).append(values)

    async def write(self, conn: Connection, tenant_id: UUID) -> set[UUID]:
        """Write the rows; the ids of the conversations that were written."""
        if not self._rows:
            return set()
        sql, columns = self.statement()
        return {row["id"] for row in await conn.fetch(sql, tenant_id, *columns)}

    def statement(self) -> tuple[str, list[list[Any]]]:
        """The SQL and its parameters after the tenant."""
        names = tuple(name for name in PARTS if name in self._rows)
        return statement_of(names), [list(column) for name in names for column in zip(*self._rows[name], strict=True)]


@lru_cache
def statement_of(names: tuple[str, ...]) -> str:
    """The SQL that writes rows of these parts, its parameters in the order of the parts and their columns."""
    position = 2
    roots = [part.name for part in _ROOTS if part.name in names]
    given: list[str] = []
    clauses: dict[str, str] = {}
    for name in names:
        part = PARTS[name]
        arrays = ", ".join(f"${position + offset}::{kind}[]" for offset, (_, kind) in enumerate(part.columns))
        position += len(part.columns)
        rows = f"unnest({arrays}) as r({', '.join(column for column, _ in part.columns)})"
        if name in roots:
            given.append(f"{name}_given as materialized (select r.* from scope cross join {rows})")
            rows = f"{name}_given r"
        clauses[name] = part.sql.format(rows=rows)
    done = " union all ".join(f"select id from {name}_ids" for name in roots)
    ctes = [SCOPE, *given, *(f"{name}_ids as ({clauses.pop(name)})" for name in roots), f"done as materialized ({done})"]
    ctes += [f"{name}_rows as ({sql})" for name, sql in clauses.items()]
    return "with " + ",\n".join(ctes) + "\nselect id from done"
