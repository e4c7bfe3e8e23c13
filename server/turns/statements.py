"""The turn's own statements: one that reads, one that claims, each for many conversations of one tenant at once (commit.py: that writes).

They are built for the plain asyncpg pool of the hot path, whose connections keep one plan for each (see SESSION). A plan made while the
tables were small must not survive as a scan over all that a tenant has, so their form leaves the planner nothing but the whole keys:
what is looked up stands on the right of an outer join. `$1` is the tenant in all of them. Each says itself whose rows it may see (SCOPE),
so that it needs no transaction around it: one statement, one round trip.
"""

SESSION = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_material": "off",
    "enable_memoize": "off",
    "enable_bitmapscan": "off",
}

# Makes the join of a merge an outer one: with an action for rows that match nothing, the given rows have to be read first.
DRIVEN_BY_ROWS = "when not matched and false then insert default values"

# Opens the tenant's rows to row-level security until the statement's own transaction ends. What leads to a table has to be read from it
# first; before that, no row is there.
SCOPE = "scope as materialized (select set_config('app.tenant_id', $1::uuid::text, true) as tenant)"

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
