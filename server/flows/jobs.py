"""Work of this room that runs in workers."""

from uuid import UUID

from server.flows.deletion import purge
from server.flows.training import train_model
from server.kit.jobs import Work, job


@job("flows.train_intents", timeout_s=600.0)
async def train_intents(work: Work, flow_id: str, model_hash: str) -> None:
    """Train the classifier of a published version or of a draft under test."""
    await train_model(work.db, work.resources.live, work.tenant_id, UUID(flow_id), model_hash)


@job("flows.purge")
async def purge_flow(work: Work, flow_id: str) -> None:
    """Remove for good a flow that was deleted 30 days ago and not taken back."""
    await purge(work.db, work.tenant_id, UUID(flow_id))
