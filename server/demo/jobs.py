"""Work of this room that runs in workers."""

from uuid import UUID

from server.demo.history import make_history
from server.demo.seed import HISTORY_JOB
from server.flows.library import library
from server.kit.jobs import Work, job
from server.turns.versions import Versions


@job(HISTORY_JOB, timeout_s=300.0)
async def make_sample_history(work: Work, flow_id: str, conversations: int) -> None:
    """Make two weeks of conversations with the sample shop."""
    await make_history(work, Versions(library), UUID(flow_id), conversations)
