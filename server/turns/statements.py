"""The turn's own statements: one that reads, one that claims, each for many conversations of one tenant at once (commit.py: that writes).

How their form keeps the planner to whole keys is told in server/kit/hot.py. `$1` is the tenant in all of them.
"""

from server.kit.hot import DRIVEN_BY_ROWS, SCOPE

_CONVERSATION = """
    c.id, c.channel_id, c.contact_id, c.flow_id, c.flow_version, c.is_test, c.status, c.state::text as state, c.state_version,
    c.waiting_for, c.turn, c.last_seq, c.lease_no, c.ended_at"""

# One row per waiting message: its conversation, its contact, and what became of the same message if it was here before.
READ = f"""
with {SCOPE},
k as materialized (
    select r.* from scope cross join unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::uuid[]) with ordinality
        as r(conversation_id, channel_id, key, contact_external_id, flow_id, n)
)
select k.n, {_CONVERSATION},
    coalesce(c.lease_until > now(), false) as leased, p.id is not null as queue,
    coalesce(own.id, named.id) as contact, coalesce(own.external_id, named.external_id) as contact_external_id,
    coalesce(own.name, named.name) as contact_name, coalesce(own.language, named.language) as contact_language,
    coalesce(own.attributes, named.attributes)::text as contact_attributes,
    case when f.deleted_at is null then f.published_version end as published_version,
    i.id as seen_id, i.conversation_id as seen_conversation_id, i.input::text as seen_input
from k
left join conversations c on c.tenant_id = $1 and c.id = k.conversation_id
left join contacts own on own.tenant_id = $1 and own.id = c.contact_id
left join contacts named on named.tenant_id = $1 and named.channel_id = k.channel_id and named.external_id = k.contact_external_id
left join flows f on f.tenant_id = $1 and f.id = coalesce(c.flow_id, k.flow_id)
left join inbox i on i.tenant_id = $1 and i.channel_id = k.channel_id and i.external_id = k.key
left join lateral (
    select p.id from inbox p where p.tenant_id = $1 and p.conversation_id = k.conversation_id and p.status = 'pending'
    order by p.id limit 1
) p on true
order by k.n"""

# Takes the lease of every conversation that is free and has an input it can use now, and counts the try before it is made. One whose oldest
# input is still being processed waits for that: what came later must not overtake it. A row that is
# locked cannot stand in an outer join: there `between` and `order by` make the primary key the cheapest index even of an empty table.
CLAIM = f"""
with {SCOPE},
k as materialized (select r.id from scope cross join unnest($2::uuid[]) as r(id)),
free as materialized (
    select f.id, f.input_id from k cross join lateral (
        select c.id, p.id as input_id from conversations c cross join lateral (
            select p.id, p.ready_at from inbox p
            where p.tenant_id = $1 and p.conversation_id = k.id and p.status = 'pending'
              and (c.listens or p.kind not in ('message', 'choice', 'attachment'))
            order by p.id limit 1
        ) p
        where c.tenant_id = $1 and c.id between k.id and k.id and (c.lease_until is null or c.lease_until <= now())
          and (p.ready_at is null or p.ready_at <= now())
        order by c.id limit 1 for update of c skip locked
    ) f
    order by f.id
),
c as (
    merge into conversations c using free on c.tenant_id = $1 and c.id = free.id
    when matched then update set lease_no = c.lease_no + 1, lease_until = now() + make_interval(secs => $3)
    {DRIVEN_BY_ROWS}
    returning c.*, free.input_id
),
i as (
    merge into inbox i using c on i.tenant_id = $1 and i.id = c.input_id
    when matched then update set attempts = i.attempts + 1
    {DRIVEN_BY_ROWS}
    returning i.conversation_id, i.id, i.input, i.external_id, i.attempts
)
select {_CONVERSATION}, case when f.deleted_at is null then f.published_version end as published_version,
    coalesce(h.kind <> 'web', false) as pushes, h.kind as channel, (h.settings->'fast_lane')::text as lane,
    o.id as contact, o.external_id as contact_external_id, o.name as contact_name, o.language as contact_language,
    o.attributes::text as contact_attributes,
    i.id as input_id, i.input::text as input, i.external_id as input_key, i.attempts
from c join i on i.id = c.input_id
left join contacts o on o.tenant_id = $1 and o.id = c.contact_id
left join flows f on f.tenant_id = $1 and f.id = c.flow_id
left join channels h on h.tenant_id = $1 and h.id = c.channel_id"""

# Ends an input that is not worth a turn, if the lease is still ours.
SETTLE = """
update inbox set status = $3, error = $4, processed_at = $5
where tenant_id = $1 and id = $2 and status = 'pending'
  and exists(select from conversations c where c.tenant_id = $1 and c.id = $6 and c.lease_no = $7)"""

# Notes why a try failed; `$4` takes a try back that was not the input's fault.
NOTE = "update inbox set error = $3, attempts = attempts - $4 where tenant_id = $1 and id = $2 and status = 'pending'"

# What the variables of the whole bot hold.
BOT_VARIABLES = f"""
with {SCOPE}
select b.held::text as held from scope left join bot_variables b on b.tenant_id = $1 and b.flow_id = $2"""

# Gives a lease back without a turn: at once, or after a pause when the same input is to be tried again.
RELEASE = """
update conversations set lease_until = case when $4::float8 > 0 then now() + make_interval(secs => $4) end
where tenant_id = $1 and id = $2 and lease_no = $3"""

# Takes the lease of calls that nobody performs now, and counts the try.
CLAIM_CALLS = f"""
with {SCOPE},
k as materialized (select r.id from scope cross join unnest($2::text[]) as r(id))
merge into calls c using k on c.tenant_id = $1 and c.id = k.id
when matched and c.status in ('pending', 'running') and (c.lease_until is null or c.lease_until <= $3) then update
set status = 'running', attempts = c.attempts + 1, lease_no = c.lease_no + 1, lease_until = $3 + make_interval(secs => $4)
{DRIVEN_BY_ROWS}
returning c.id, c.conversation_id, c.kind, c.payload::text as payload, c.timeout_s::float8 as timeout_s, c.due_at, c.attempts, c.lease_no,
    c.retry_times, c.retry_pause_s::float8 as retry_pause_s"""

# Ends calls whose lease is still ours: each result is an input of its conversation, and an event unless the conversation is a test.
FINISH_CALLS = f"""
with {SCOPE},
k as materialized (
    select r.* from scope cross join unnest($2::text[], $3::int[], $4::text[], $5::jsonb[], $6::int[], $7::timestamptz[], $8::uuid[],
        $9::jsonb[], $10::jsonb[], $11::jsonb[]) as r(id, lease_no, status, result, ms, at, input_id, input, told, usage)
),
closed as (
    merge into calls c using k on c.tenant_id = $1 and c.id = k.id
    when matched and c.lease_no = k.lease_no and c.status in ('pending', 'running') then update
    set status = k.status, result = k.result, ms = k.ms, lease_until = null, finished_at = k.at
    {DRIVEN_BY_ROWS}
    returning c.conversation_id, k.id, k.at, k.input_id, k.input, k.told, k.usage
),
placed as (
    select closed.*, v.channel_id, v.flow_id, v.flow_version, coalesce(v.is_test, true) as is_test
    from closed left join conversations v on v.tenant_id = $1 and v.id = closed.conversation_id
),
stored as (
    insert into inbox (tenant_id, id, conversation_id, channel_id, external_id, input, received_at)
    select $1, input_id, conversation_id, channel_id, 'call:' || id, input, at from placed
    on conflict do nothing
),
noted as (
    insert into events (tenant_id, type, props, conversation_id, flow_id, flow_version, channel_id)
    select $1, e.type, e.props, conversation_id, flow_id, flow_version, channel_id
    from placed cross join lateral (values ('call.finished', told), ('model.used', usage)) as e(type, props)
    where not is_test and e.props is not null
)
select id from closed"""

# How stored messages and their conversations stand, one row for each, and where the next message's turn begins.
STANDING = f"""
with {SCOPE},
k as materialized (
    select r.* from scope cross join unnest($2::uuid[], $3::uuid[]) with ordinality as r(conversation_id, inbox_id, n)
)
select k.n, i.status, i.turn, c.contact_id, c.waiting_for, c.turn as newest_turn, later.turn as next_turn
from k
left join inbox i on i.tenant_id = $1 and i.id = k.inbox_id and i.conversation_id = k.conversation_id
left join conversations c on c.tenant_id = $1 and c.id = k.conversation_id
left join lateral (
    select min(m.turn) as turn from messages m
    where m.tenant_id = $1 and m.conversation_id = k.conversation_id and m.direction = 'in' and m.turn > i.turn
) later on true
order by k.n"""

# What was said in some turns of conversations: from one on, before another.
SAID = f"""
with {SCOPE},
k as materialized (
    select r.* from scope cross join unnest($2::uuid[], $3::int[], $4::int[]) with ordinality as r(conversation_id, turn, before_turn, n)
)
select k.n, m.seq, m.direction, m.body::text as body, m.at, m.client_message_id
from k left join messages m
    on m.tenant_id = $1 and m.conversation_id = k.conversation_id and m.turn >= k.turn and m.turn < k.before_turn
order by k.n, m.seq"""
