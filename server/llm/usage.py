"""The ledger: one row for each call of a model, whether it went well or not."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from server.kit.calls import OpenCall
from server.kit.ids import uuid7
from server.llm.messages import ModelFailed, Provider, ReplyResult
from server.llm.tables import model_usage


def told_usage(spent: ReplyResult) -> dict[str, object]:
    """What the event `model.used` tells of a call."""
    return {name: getattr(spent, name) for name in ("model", "input_tokens", "output_tokens", "cost_usd", "ms")}


def note_usage(
    call: OpenCall, provider: Provider | None, result: ReplyResult | ModelFailed, ms: int
) -> Callable[[AsyncConnection], Awaitable[None]]:
    """What writes a flow's call into the ledger, in the transaction that ends it."""

    async def note(conn: AsyncConnection) -> None:
        if provider is not None:
            await record_usage(conn, call.tenant_id, provider, result, ms=ms, call_id=call.try_id, conversation_id=call.conversation_id)

    return note


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
    failed = result if isinstance(result, ModelFailed) else None
    done = result if isinstance(result, ReplyResult) else result.spent
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
