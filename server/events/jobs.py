"""Work of this room that runs in workers."""

from server.events import kafka as kafka  # readers that are given an event again have to be known here
from server.events import streams as streams
from server.events.bad import REPLAY_JOB, replay
from server.kit.jobs import Work, job


@job(REPLAY_JOB, tries=8)
async def replay_event(work: Work, reader: str, event_id: int) -> None:
    """Give an event that was put aside to its reader again."""
    await replay(work.resources, work.tenant_id, reader, event_id)
