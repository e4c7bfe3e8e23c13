"""I7 and I10 over everything that is kept: rows with another workspace's words, rows and log lines with what nobody may read there."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from uuid import UUID

import asyncpg

_TABLES = """
select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace order by 1"""

_STRANGERS = """
select distinct t.tenant_id::text as tenant, m[1] as mark
from {table} t, regexp_matches(t::text, 'mark-([0-9a-f]{{32}})', 'g') m
where t.tenant_id = any($1::uuid[]) and m[1] <> replace(t.tenant_id::text, '-', '')"""

# Bytes are shown as hexadecimal digits.
_SECRETS = """
select count(*) from {table} t where t.tenant_id = any($1::uuid[])
and (position($2 in t::text) > 0 or position(encode(convert_to($2, 'UTF8'), 'hex') in t::text) > 0)"""


async def strangers(admin_url: str, tenant_ids: Iterable[UUID], secrets: Sequence[str] = (), log: Path | None = None) -> list[str]:
    """What lies where it must not. `admin_url` is the superuser's: no policy hides anything from the search."""
    tenants = list(tenant_ids)
    found: list[str] = []
    conn = await asyncpg.connect(admin_url)
    try:
        for (table,) in await conn.fetch(_TABLES):
            rows = await conn.fetch(_STRANGERS.format(table=table), tenants)
            found += [f"I7 {table} of {row['tenant']} holds words of {row['mark']}" for row in rows]
            for number, secret in enumerate(secrets):
                if await conn.fetchval(_SECRETS.format(table=table), tenants, secret):
                    found.append(f"I10 {table} holds secret {number} in clear")
    finally:
        await conn.close()
    return found + ([] if log is None else log_faults(log, secrets))


def log_faults(log: Path, secrets: Sequence[str]) -> list[str]:
    """Words of workspaces and their customers, and secrets, are in no log."""
    found: list[str] = []
    for number, line in enumerate(log.read_text(errors="replace").splitlines(), start=1):
        if "mark-" in line:
            found.append(f"I7 line {number} of the log holds words of a conversation")
        if any(secret in line for secret in secrets):
            found.append(f"I10 line {number} of the log holds a secret")
    return found
