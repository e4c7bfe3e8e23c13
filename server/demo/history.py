"""Two weeks of conversations with the sample shop, made by running the runtime and written by the turns' own statement.

Only the clock is made up: every state, path, message and event is what a customer who had written at that moment would have left.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import msgspec
from msgspec import structs
from sqlalchemy import Row, func, select

from flow_runtime import Call, CallError, CallResult, Choice, ConversationStarted, Input, Message, SetTimer, TimerFired
from server.channels.open_channel import web_channel_of
from server.conversations.inbox import contact_id_of
from server.conversations.tables import contacts
from server.demo import shop_api
from server.demo.scripts import Script, draw_name, draw_script
from server.flows.tables import flow_versions
from server.flows.training import train_model
from server.kit.clock import now
from server.kit.db import Database, to_json
from server.kit.ids import uuid7
from server.kit.jobs import Work, note_progress
from server.turns.commit import Commit, transaction
from server.turns.rows import Saved, Source, add_turn
from server.turns.take_turn import Conversation, Person, take_turn
from server.turns.versions import Version, Versions

DAYS_BEFORE_TODAY = 13
PREFIX = "sample-"
_LONGEST_TURNS = 40
_RETURN_FIELDS = {"order": "order_number", "reason": "reason", "email": "email"}
_STILL_WANTED = "select 1 from jobs where tenant_id = $1 and id = $2 for share"
_FINISH_CALL = """
update calls set status = $3, result = $4, ms = $5, finished_at = $6, lease_until = null where tenant_id = $1 and id = $2"""
_CALL_EVENT = """
insert into events (tenant_id, type, props, at, conversation_id, flow_id, flow_version, channel_id)
values ($1, 'call.finished', $2, $3, $4, $5, $6, $7)"""


@dataclass(frozen=True, slots=True)
class Sample:
    """The flow the customers talk to."""

    tenant_id: UUID
    flow_id: UUID
    channel_id: UUID
    number: int
    version: Version


class Wanted(msgspec.Struct, frozen=True):
    """So many conversations with this flow, for this job."""

    tenant_id: UUID
    job_id: UUID
    flow_id: UUID
    conversations: int


async def train_sample(work: Work, flow_id: UUID) -> None:
    """The customers are to be understood: train the intents of the flow's newest version."""
    found = await _newest(work.db, work.tenant_id, flow_id)
    if found is not None and found.model_hash is not None:
        await train_model(work.db, work.resources.live, work.tenant_id, flow_id, found.model_hash)


async def make_history(db: Database, versions: Versions, wanted: Wanted) -> None:
    """Make the sample conversations that are not there yet, with progress on the job; stop when somebody removed them."""
    sample = await _prepare(db, versions, wanted)
    if sample is None:
        return
    pool = await db.open_pool()
    today, count = now(), wanted.conversations
    for number in range(await _made(db, wanted.tenant_id), count):
        random = Random(number)
        async with pool.acquire() as connection, transaction(connection, wanted.tenant_id):
            if await connection.fetchval(_STILL_WANTED, wanted.tenant_id, wanted.job_id) is None:
                return
            await _Customer(connection, sample, random, _moment(number / count, today, random)).talk(number)
        if number % 20 == 0:
            await note_progress(db, wanted.tenant_id, wanted.job_id, number / count, f"{number} of {count} sample conversations")


async def _newest(db: Database, tenant_id: UUID, flow_id: UUID) -> Row[Any, Any] | None:
    row = flow_versions.c
    newest = (
        select(row.version, row.model_hash)
        .where(row.tenant_id == tenant_id, row.flow_id == flow_id, row.version > 0)
        .order_by(row.version.desc())
        .limit(1)
    )
    async with db.tenant(tenant_id) as conn:
        return (await conn.execute(newest)).one_or_none()


async def _prepare(db: Database, versions: Versions, wanted: Wanted) -> Sample | None:
    tenant_id, flow_id = wanted.tenant_id, wanted.flow_id
    found = await _newest(db, tenant_id, flow_id)
    async with db.tenant(tenant_id) as conn:
        channel_id = await web_channel_of(conn, tenant_id, flow_id)
    if found is None or channel_id is None:
        return None
    pool = await db.open_pool()
    async with pool.acquire() as connection, transaction(connection, tenant_id):
        version = await versions.get(connection, tenant_id, flow_id, found.version)
    return Sample(tenant_id, flow_id, channel_id, found.version, version)


async def _made(db: Database, tenant_id: UUID) -> int:
    ours = (contacts.c.tenant_id == tenant_id, contacts.c.external_id.startswith(PREFIX))
    async with db.tenant(tenant_id) as conn:
        return int((await conn.execute(select(func.count()).select_from(contacts).where(*ours))).scalar_one())


def _moment(share: float, today: datetime, random: Random) -> datetime:
    """When the conversation begins that comes after `share` of them: more of them towards today, at the hours in which people shop."""
    days_ago = DAYS_BEFORE_TODAY * (1 - share) ** 1.15
    day = (today - timedelta(days=days_ago)).replace(minute=0, second=0, microsecond=0)
    hour = random.choices(range(24), weights=(1, 1, 1, 1, 1, 1, 2, 4, 7, 9, 10, 9, 8, 8, 9, 9, 8, 8, 9, 10, 9, 6, 3, 2))[0]
    moment = day.replace(hour=hour) + timedelta(seconds=random.randrange(3600))
    latest = today - timedelta(minutes=20)
    return moment if moment < latest else latest - timedelta(minutes=random.randrange(200))


class _Customer:
    """One customer of the past: says the lines of a script and waits for whatever the flow waits for."""

    def __init__(self, connection: Any, sample: Sample, random: Random, at: datetime) -> None:
        self.connection = connection
        self.sample = sample
        self.random = random
        self.at = at

    async def talk(self, number: int) -> None:
        """Have the whole conversation, one committed statement a turn."""
        script: Script = draw_script(self.random)
        external_id = f"{PREFIX}{number:04}"
        person = Person(contact_id_of(self.sample.channel_id, external_id), external_id, draw_name(self.random), "en")
        sample = self.sample
        conversation = Conversation(uuid7(), sample.channel_id, sample.flow_id, sample.number, person, stored=False)
        given: Input | None = ConversationStarted(at=self.at, seed=self._seed())
        for _ in range(_LONGEST_TURNS):
            if given is None:
                return
            conversation, saved = await self._turn(conversation, given)
            given = await self._next(conversation, saved, script)

    async def _turn(self, conversation: Conversation, given: Input) -> tuple[Conversation, Saved]:
        version = self.sample.version
        taken = replace(take_turn(version.flow, self.sample.number, conversation, given, self._understand), at=self.at)
        commit = Commit()
        source = Source(uuid7(), _key_of(given), False)
        saved = add_turn(commit, self.sample.tenant_id, taken, source, pushes=False, known_contact=conversation.stored)
        await commit.write(self.connection, self.sample.tenant_id)
        after = replace(
            conversation,
            state=taken.state,
            state_version=conversation.state_version + 1,
            turn=saved.turn,
            last_seq=saved.last_seq,
            waiting_for=taken.state.waiting_for,
            stored=True,
        )
        return after, saved

    def _understand(self, call: Call) -> CallResult:
        """The classifier's answer at this customer's time: timers count from it."""
        return structs.replace(self.sample.version.answer(call), at=self.at, seed=self._seed())

    async def _next(self, conversation: Conversation, saved: Saved, script: Script) -> Input | None:
        """The input that comes next; None when the conversation is over or the customer has gone."""
        if conversation.waiting_for == "call" and (call := saved.taken.waiting_call) is not None:
            return await self._answer(conversation, call, saved)
        if conversation.waiting_for == "timer":
            return await self._fire(conversation, saved)
        if conversation.waiting_for != "message" or not script:
            return None
        self._later(8, 70)
        line = script.pop(0)
        offered: list[dict[str, str]] = next(
            (m["body"].get("choices", []) for m in reversed(saved.messages) if m["direction"] == "out"), []
        )
        value = next((choice["value"] for choice in offered if choice["label"] == line), None)
        if value is not None:
            return Choice(value=value, text=line, at=self.at, seed=self._seed())
        return Message(text=line, at=self.at, seed=self._seed())

    async def _answer(self, conversation: Conversation, call: Call, saved: Saved) -> CallResult:
        """What the sample shop's order system answers; without a model, model calls fail as they do in a fresh installation."""
        ms = self.random.randint(40, 320)
        self.at += timedelta(milliseconds=ms)
        value = _shop_answer(call, self.at)
        error = None if value is not None else CallError("no_model", "No model is connected to this workspace.")
        result = CallResult(call_id=call.call_id, ok=value is not None, value=value, error=error, at=self.at, seed=self._seed())
        tenant_id = self.sample.tenant_id
        outcome = {"ok": result.ok, "value": value, "error": None if error is None else {"kind": error.kind, "message": error.message}}
        status = "done" if result.ok else "failed"
        await self.connection.execute(_FINISH_CALL, tenant_id, call.call_id, status, to_json(outcome), ms, self.at)
        await self.connection.execute("delete from jobs where tenant_id = $1 and args->>'call_id' = $2", tenant_id, call.call_id)
        props = {"kind": call.kind, "ok": result.ok, "ms": ms} | ({} if error is None else {"error": error.kind})
        place = (conversation.id, conversation.flow_id, self.sample.number, conversation.channel_id)
        await self.connection.execute(_CALL_EVENT, tenant_id, to_json(props), self.at, *place)
        return result

    async def _fire(self, conversation: Conversation, saved: Saved) -> TimerFired | None:
        timer = next((effect for effect in saved.taken.effects if isinstance(effect, SetTimer)), None)
        if timer is None:
            return None
        self.at = max(self.at, timer.due_at)
        fired = "update timers set status = 'fired' where tenant_id = $1 and conversation_id = $2 and id = $3"
        await self.connection.execute(fired, self.sample.tenant_id, conversation.id, timer.timer_id)
        return TimerFired(timer_id=timer.timer_id, at=self.at, seed=self._seed())

    def _later(self, least: int, most: int) -> None:
        self.at += timedelta(seconds=self.random.uniform(least, most))

    def _seed(self) -> int:
        return self.random.getrandbits(48)


def _key_of(given: Input) -> str | None:
    if isinstance(given, CallResult):
        return f"call:{given.call_id}"
    return f"timer:{given.timer_id}" if isinstance(given, TimerFired) else None


def _shop_answer(call: Call, at: datetime) -> dict[str, Any] | None:
    """The answer to a call of the sample flow; None for what it cannot answer."""
    if call.kind != "integration.call":
        return None
    payload = call.payload
    if payload["method"] == "POST":
        body: Any = shop_api.returned(**{_RETURN_FIELDS[name]: str(value) for name, value in payload["body"].items()})
    else:
        body = shop_api.order(unquote(payload["url"].rsplit("/", 1)[1]), at.date())
    return {"status": 200, "headers": {"content-type": "application/json"}, "body": body}
