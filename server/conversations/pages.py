"""The page of dead letters; the pages of customers beside it."""

from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, FromQuery
from redis.asyncio import Redis

from server.conversations import contact_pages
from server.conversations.dead_letter_routes import kind_of
from server.conversations.dead_letters import (
    count_dead_letters,
    drop_dead_letter,
    drop_dead_letters,
    list_dead_letters,
    replay_dead_letter,
    replay_dead_letters,
    ring_for,
)
from server.conversations.figures import channel_queues, lift_pause
from server.conversations.inbox import ring_doorbell
from server.kit import pages
from server.kit.db import Database
from server.kit.errors import Problem
from server.security.identity import Identity
from server.security.roles import allows

AnyRequest = Request[Any, Any, Any]
ADDRESS = "/conversations/dead-letters"
KIND_TITLES = {"outbox": "Messages to customers", "inbox": "Messages from customers", "job": "Background work", "event": "Events"}


class ButtonForm(msgspec.Struct, forbid_unknown_fields=True):
    """A button."""

    csrf: str = msgspec.field(name="_csrf", default="")


class ChosenForm(msgspec.Struct, forbid_unknown_fields=True):
    """A button for what was ticked; `all` stands on the buttons that need no tick."""

    csrf: str = msgspec.field(name="_csrf", default="")
    letter: list[str] | str = []  # a form with one tick sends one text
    all: bool = False

    def letters(self) -> list[str]:
        """The ids that were ticked, none for all; raises Problem 422 when nothing was."""
        if not (self.letter or self.all):
            raise Problem(422, "nothing_chosen", "Tick at least one dead letter, then press the button again.")
        if self.all:
            return []
        return [self.letter] if isinstance(self.letter, str) else self.letter


ChosenData = Annotated[ChosenForm, Body(media_type=RequestEncodingType.URL_ENCODED)]
ButtonData = Annotated[ButtonForm, Body(media_type=RequestEncodingType.URL_ENCODED)]


@get(ADDRESS, opt={"permission": "conversations:read"}, include_in_schema=False)
async def show_dead_letters(
    request: AnyRequest,
    db: NamedDependency[Database],
    identity: NamedDependency[Identity],
    kind: FromQuery[str] = "",
    cursor: FromQuery[str] = "",
) -> Response[str]:
    """What could not be finished, why, and what can be done about it."""
    async with db.tenant(identity.tenant_id) as conn:
        letters, after = await list_dead_letters(conn, identity.tenant_id, kind=kind_of(kind), cursor=cursor or None)
        total = await count_dead_letters(conn, identity.tenant_id)
        channels = [one for one in await channel_queues(conn, identity.tenant_id) if one.pending or one.sending or one.paused_until]
    return pages.render(
        request,
        "conversations/dead_letters.html",
        letters=letters,
        channels=channels,
        kind=kind,
        kinds=KIND_TITLES,
        total=total,
        address=ADDRESS,
        next_url=f"{ADDRESS}?{urlencode({'kind': kind, 'cursor': after})}" if after else None,
        first_url=f"{ADDRESS}?{urlencode({'kind': kind})}" if cursor else "",
        may_write=allows(identity.role, "conversations:write"),
    )


@post(f"{ADDRESS}/pauses/{{channel_id:uuid}}/removal", opt={"permission": "conversations:write"}, include_in_schema=False)
async def submit_resume(
    data: ButtonData,
    channel_id: FromPath[UUID],
    request: AnyRequest,
    db: NamedDependency[Database],
    redis: NamedDependency[Redis],
    identity: NamedDependency[Identity],
) -> Response[Any]:
    """Send to a paused channel again."""
    async with db.tenant(identity.tenant_id) as conn:
        waiting = await lift_pause(conn, identity.tenant_id, channel_id)
    await ring_doorbell(redis, identity.tenant_id, *waiting)
    return pages.go_to(request, ADDRESS)


@post(f"{ADDRESS}/replay", opt={"permission": "conversations:write"}, include_in_schema=False)
async def submit_replays(
    data: ChosenData,
    request: AnyRequest,
    db: NamedDependency[Database],
    redis: NamedDependency[Redis],
    identity: NamedDependency[Identity],
    kind: FromQuery[str] = "",
) -> Response[Any]:
    """Try those that were ticked again, or all."""
    async with db.tenant(identity.tenant_id) as conn:
        _, rings = await replay_dead_letters(conn, identity.tenant_id, kind_of(kind), data.letters())
    await ring_for(redis, identity.tenant_id, rings)
    return pages.go_to(request, ADDRESS)


@post(f"{ADDRESS}/removal", opt={"permission": "conversations:write"}, include_in_schema=False)
async def submit_drops(
    data: ChosenData,
    request: AnyRequest,
    db: NamedDependency[Database],
    identity: NamedDependency[Identity],
    kind: FromQuery[str] = "",
) -> Response[Any]:
    """Give up those that were ticked, or all."""
    async with db.tenant(identity.tenant_id) as conn:
        await drop_dead_letters(conn, identity.tenant_id, kind_of(kind), data.letters())
    return pages.go_to(request, ADDRESS)


@post(f"{ADDRESS}/{{letter_id:str}}/replay", opt={"permission": "conversations:write"}, include_in_schema=False)
async def submit_replay(
    data: ButtonData,
    letter_id: FromPath[str],
    request: AnyRequest,
    db: NamedDependency[Database],
    redis: NamedDependency[Redis],
    identity: NamedDependency[Identity],
) -> Response[Any]:
    """Try one again."""
    async with db.tenant(identity.tenant_id) as conn:
        rings = await replay_dead_letter(conn, identity.tenant_id, letter_id)
    await ring_for(redis, identity.tenant_id, rings)
    return pages.go_to(request, ADDRESS)


@post(f"{ADDRESS}/{{letter_id:str}}/removal", opt={"permission": "conversations:write"}, include_in_schema=False)
async def submit_drop(
    data: ButtonData, letter_id: FromPath[str], request: AnyRequest, db: NamedDependency[Database], identity: NamedDependency[Identity]
) -> Response[Any]:
    """Give one up."""
    async with db.tenant(identity.tenant_id) as conn:
        await drop_dead_letter(conn, identity.tenant_id, letter_id)
    return pages.go_to(request, ADDRESS)


handlers: list[Any] = [show_dead_letters, submit_resume, submit_replays, submit_drops, submit_replay, submit_drop, *contact_pages.handlers]
