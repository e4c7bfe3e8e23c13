"""Five tries to sign in per account and address in fifteen minutes; then even the right password has to wait.

A try is counted before the password is looked at, so tries at the same moment count too. Redis counts for every address that
was typed, known or not; PostgreSQL counts for known members in a transaction of its own, which survives a loss of Redis.
"""

import asyncio
import hashlib
import hmac
import ipaddress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from litestar.connection import ASGIConnection
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import case, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from server.kit.clock import now
from server.kit.db import Database
from server.kit.errors import Problem
from server.security.tables import sign_in_failures

TRIES = 5
TRIES_FROM_ANYWHERE = 100
WINDOW = timedelta(minutes=15)
_TIMEOUT_S = 1.0
_AWAY = (RedisError, OSError, TimeoutError)


def address_of(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """The network address that counts: IPv6 by the /64 a customer usually gets."""
    client = connection.scope.get("client")
    try:
        address = ipaddress.ip_address(client[0] if client else "")
    except ValueError:
        return "unknown"
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else str(address)


def counter(key: bytes, *parts: str) -> str:
    """Name of a counter in Redis that tells nothing about what it counts."""
    return f"tries:{hmac.digest(key, chr(31).join(parts).encode(), hashlib.sha256).hex()[:32]}"


async def count_in_redis(redis: Redis, name: str, limit: int = TRIES) -> None:
    """One more try; raises 429 behind the limit. Counts nothing while Redis is away."""
    try:
        async with asyncio.timeout(_TIMEOUT_S), redis.pipeline() as pipe:
            pipe.set(name, 0, ex=int(WINDOW.total_seconds()), nx=True)
            pipe.incr(name)
            pipe.ttl(name)
            _, tries, seconds = await pipe.execute()
    except _AWAY:
        return
    if tries > limit:
        raise too_many_tries(seconds)


async def forget_in_redis(redis: Redis, name: str) -> None:
    """The counter starts again, after a success."""
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            await redis.delete(name)
    except _AWAY:
        pass  # it runs out by itself


async def count_for_member(db: Database, tenant_id: UUID, member_id: UUID, address: str) -> None:
    """One more try on this member, committed at once; raises 429 behind the limit."""
    at = now()
    table = sign_in_failures.c
    over = table.first_at <= at - WINDOW
    counted = insert(sign_in_failures).values(tenant_id=tenant_id, member_id=member_id, address=address, failures=1, first_at=at)
    counted = counted.on_conflict_do_update(
        index_elements=[table.tenant_id, table.member_id, table.address],
        set_={"failures": case((over, 1), else_=table.failures + 1), "first_at": case((over, at), else_=table.first_at)},
    )
    mine = (table.tenant_id == tenant_id, table.member_id == member_id)
    async with db.tenant(tenant_id) as connection:
        row = (await connection.execute(counted.returning(table.failures, table.first_at))).one()
        anywhere = await connection.scalar(select(func.sum(table.failures)).where(*mine, table.first_at > at - WINDOW))
    if row.failures > TRIES or (anywhere or 0) > TRIES_FROM_ANYWHERE:
        raise too_many_tries(_seconds_left(row.first_at, at))


async def forget_for_member(db: Database, tenant_id: UUID, member_id: UUID, address: str) -> None:
    """The member's counters of this address, and those run out, are dropped after a success."""
    table = sign_in_failures.c
    mine = (table.tenant_id == tenant_id, table.member_id == member_id)
    async with db.tenant(tenant_id) as connection:
        await connection.execute(delete(sign_in_failures).where(*mine, (table.address == address) | (table.first_at <= now() - WINDOW)))


def too_many_tries(seconds: int) -> Problem:
    """429 with the time to wait."""
    wait = max(1, seconds)
    sentence = f"Too many tries. Wait {-(-wait // 60)} min and try again."
    return Problem(429, "too_many_tries", sentence, headers={"Retry-After": str(wait)})


def _seconds_left(first_at: datetime, at: datetime) -> int:
    return int((first_at + WINDOW - at).total_seconds())
