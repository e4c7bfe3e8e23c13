"""Ended sessions whose access tokens have not run out yet.

PostgreSQL knows them (sessions.revoked_at); Redis answers quickly. The list in Redis is filled again every minute and after a
loss of Redis; while Redis is away PostgreSQL is asked.
"""

import asyncio
from uuid import UUID

from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import select

from server.kit.clock import now
from server.kit.db import Database
from server.security.tables import sessions
from server.security.tokens import LIFETIME

_READY = "{revoked}:ready"
_FRESH_S = 60
_TIMEOUT_S = 1.0
_LIFETIME_S = int(LIFETIME.total_seconds())
_AWAY = (RedisError, OSError, TimeoutError)

Ended = tuple[UUID, UUID]
"""The tenant and the id of a session that was ended."""


def _key(tenant_id: UUID, session_id: UUID) -> str:
    return f"{{revoked}}:{tenant_id}:{session_id}"


async def is_revoked(db: Database, redis: Redis, tenant_id: UUID, session_id: UUID) -> bool:
    """Whether the session was ended."""
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            ready, found = await redis.mget(_READY, _key(tenant_id, session_id))
    except _AWAY:
        return await _ended(db, tenant_id, session_id)
    if found is not None or ready is not None:
        return found is not None
    await _fill(db, redis)
    return await _ended(db, tenant_id, session_id)


async def block(redis: Redis, *ended: Ended) -> None:
    """Make ended sessions known at once; call it after the commit that ended them."""
    try:
        async with asyncio.timeout(_TIMEOUT_S), redis.pipeline(transaction=False) as pipe:
            for tenant_id, session_id in ended:
                pipe.set(_key(tenant_id, session_id), 1, ex=_LIFETIME_S)
            await pipe.execute()
    except _AWAY:
        pass  # the next filling, within a minute, brings them from PostgreSQL


async def _fill(db: Database, redis: Redis) -> None:
    async with db.sweep() as connection:
        recent = select(sessions.c.tenant_id, sessions.c.id).where(sessions.c.revoked_at > now() - LIFETIME)
        ended = (await connection.execute(recent)).all()
    try:
        async with asyncio.timeout(_TIMEOUT_S), redis.pipeline(transaction=False) as pipe:
            for tenant_id, session_id in ended:
                pipe.set(_key(tenant_id, session_id), 1, ex=_LIFETIME_S)
            pipe.set(_READY, 1, ex=_FRESH_S)
            await pipe.execute()
    except _AWAY:
        pass  # asked again by the next request


async def _ended(db: Database, tenant_id: UUID, session_id: UUID) -> bool:
    async with db.tenant(tenant_id) as connection:
        live = select(sessions.c.id).where(
            sessions.c.tenant_id == tenant_id, sessions.c.id == session_id, sessions.c.revoked_at.is_(None), sessions.c.expires_at > now()
        )
        return await connection.scalar(live) is None
