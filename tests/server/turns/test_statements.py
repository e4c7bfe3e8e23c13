"""The statements of the hot path look every row up by its whole key, whatever the planner believes of the tables' sizes."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from server.kit.claims import CLAIM_JOBS, END_JOBS
from server.kit.db import Database
from server.kit.ids import uuid7
from server.turns.commit import PARTS, statement_of
from server.turns.statements import CLAIM, CLAIM_CALLS, FINISH_CALLS, READ, SAID, STANDING

GROWING = {"conversations", "contacts", "inbox", "timers", "messages", "jobs", "calls"}
EVERY_PART = tuple(PARTS)


@asynccontextmanager
async def hot_connection(db: Database) -> AsyncIterator[Any]:
    async with (await db.open_pool()).acquire() as conn:
        yield conn


async def plan_of(conn: Any, sql: str) -> dict[str, Any]:
    """The plan that is kept for a statement, with the tables as they are now."""
    statement = await conn.prepare(sql)
    others = ", ".join(["null"] * (len(statement.get_parameters()) - 1))
    said = await conn.fetchval(f"explain (format json) execute {statement.get_name()}('{uuid7()}', {others})")
    plan: dict[str, Any] = msgspec.json.decode(said)[0]["Plan"]
    return plan


def scans(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every node that reads a table."""
    if plan.get("Relation Name"):
        yield plan
    for below in plan.get("Plans", ()):
        yield from scans(below)


STATEMENTS = {
    "read": READ,
    "claim": CLAIM,
    "write": statement_of(EVERY_PART),
    "claim jobs": CLAIM_JOBS,
    "end jobs": END_JOBS,
    "claim calls": CLAIM_CALLS,
    "finish calls": FINISH_CALLS,
    "standing": STANDING,
    "said": SAID,
}


@pytest.mark.parametrize("sql", STATEMENTS.values(), ids=STATEMENTS.keys())
async def test_rows_are_found_by_their_keys_while_the_tables_are_empty(db: Database, sql: str) -> None:
    async with hot_connection(db) as conn:
        found = [node for node in scans(await plan_of(conn, sql)) if node["Relation Name"] in GROWING and "Scan" in node["Node Type"]]
    assert found
    for node in found:
        looked_up = node.get("Index Cond", "").replace("tenant_id", "")
        assert "id " in looked_up, f"{node['Relation Name']} is read by {node.get('Index Cond')}, filtered by {node.get('Filter')}"
