"""A deleted flow is kept for 30 days, then it goes with everything that is its own."""

from datetime import timedelta
from uuid import UUID

from litestar import Litestar
from sqlalchemy import func, select, update

from server.flows.deletion import purge
from server.flows.tables import flow_versions, flows
from server.kit.clock import now
from server.kit.tables import jobs
from tests.conftest import Workspace
from tests.server.flows.test_publish import publish
from tests.server.flows.test_routes import hello, imported


async def count(app: Litestar, owner: Workspace) -> tuple[int, int]:
    """(flows, versions) that are stored."""
    async with app.state.db.tenant(owner.tenant_id) as conn:
        found = [await conn.scalar(select(func.count()).select_from(table)) or 0 for table in (flows, flow_versions)]
    return found[0], found[1]


async def test_it_goes_for_good_after_30_days_and_not_before(app: Litestar, owner: Workspace) -> None:
    flow = await imported(owner, hello())
    await publish(owner, flow)
    await owner.client.delete(f"/api/v1/flows/{flow}")
    async with app.state.db.tenant(owner.tenant_id) as conn:
        due = (await conn.execute(select(jobs.c.due_at).where(jobs.c.name == "flows.purge"))).scalar_one()
    assert timedelta(days=29) < due - now() <= timedelta(days=30)
    await purge(app.state.db, owner.tenant_id, UUID(flow))
    assert await count(app, owner) == (1, 1)
    async with app.state.db.tenant(owner.tenant_id) as conn:
        await conn.execute(update(flows).values(deleted_at=now() - timedelta(days=31)))
    assert (await owner.client.post(f"/api/v1/flows/{flow}/restoration")).status_code == 404
    await purge(app.state.db, owner.tenant_id, UUID(flow))
    assert await count(app, owner) == (0, 0)


async def test_a_flow_that_was_taken_back_is_not_removed(app: Litestar, owner: Workspace) -> None:
    flow = await imported(owner, hello())
    await owner.client.delete(f"/api/v1/flows/{flow}")
    await owner.client.post(f"/api/v1/flows/{flow}/restoration")
    await purge(app.state.db, owner.tenant_id, UUID(flow))
    assert await count(app, owner) == (1, 0)
