"""Counts of what happened to a workspace and has no row of its own: kept in Redis, shared by all processes, forgotten with it."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from redis.asyncio import Redis

ANSWER_WITHIN_S = 0.5

log = logging.getLogger(__name__)


async def count(redis: Redis, tenant_id: UUID, *what: str) -> None:
    """Count one more. Never fails: while Redis is away it is only written to the log. The words of `what` hold no colon."""
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            await redis.hincrby(f"counts:{tenant_id}", ":".join(what), 1)
    except Exception as error:
        log.warning("%s is not counted: %r", " ".join(what), error)


async def counts(redis: Redis, tenant_id: UUID) -> Mapping[tuple[str, ...], int]:
    """Everything that was counted, by its words; empty while Redis is away."""
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            found: Mapping[Any, Any] = await redis.hgetall(f"counts:{tenant_id}")
    except Exception as error:
        log.warning("the counts cannot be read: %r", error)
        return {}
    return {tuple(what.decode().split(":")): int(number) for what, number in found.items()}
