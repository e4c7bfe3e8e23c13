"""Training the intent classifier of a set of examples, with progress, in a worker."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import and_, select, update

from server.flows.intents.apart import Apart
from server.flows.intents.examples import CannotTrain
from server.flows.publish import go_live_with_model
from server.flows.tables import intent_models
from server.kit.clock import now
from server.kit.db import Database
from server.kit.live import Live
from server.kit.tasks import end_tasks

_PROGRESS_EVERY_S = 0.4


async def train_model(db: Database, live: Live, tenant_id: UUID, flow_id: UUID, model_hash: str) -> None:
    """Train the model `model_hash` unless it is there, store it and make live what waited for it. Doing it twice does no harm."""
    same = _is(tenant_id, flow_id, model_hash)
    async with db.tenant(tenant_id) as conn:
        row = (await conn.execute(select(intent_models.c.status, intent_models.c.examples).where(same))).one_or_none()
    if row is None:
        return
    if row.status != "trained":
        learned = await _learn(db, live, tenant_id, flow_id, same, row.examples)
        async with db.tenant(tenant_id) as conn:
            await conn.execute(update(intent_models).where(same).values(**learned))
    async with db.tenant(tenant_id) as conn:
        status = await conn.scalar(select(intent_models.c.status).where(same))
        version = await go_live_with_model(conn, tenant_id, flow_id, model_hash) if status == "trained" else None
    await live.publish(tenant_id, f"flow:{flow_id}", {"kind": "training", "status": status, "version": version})


async def _learn(
    db: Database, live: Live, tenant_id: UUID, flow_id: UUID, same: Any, examples: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """The columns of a trained or a failed model."""
    reporter, apart = _Reporter(), Apart()
    watching = asyncio.create_task(_write_progress(db, live, tenant_id, flow_id, same, reporter))
    try:
        model, report = await asyncio.to_thread(apart.train, examples, reporter.hear)
    except CannotTrain as error:
        return {"status": "failed", "error": str(error), "progress_text": ""}
    finally:
        apart.stop()
        await end_tasks(watching)
    return {"status": "trained", "progress": 1.0, "progress_text": "", "model": model, "report": report, "error": None, "trained_at": now()}


class _Reporter:
    """The last word of the thread that trains."""

    def __init__(self) -> None:
        self.share, self.text = 0.0, "Starting"

    def hear(self, share: float, text: str) -> None:
        """Called in the thread."""
        self.share, self.text = share, text


async def _write_progress(db: Database, live: Live, tenant_id: UUID, flow_id: UUID, same: Any, reporter: _Reporter) -> None:
    said: tuple[float, str] | None = None
    while True:
        share, text = reporter.share, reporter.text
        if (share, text) != said:
            said = share, text
            async with db.tenant(tenant_id) as conn:
                await conn.execute(update(intent_models).where(same).values(status="training", progress=share, progress_text=text))
            await live.publish(tenant_id, f"flow:{flow_id}", {"kind": "training", "status": "training", "progress": share, "text": text})
        await asyncio.sleep(_PROGRESS_EVERY_S)


def _is(tenant_id: UUID, flow_id: UUID, model_hash: str) -> Any:
    row = intent_models.c
    return and_(row.tenant_id == tenant_id, row.flow_id == flow_id, row.model_hash == model_hash)
