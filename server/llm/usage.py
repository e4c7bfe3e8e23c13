"""The ledger: one row for each call of a model, whether it went well or not."""

from decimal import Decimal
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from server.kit.ids import uuid7
from server.llm.messages import ModelFailed, Provider, ReplyResult
from server.llm.tables import model_usage


async def record_usage(
    connection: AsyncConnection,
    tenant_id: UUID,
    provider: Provider,
    result: ReplyResult | ModelFailed,
    *,
    ms: int,
    call_id: str | None = None,
    conversation_id: UUID | None = None,
) -> bool:
    """Write what a call used, in the transaction of its result. The same call again writes nothing and answers False."""
    done = result if isinstance(result, ReplyResult) else None
    failed = result if isinstance(result, ModelFailed) else None
    statement = insert(model_usage).values(
        tenant_id=tenant_id,
        id=uuid7(),
        call_id=call_id,
        conversation_id=conversation_id,
        provider_id=provider.id,
        model=provider.model,
        outcome=failed.kind if failed else "ok",
        input_tokens=done.input_tokens if done else 0,
        output_tokens=done.output_tokens if done else 0,
        cost_usd=Decimal(repr(done.cost_usd)) if done else 0,
        ms=ms,
    )
    written = await connection.execute(statement.on_conflict_do_nothing().returning(model_usage.c.id))
    return written.first() is not None
