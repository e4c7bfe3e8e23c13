"""Carries out what a flow asked for and could not be answered at once: under a lease, within its time, as often as the flow allows."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from server.kit import clock
from server.kit.calls import CallEnd, CallFailed, OpenCall, Performing, Tools
from server.kit.jobs import Resources
from server.kit.tasks import asked_to_stop
from server.turns.finish_call import finish_call, give_call_back, renew_call
from server.turns.kinds import performer_of, what_is_missing
from server.turns.rows import LEASE_S

OVERTIME_S = 1.0

log = logging.getLogger(__name__)


async def perform(tools: Tools, call: OpenCall) -> bool:
    """Perform a call under its lease and store its end; False when the lease was lost on the way."""
    resources = tools.resources
    doing = asyncio.ensure_future(try_until_done(tools, call))
    renewing = asyncio.create_task(_renew(resources, call, doing))
    try:
        end = await doing
    except asyncio.CancelledError:
        if doing.cancelled() and not asked_to_stop():
            return False  # the lease went to somebody else
        await asyncio.shield(give_call_back(resources.db, call))
        raise
    finally:
        renewing.cancel()
        with suppress(asyncio.CancelledError):
            await renewing
    return await finish_call(resources.db, call, end)


async def try_until_done(tools: Tools, call: OpenCall) -> CallEnd:
    """The end of the last try; what the tries before it want written is written with it."""
    performing = performer_of(call.kind)
    if performing is None:
        return CallEnd.failed("not_available", what_is_missing(call.kind))
    began = time.perf_counter()
    notes: list[Callable[[AsyncConnection], Awaitable[None]]] = []
    for tries in range(call.retry_times + 1):
        end = await _try(tools, replace(call, tries=tries), performing)
        if end.also is not None:
            notes.append(end.also)
        begins = clock.now() + timedelta(seconds=call.retry_pause_s)
        if end.error is None or not end.may_retry or tries == call.retry_times or begins >= call.due_at:
            break
        log.info("call %s is made again in %.1f s: %s", call.id, call.retry_pause_s, end.error)
        await asyncio.sleep(call.retry_pause_s)

    async def note(conn: AsyncConnection) -> None:
        for also in notes:
            await also(conn)

    return replace(end, ms=(time.perf_counter() - began) * 1000, also=note if notes else None)


async def _try(tools: Tools, call: OpenCall, performing: Performing) -> CallEnd:
    """One try; whoever performs it may end it with a better sentence before its time is up."""
    try:
        async with asyncio.timeout(call.timeout_s + OVERTIME_S):
            return await performing.function(tools, call)
    except CallFailed as failed:
        return failed.end
    except TimeoutError:
        return CallEnd.failed("timeout", f"There was no answer within {call.timeout_s:g} seconds.")
    except Exception as error:
        log.exception("call %s failed", call.id)
        return CallEnd.failed("internal", f"{type(error).__name__}")


async def _renew(resources: Resources, call: OpenCall, doing: asyncio.Future[CallEnd]) -> None:
    while True:
        await asyncio.sleep(LEASE_S / 3)
        if not await renew_call(resources.db, call):
            doing.cancel()
            return


async def perform_in_process(tools: Tools, call: OpenCall, go_on: Callable[[UUID, UUID], object]) -> None:
    """Perform a call here and now, then let its conversation go on."""
    if await perform(tools, call):
        go_on(call.tenant_id, call.conversation_id)
