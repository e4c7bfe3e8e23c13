"""Work of this room that runs in workers."""

from uuid import UUID

from server.conversations.inbox import ring_doorbell
from server.kit.calls import Tools
from server.kit.counts import count
from server.kit.jobs import GiveUp, Work, job
from server.turns.carry_out import perform
from server.turns.finish_call import claim_call
from server.turns.schedules import run_schedule as run_due_schedule


@job("turns.perform_call", tries=5, timeout_s=8 * 3600.0)
async def perform_call(work: Work, call_id: str) -> None:
    """Perform an outside call and let its conversation go on. The call itself says how long it may take, with all its tries."""
    if call_id.count(":") != 3:
        raise GiveUp(f"not the id of a call: {call_id[:100]}")
    call = await claim_call(work.db, work.tenant_id, call_id)
    if call is None:  # done by somebody else, of another workspace, or its conversation was deleted
        await count(work.resources.redis, work.tenant_id, "job", "nothing_to_do")
        return
    tools = Tools(work.resources)
    try:
        ended = await perform(tools, call)
    finally:
        await tools.close()
    if ended:
        await ring_doorbell(work.resources.redis, work.tenant_id, call.conversation_id, only="turn")


@job("turns.run_schedule", tries=5, timeout_s=8 * 3600.0)
async def run_schedule(work: Work, run_id: str) -> None:
    """Bring a schedule that is due to everybody it is for."""
    await run_due_schedule(work.db, work.resources.redis, work.tenant_id, UUID(run_id))
