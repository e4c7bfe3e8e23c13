"""What is read about connected models and their use."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.llm.tables import model_providers, model_usage


async def providers(connection: AsyncConnection, tenant_id: UUID) -> list[Row[Any]]:
    """The connected models, the oldest first."""
    wanted = select(model_providers).where(model_providers.c.tenant_id == tenant_id).order_by(model_providers.c.id)
    return list((await connection.execute(wanted)).all())


async def provider(connection: AsyncConnection, tenant_id: UUID, provider_id: UUID) -> Row[Any] | None:
    """One connected model."""
    wanted = select(model_providers).where(model_providers.c.tenant_id == tenant_id, model_providers.c.id == provider_id)
    return (await connection.execute(wanted)).one_or_none()


async def provider_for(connection: AsyncConnection, tenant_id: UUID, wanted: str | None) -> Row[Any] | None:
    """The connected model that a flow names, by its own name or its model's; the default one when it names none."""
    found = await providers(connection, tenant_id)
    if not wanted:
        return next((row for row in found if row.is_default), None)
    return next((row for row in found if row.name == wanted), None) or next((row for row in found if row.model == wanted), None)


async def usage_page(connection: AsyncConnection, tenant_id: UUID, before: UUID | None, limit: int) -> list[Row[Any]]:
    """Up to `limit` calls of models, the newest first, from the one behind `before` on."""
    wanted = select(model_usage).where(model_usage.c.tenant_id == tenant_id).order_by(model_usage.c.id.desc()).limit(limit)
    return list((await connection.execute(wanted if before is None else wanted.where(model_usage.c.id < before))).all())


async def dearest_call(connection: AsyncConnection, tenant_id: UUID, since: datetime) -> float:
    """What the dearest call of a model has cost since a moment, in US dollars; 0 when none is known to have cost anything."""
    dearest = select(func.max(model_usage.c.cost_usd)).where(model_usage.c.tenant_id == tenant_id, model_usage.c.at >= since)
    return float(await connection.scalar(dearest) or 0)


async def usage_since(connection: AsyncConnection, tenant_id: UUID, since: datetime) -> Row[Any]:
    """Calls, tokens, cost and failed calls since a moment."""
    wanted = select(
        func.count().label("calls"),
        func.count().filter(model_usage.c.outcome != "ok").label("failed"),
        func.coalesce(func.sum(model_usage.c.input_tokens + model_usage.c.output_tokens), 0).label("tokens"),
        func.coalesce(func.sum(model_usage.c.cost_usd), 0).label("cost_usd"),
    ).where(model_usage.c.tenant_id == tenant_id, model_usage.c.at >= since)
    return (await connection.execute(wanted)).one()
