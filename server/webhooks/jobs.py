"""Work of this room that runs in workers."""

from uuid import UUID

from server.kit.jobs import Work, job
from server.webhooks.deliver import attempt_delivery


@job("webhooks.deliver", timeout_s=30.0)
async def deliver(work: Work, delivery_id: str, attempt: int, placed: bool = False) -> None:
    """Tell a webhook of an event; `placed`: the moment is the one that its rate has given to this attempt."""
    await attempt_delivery(work.resources, work.tenant_id, UUID(delivery_id), attempt, placed=placed)
