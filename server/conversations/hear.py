"""What a webhook brought, through the stages of its channel: the quick ones before it is stored, those that reach outside after.

An input with outside stages before it is stored at once, and waits for them until `ready_at` at most: when nobody has come back with it by
then, its turn is taken without them.
"""

import asyncio
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from typing import Any
from uuid import UUID

from msgspec import structs
from sqlalchemy import and_, func, select, update

from flow_runtime import Attachment, Input, Message, input_from_json, input_to_json
from flow_runtime.errors import InvalidInput
from server.channels.contract import File
from server.channels.tables import channels
from server.conversations.file_kinds import Refused, media_type_of
from server.conversations.inbox import Arrival
from server.conversations.processing.contract import Aids, Given
from server.conversations.processing.plan import SETTING, Plan, plan_of
from server.conversations.processing.problems import problem_of
from server.conversations.processing.run import NotLetThrough, for_now, process, process_file
from server.conversations.tables import inbox
from server.kit import clock
from server.kit.db import Database
from server.kit.errors import Problem

PROCESS_JOB = "conversations.process_input"
BESIDE_THE_STAGES = timedelta(seconds=10)
BEFORE_THE_ANSWER_S = 1.5
"""Slack wants its answer within 3 seconds."""
MARGIN = timedelta(seconds=1)


async def hear(channel_settings: dict[str, Any], arrival: Arrival, aids: Aids) -> Arrival:
    """The arrival as it is stored: after its quick stages; ignored, with the reason, when one refused it."""
    plan = plan_of(channel_settings, "text", "place")
    if not plan:
        return arrival
    try:
        given = input_from_json(arrival.input)
    except InvalidInput:  # its turn will say what is wrong with it
        return arrival
    now, later = for_now(plan, given)
    try:
        given = await process(now, given, aids, within_s=BEFORE_THE_ANSWER_S)
    except NotLetThrough as refused:
        return replace(arrival, input=_refused(given, refused), stale=True, why_stale=str(refused))
    ready_at = clock.now() + _longest(later) if later and not arrival.stale else None
    return replace(arrival, input=input_to_json(given), ready_at=ready_at)


def _longest(plan: Plan) -> timedelta:
    return sum((timedelta(milliseconds=step.about.within_ms) for step in plan), BESIDE_THE_STAGES)


def _refused(given: Input, refused: NotLetThrough) -> dict[str, Any]:
    """What is kept of a refused input. When a stage failed that must not, its words are left out: they were not looked over."""
    if refused.failed and isinstance(given, Message | Attachment):
        given = structs.replace(given, text="")
    return input_to_json(structs.replace(given, annotations=refused.found))


async def hear_file(channel_settings: dict[str, Any], file: File, aids: Aids) -> File:
    """A file that a provider keeps, on its way to whoever opens it, after the channel's stages for files; Problem 415, 422 or 503."""
    plan = plan_of(channel_settings, "file")
    try:
        media_type = await asyncio.to_thread(media_type_of, BytesIO(file.content), "")
    except Refused as refusal:
        if SETTING in channel_settings:
            raise Problem(415, "file_refused", str(refusal)) from None
        media_type = file.media_type  # nobody chose which kinds there may be: the provider's word counts
    try:
        given, _ = await process_file(plan, Given(BytesIO(file.content), "", media_type, len(file.content)), aids)
    except NotLetThrough as refused:
        raise problem_of(refused, "file") from None
    return replace(file, content=given.content.read())


async def finish_hearing(db: Database, aids: Aids, tenant_id: UUID, inbox_id: UUID) -> UUID | None:
    """Take a stored input through its outside stages; its conversation, whose turn may come now. None when it is too late for that."""
    joined = inbox.join(channels, and_(channels.c.tenant_id == inbox.c.tenant_id, channels.c.id == inbox.c.channel_id))
    mine = inbox.c.tenant_id == tenant_id, inbox.c.id == inbox_id, inbox.c.status == "pending", inbox.c.ready_at.is_not(None)
    async with db.tenant(tenant_id) as conn:
        row = (
            await conn.execute(select(inbox.c.input, inbox.c.conversation_id, channels.c.settings).select_from(joined).where(*mine))
        ).one_or_none()
    if row is None:
        return None
    given = input_from_json(row.input)
    values: dict[str, Any] = {"ready_at": None}
    try:
        values["input"] = input_to_json(await process(for_now(plan_of(row.settings, "text", "place"), given)[1], given, aids))
    except NotLetThrough as refused:
        values |= {"input": _refused(given, refused), "status": "ignored", "error": str(refused), "processed_at": clock.now()}
    # A turn that began without the stages must not see its input change: who comes close to the end of the time is too late.
    in_time = inbox.c.ready_at > func.clock_timestamp() + MARGIN
    async with db.tenant(tenant_id) as conn:
        done: UUID | None = await conn.scalar(update(inbox).where(*mine, in_time).values(values).returning(inbox.c.conversation_id))
    return done
