"""Performs what a flow asked for and could not be answered at once: each kind of call is brought to the room that can do it."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec

from flow_runtime import CallError
from server.integrations.perform import CallOutcome, IntegrationCall
from server.integrations.perform import perform as perform_http
from server.kit import clock
from server.kit.jobs import Resources
from server.kit.tasks import asked_to_stop
from server.llm.gateway import Gateway
from server.turns.finish_call import CallEnd, finish_call, give_call_back, renew_call
from server.turns.reply import reply
from server.turns.rows import LEASE_S, OpenCall

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tools:
    """What a process performs calls with."""

    resources: Resources
    gateway: Gateway


Performer = Callable[[Tools, OpenCall], Awaitable[CallEnd]]


async def perform(tools: Tools, call: OpenCall) -> bool:
    """Perform a call under its lease and store its end; False when the lease was lost on the way."""
    resources = tools.resources
    performer = PERFORMERS.get(call.kind, _unknown)
    doing = asyncio.ensure_future(performer(tools, call))
    renewing = asyncio.create_task(_renew(resources, call, doing))
    try:
        end = await doing
    except asyncio.CancelledError:
        if doing.cancelled() and not asked_to_stop():
            return False  # the lease went to somebody else
        await asyncio.shield(give_call_back(resources.db, call))
        raise
    except Exception as error:
        log.exception("call %s failed", call.id)
        end = CallEnd(False, error=CallError("internal", f"{type(error).__name__}"))
    finally:
        renewing.cancel()
        with suppress(asyncio.CancelledError):
            await renewing
    return await finish_call(resources.db, call, end)


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


async def _unknown(tools: Tools, call: OpenCall) -> CallEnd:
    return CallEnd(False, error=CallError("unknown_call", f"This server cannot do {call.kind}."))


async def _integration(tools: Tools, call: OpenCall) -> CallEnd:
    """An HTTP call, made again after a pause as long as that is safe and the call's time is not up."""
    began = time.perf_counter()
    try:
        wanted = IntegrationCall.of(call.id, _plain(call.payload))
    except msgspec.ValidationError as error:
        return CallEnd(False, error=CallError("refused", f"The call cannot be made: {error}"))
    pause = FIRST_PAUSE_S
    while True:
        outcome = await perform_http(wanted, tools.resources.http)
        wait = _pause_before_retry(outcome, pause)
        if wait is None or clock.now() + timedelta(seconds=wait) >= call.due_at:
            return _end_of(outcome, (time.perf_counter() - began) * 1000)
        log.info("call %s is made again in %.1f s: %s", call.id, wait, outcome.error)
        await asyncio.sleep(wait)
        pause = min(pause * 3, LONGEST_PAUSE_S)


def _plain(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The payload with its body as it travels: a flow says whether the content is text, JSON or a form."""
    body = payload.get("body")
    if not (isinstance(body, dict) and body.keys() == {"type", "content"}):
        return dict(payload)
    if body["type"] != "form":
        return {**payload, "body": body["content"]}
    headers = {"Content-Type": "application/x-www-form-urlencoded", **payload.get("headers", {})}
    return {**payload, "headers": headers, "body": urlencode(body["content"])}


def _pause_before_retry(outcome: CallOutcome, pause: float) -> float | None:
    if outcome.error is None or not outcome.error.may_retry:
        return None
    return pause if outcome.error.retry_after_s is None else max(outcome.error.retry_after_s, pause)


def _end_of(outcome: CallOutcome, ms: float) -> CallEnd:
    error = None if outcome.error is None else CallError(outcome.error.kind, outcome.error.message)
    return CallEnd(outcome.ok, outcome.value, error, ms)


async def _reply(tools: Tools, call: OpenCall) -> CallEnd:
    return await reply(tools.resources, tools.gateway, call)


PERFORMERS: dict[str, Performer] = {"integration.call": _integration, "llm.reply": _reply}
