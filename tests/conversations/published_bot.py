"""A script's flow, published on a running server, and what goes on behind the customer's back: calls, time, what is stored."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from litestar import Litestar
from sqlalchemy import Row, func, select, update

from flow_runtime import CallError, State
from server.conversations.tables import conversations, inbox
from server.flows.tables import intent_models
from server.kit.calls import CallEnd, OpenCall, Tools, performers
from server.kit.db import Database
from server.turns.kinds import is_quick
from server.turns.runner import Runner
from server.turns.tables import calls, timers
from tests.conftest import Workspace
from tests.conversations.chat_script import Answer, Script
from tests.fakes.openai import KEY
from tests.fakes.scripted import ScriptedWorld, Told

OUTSIDE = "https://shop.example"
"""The service that scripts' flows call; here it is the fake world's address."""

PATIENCE_S = 40.0
LOOK_EVERY_S = 0.02
UNDER_WAY = ("pending", "running")
TOO_LATE = Told(status=400, body={"error": "too late"})


class Pretended:
    """Performs kinds of call whose room this server does not have, as the script says."""

    def __init__(self) -> None:
        self.answers: asyncio.Queue[Answer] = asyncio.Queue()

    async def __call__(self, tools: Tools, call: OpenCall) -> CallEnd:
        answer = await self.answers.get()
        return CallEnd(answer.ok, answer.value, None if answer.ok else CallError(answer.kind, answer.message))


class PublishedBot:
    """The half of a driver that customers do not see. The workspace has this one flow, and this one conversation."""

    channel_id: str

    def __init__(self, app: Litestar, owner: Workspace, runner: Runner, world: ScriptedWorld) -> None:
        self.app = app
        self.owner = owner
        self.runner = runner
        self.world = world
        self.db: Database = app.state.db
        self.contact: dict[str, Any] = {}
        self.pretended = Pretended()
        self.answered = self.looked_for = 0
        self._finished = 0

    async def open(self, script: Script) -> None:
        failures = {answer.kind for answer in script.answers if not answer.ok}
        if "no_model" not in failures:
            await self._connect_model()
        self.contact = script.contact
        for called in script.runs:
            flow = (await self._api("POST", "/api/v1/flows/import", called))["id"]
            await self._api("POST", f"/api/v1/flows/{flow}/versions", {})
        bundle = json.dumps({**script.document, "intents": script.intents}).replace(OUTSIDE, self.world.url)
        flow = (await self._api("POST", "/api/v1/flows/import", json.loads(bundle)))["id"]
        self.channel_id = (await self._api("POST", f"/api/v1/flows/{flow}/versions", {}))["channel_id"]

        async def live() -> bool:
            return bool((await self._api("GET", f"/api/v1/flows/{flow}"))["published_version"])

        await until(live, "the flow goes live")
        if "no_intents" in failures:
            await self._lose_intent_model()

    async def call(self, kind: str, payload: dict[str, Any]) -> None:
        call = await self._asked(self.looked_for)
        self.looked_for += 1
        assert call["call_kind"] == kind, f"the call is {call['call_kind']}"
        given = {name: call["payload"].get(name) for name in payload}
        assert given == payload, f"the payload is {call['payload']}"

    async def answer(self, answer: Answer) -> None:
        call = await self._asked(self.answered)
        self.answered += 1
        self.looked_for = max(self.looked_for, self.answered)
        if is_quick(call["call_kind"]):
            return  # the server answers that by itself, within the turn
        self._finished += 1
        if performers[call["call_kind"]].function is self.pretended:
            self.pretended.answers.put_nowait(answer)
            return
        if answer.kind == "no_model" or call["call_kind"].startswith(("nlu.", "code.")):
            return  # and that too
        if answer.ok and call["call_kind"] == "llm.reply":
            self.world.tell(Told(answer.value["text"]))
        elif answer.ok:
            path = urlsplit(call["payload"].get("url", "")).path or None
            self.world.tell(Told(status=answer.value["status"], body=answer.value["body"], path=path))
        elif answer.kind == "timeout":
            await self._let_time_run_out(call)
        else:
            raise ValueError(f"nobody knows how to fail with {answer.kind} here")

    async def event(self, name: str, payload: dict[str, Any]) -> None:
        await self.settled()
        route = f"/api/v2/chat/conversations/{await self._id()}/events"
        await self._api("POST", route, {"name": name, "payload": payload})

    async def passes(self, seconds: float) -> None:
        await self.settled()
        earlier = timers.c.due_at - timedelta(seconds=seconds)
        async with self.db.tenant(self.owner.tenant_id) as conn:
            await conn.execute(update(timers).where(timers.c.status == "waiting").values(due_at=earlier))
        await self.runner.sweep()

    async def knows(self, name: str, value: Any) -> None:
        held = State.from_json((await self.conversation()).state).variables.get(name)
        assert held == value, f"{name} is {held!r}"

    async def ended(self, reason: str) -> None:
        await self.settled()
        ends = [effect["reason"] for effect in await self._effects() if effect["kind"] == "end"]
        assert ends[-1:] == [reason], f"the flow ended with {ends[-1:]}"
        assert (await self.conversation()).status == "ended"

    async def transcript(self) -> list[dict[str, Any]]:
        """Every message so far."""
        page = await self._api("GET", f"/api/v2/chat/conversations/{await self._id()}/messages?limit=200")
        found: list[dict[str, Any]] = page["data"]
        return found

    async def conversation(self) -> Row[Any]:
        """The conversation as it stands."""
        async with self.db.tenant(self.owner.tenant_id) as conn:
            return (await conn.execute(select(conversations))).one()

    async def settled(self) -> None:
        """Wait until the bot has done all it can do: from here on it waits for the customer, the outside world or the clock."""

        async def quiet() -> bool:
            open_calls = func.count().filter(calls.c.status.in_(UNDER_WAY))
            async with self.db.tenant(self.owner.tenant_id) as conn:
                waiting_for = await conn.scalar(select(conversations.c.waiting_for))
                under_way, asked = (await conn.execute(select(open_calls, func.count()).select_from(calls))).one()
                unread = await conn.scalar(select(func.count()).where(inbox.c.status == "pending"))
            return bool(waiting_for and not unread and bool(under_way) == (waiting_for == "call") and asked - under_way >= self._finished)

        await until(quiet, "the bot is done")

    async def turn(self) -> int:
        """The number of the last turn; 0 before the conversation begins."""
        async with self.db.tenant(self.owner.tenant_id) as conn:
            return await conn.scalar(select(conversations.c.turn)) or 0

    async def _connect_model(self) -> None:
        model = {"name": "Fake", "kind": "compatible", "model": "any", "base_url": self.world.base_url, "api_key": KEY}
        await self._api("POST", "/api/v1/models/providers", model)

    async def _lose_intent_model(self) -> None:
        """As on a server whose database came back from a backup without it."""
        async with self.db.tenant(self.owner.tenant_id) as conn:
            await conn.execute(update(intent_models).values(status="pending", model=None))

    async def _asked(self, number: int) -> dict[str, Any]:
        """The flow's call of this number, counted from 0, as the flow made it."""
        found: list[dict[str, Any]] = []

        async def asked() -> bool:
            found[:] = [effect for effect in await self._effects() if effect["kind"] == "call"][number:]
            return bool(found)

        await until(asked, "the flow asks for work")
        call: dict[str, Any] = json.loads(json.dumps(found[0]).replace(self.world.url, OUTSIDE))
        return call

    async def _effects(self) -> list[dict[str, Any]]:
        trace = await self._api("GET", f"/api/v2/chat/conversations/{await self._id()}/trace")
        return [effect for turn in trace["turns"] for effect in turn["effects"]]

    async def _let_time_run_out(self, call: dict[str, Any]) -> None:
        mine = (calls.c.id == call["call_id"], calls.c.status.in_(UNDER_WAY))
        async with self.db.tenant(self.owner.tenant_id) as conn:
            await conn.execute(update(calls).where(*mine).values(due_at=func.now()))
        await self.runner.sweep()
        self.world.tell(TOO_LATE)

    async def _id(self) -> UUID:
        found: UUID = (await self.conversation()).id
        return found

    async def _api(self, method: str, path: str, body: Any = None) -> Any:
        response = await self.owner.client.request(method, path, json=body)
        assert response.is_success, f"{method} {path}: {response.text}"
        return response.json()


async def until(true: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + PATIENCE_S
    while not await true():
        assert time.monotonic() < end, f"waited in vain until {what}"
        await asyncio.sleep(LOOK_EVERY_S)
