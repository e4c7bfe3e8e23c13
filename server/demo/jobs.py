"""Work of this room that runs in workers."""

from uuid import UUID

from server.demo.apart import make_history_apart
from server.demo.history import Wanted, train_sample
from server.demo.seed import HISTORY_JOB
from server.kit.jobs import Work, job


@job(HISTORY_JOB, timeout_s=300.0)
async def make_sample_history(work: Work, flow_id: str, conversations: int) -> None:
    """Make two weeks of conversations with the sample shop."""
    await train_sample(work, UUID(flow_id))
    await make_history_apart(work.resources.settings, Wanted(work.tenant_id, work.job_id, UUID(flow_id), conversations))
