"""Work of this room that runs in workers."""

from uuid import UUID

from server.kit.jobs import Work, job
from server.webhooks.deliver import attempt_delivery


@job("webhooks.deliver", timeout_s=30.0)
async def deliver(work: Work, delivery_id: str, attempt: int) -> None:
    """Tell a webhook of an event."""
    shared = work.resources
    await attempt_delivery(shared.db, shared.vault, shared.http, work.tenant_id, UUID(delivery_id), attempt)
