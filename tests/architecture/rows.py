"""A tenant with one row in every table, made from the tables themselves, so that a new table is covered without being listed."""

import hashlib
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Float, Integer, LargeBinary, Numeric, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from server.kit.db import Database, metadata
from server.kit.ids import uuid7

CANARY = "canary-of-the-other-tenant"
FAR = datetime(2099, 1, 1, tzinfo=UTC)
# Where the type alone does not say what is allowed. Work is finished, so that nothing in the background picks it up.
SPECIAL: dict[str, Any] = {
    "members.role": "editor",
    "members.email": f"{CANARY}@example.com",
    "jobs.status": "done",
    "rollups.last_tx": 1,
    "event_readers.last_tx": 1,
}
BY_TYPE: list[tuple[type[Any], Any]] = [
    (Uuid, None),
    (JSONB, {"text": CANARY}),
    (ARRAY, []),
    (Boolean, False),
    (DateTime, FAR),
    (BigInteger, 1),
    (Integer, 1),
    (Numeric, 1),
    (Float, 1.0),
    (LargeBinary, CANARY.encode()),
    (Text, CANARY),
]


class TenantRows:
    """The rows of one tenant; `row("flows")` makes a flow and everything it hangs on when there is none yet."""

    def __init__(self, db: Database, tenant_id: UUID | None = None) -> None:
        self.db = db
        self.tenant_id = tenant_id or uuid7()
        self._rows: dict[str, dict[str, Any]] = {}

    async def fill_every_table(self) -> None:
        """A row in each table there is."""
        for table in metadata.sorted_tables:
            await self.row(table.name)

    async def row(self, name: str) -> dict[str, Any]:
        """The tenant's row of a table."""
        if name not in self._rows:
            table = metadata.tables[name]
            if name != "tenants":
                await self.row("tenants")
            values = await self.values_for(table)
            async with self.db.tenant(self.tenant_id) as connection:
                made = await connection.execute(table.insert().values(values).returning(*table.columns))
            self._rows[name] = dict(made.mappings().one())
        return self._rows[name]

    async def values_for(self, table: Table) -> dict[str, Any]:
        """Values of a row that fits: parents exist, everything obligatory is there."""
        values: dict[str, Any] = {column.name: _value_of(column) for column in table.columns if _is_needed(column)}
        values["tenant_id"] = self.tenant_id
        for key in (key for key in table.foreign_key_constraints if key.referred_table is not table):
            parent = await self.row(key.referred_table.name)
            values |= {element.parent.name: parent[element.column.name] for element in key.elements}
        return values

    async def snapshot(self) -> dict[str, str]:
        """What each table holds of this tenant, as a fingerprint; empty when it holds nothing."""
        found: dict[str, str] = {}
        async with self.db.tenant(self.tenant_id) as connection:
            for name in metadata.tables:
                rows = (await connection.execute(text(f"select t::text from {name} t order by 1"))).scalars().all()
                found[name] = hashlib.sha256("\n".join(rows).encode()).hexdigest() if rows else ""
        return found


def _is_needed(column: Column[Any]) -> bool:
    if column.computed is not None:
        return False
    special = f"{column.table.name}.{column.name}" in SPECIAL
    return special or isinstance(column.type, Text) or (not column.nullable and column.server_default is None and column.identity is None)


def _value_of(column: Column[Any]) -> Any:
    name = f"{column.table.name}.{column.name}"
    if name in SPECIAL:
        return SPECIAL[name]
    for type_, value in BY_TYPE:
        if isinstance(column.type, type_):
            return uuid7() if type_ is Uuid else value
    raise AssertionError(f"say in BY_TYPE or SPECIAL what a row of {name} may hold")
