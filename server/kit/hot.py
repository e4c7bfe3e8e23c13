"""The hot path to the database: single statements on plain connections, and what waits for the same one goes together.

A statement says itself whose rows it may see (SCOPE), so that it needs no transaction around it: one statement, one round trip. Its
connections keep one plan for each (SESSION). A plan made while the tables were small must not survive as a scan over all that a tenant
has, so the form of a statement leaves the planner nothing but whole keys: what is looked up stands on the right of an outer join.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar
from uuid import UUID

from server.kit.db import Database, is_away

MOST = 64

# Makes the join of a merge an outer one: with an action for rows that match nothing, the given rows have to be read first.
DRIVEN_BY_ROWS = "when not matched and false then insert default values"

# Opens the tenant's rows to row-level security until the statement's own transaction ends. What leads to a table has to be read from it
# first; before that, no row is there.
SCOPE = "scope as materialized (select set_config('app.tenant_id', $1::uuid::text, true) as tenant)"

Item = TypeVar("Item")
Result = TypeVar("Result")
Perform = Callable[[Any, UUID, Sequence[Item]], Awaitable[Sequence[Result]]]
"""Does one statement for many items of a tenant on an asyncpg connection: their results, in the same order."""


class Together(Generic[Item, Result]):
    """One kind of statement. The first that comes goes at once; what comes while it is under way goes together after it."""

    def __init__(self, db: Database, perform: Perform[Item, Result]) -> None:
        self._db = db
        self._perform = perform
        self._waiting: dict[UUID, deque[tuple[Item, asyncio.Future[Result]]]] = {}
        self._at_work: dict[UUID, asyncio.Task[None]] = {}

    async def do(self, tenant_id: UUID, item: Item) -> Result:
        """The result for this item; raises what the database said about it."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant_id, deque()).append((item, future))
        if tenant_id not in self._at_work:
            self._at_work[tenant_id] = asyncio.create_task(self._work(tenant_id))
        return await future

    async def _work(self, tenant_id: UUID) -> None:
        waiting = self._waiting[tenant_id]
        try:
            while waiting:
                await self._one(tenant_id, [waiting.popleft() for _ in range(min(MOST, len(waiting)))])
        finally:
            del self._waiting[tenant_id], self._at_work[tenant_id]
            for _, future in waiting:
                future.cancel()

    async def _one(self, tenant_id: UUID, batch: Sequence[tuple[Item, "asyncio.Future[Result]"]]) -> None:
        try:
            async with (await self._db.open_pool()).acquire() as connection:
                results = await self._perform(connection, tenant_id, [item for item, _ in batch])
        except Exception as error:
            if len(batch) > 1 and not is_away(error):  # the one at fault must not disturb the others
                for one in batch:
                    await self._one(tenant_id, [one])
                return
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), result in zip(batch, results, strict=True):
            if not future.done():
                future.set_result(result)


def together(db: Database, perform: Perform[Item, Result]) -> Together[Item, Result]:
    """The one that this process has for `perform` on this database."""
    found: Together[Item, Result] | None = db.shared.get(perform)
    if found is None:
        found = db.shared[perform] = Together(db, perform)
    return found
