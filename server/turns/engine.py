"""Takes turns: what came in goes through the runtime into one commit, and what follows from it is set going."""

import asyncio
import logging
import time
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any
from uuid import UUID

import asyncpg
from redis.asyncio import Redis

from flow_runtime import input_to_json
from server.conversations.callback import Callbacks
from server.conversations.courtesies import Courtesies
from server.conversations.inbox import Arrival, accept, ring_doorbell
from server.flows.library import library
from server.kit.calls import Tools
from server.kit.db import ASYNCPG_ERRORS, IDLE_S, Database, is_away
from server.kit.errors import Problem
from server.kit.http import OutboundClient
from server.kit.jobs import Resources
from server.kit.live import Live
from server.kit.secrets import Vault
from server.kit.settings import Settings
from server.kit.tasks import end_tasks
from server.llm.gateway import warm_up
from server.turns.admission import Admission
from server.turns.announce import Announcer
from server.turns.answers import TurnAnswer, answer_at_once, settle
from server.turns.carry_out import perform_in_process
from server.turns.claimed import commit_apart, take_pending
from server.turns.fast_lane import FastLane
from server.turns.fresh import take_fresh
from server.turns.kinds import find_performers
from server.turns.plugin_threads import PluginThreads
from server.turns.queue import BATCH, WORTH_SHARING, Queue
from server.turns.rows import Saved
from server.turns.under_way import UnderWay
from server.turns.units import Apart, Batch, Fresh, Incoming, Known, Later, Nothing, Pending, Result, Unit
from server.turns.versions import Versions

FLUSHERS = 2
GATHER_S = 0.005
ANSWER_WITHIN_S = 25.0
MOST_CONFLICTS = 20

log = logging.getLogger(__name__)


class Turns:
    """The turns of this process. Flush loops take what waits at the moment: one message goes alone, many go together."""

    def __init__(self, db: Database, redis: Redis, live: Live, settings: Settings, vault: Vault, http: OutboundClient) -> None:
        self.resources = Resources(settings, db, redis, live, vault, http)
        self.tools = Tools(self.resources)
        self.courtesies = Courtesies(db, vault, http)
        self._queue = Queue()
        self.admission = Admission(self._queue, settings.visitor_rate)
        self._wake = asyncio.Event()
        self._loops: list[asyncio.Task[None]] = []
        self._announcer = Announcer(self.resources)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._taking: dict[tuple[UUID, UUID, str], asyncio.Task[TurnAnswer]] = {}
        self._versions = Versions(library, lambda: self._go(warm_up()), Callbacks(vault, settings.public_url).url)
        self._stopping = False
        self._busy = 0
        self._hands = 0
        self._fast = FastLane()
        self._apart = PluginThreads()
        self._under_way = UnderWay(settings.data_dir / "under-way", FLUSHERS, BATCH)
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None

    async def start(self) -> None:
        """Open the connections and begin."""
        find_performers()
        self._under_way.open()
        pool = self._pool = await self.resources.db.open_pool()
        self._loops = [asyncio.create_task(self._flush_for_ever(pool), name=f"turns {number}") for number in range(FLUSHERS)]
        self._loops.append(asyncio.create_task(self._announcer.run(), name="turns announced"))

    async def stop(self) -> None:
        """Let what has begun come to its commit, then stop."""
        self._stopping = True
        begun = [unit.future for unit in self._queue.units()]
        if begun:
            await asyncio.wait(begun, timeout=5.0)
        await end_tasks(*self._loops, *self._tasks)
        await self.courtesies.stop()
        self._apart.close()
        self._under_way.close()
        await self.tools.close()

    @property
    def waiting(self) -> int:
        """How many turns wait in this process."""
        return len(self._queue)

    def waiting_of(self, tenant_id: UUID) -> int:
        """How many of them are of one tenant."""
        return self._queue.length_of(tenant_id)

    async def take(self, incoming: Incoming, *, within_s: float = ANSWER_WITHIN_S) -> TurnAnswer:
        """Store the message and answer it; the same message again gives the same answer."""
        began = time.perf_counter()
        same = (incoming.tenant_id, incoming.channel_id, incoming.key)
        task = self._taking.get(same)
        if task is None:
            if self._stopping:
                raise Problem(
                    503, "busy", "The server is being restarted. Send the message again in a moment.", headers={"Retry-After": "1"}
                )
            self.admission.check_room(incoming.tenant_id)
            task = self._taking[same] = asyncio.create_task(self._answer(incoming, within_s))
            task.add_done_callback(lambda done: self._taken(same, done))
        answer = await asyncio.shield(task)
        return answer.timed((time.perf_counter() - began) * 1000)

    def _taken(self, same: tuple[UUID, UUID, str], task: "asyncio.Task[TurnAnswer]") -> None:
        self._taking.pop(same, None)
        if not task.cancelled():
            task.exception()  # told to whoever waits; nobody may wait any more

    async def drain(self, tenant_id: UUID, conversation_id: UUID) -> None:
        """Take the turns that wait in a conversation's inbox, until none is left that can be taken now."""
        await self.wake(tenant_id, conversation_id)

    def wake(self, tenant_id: UUID, conversation_id: UUID, *, unhurried: bool = False) -> asyncio.Future[None]:
        """The same without waiting for it; `unhurried` when nobody else does either."""
        unit = self._queue.waiting(conversation_id)
        if unit is None:
            future = asyncio.get_running_loop().create_future()
            unit = Pending(conversation_id, future, fast=conversation_id in self._fast, unhurried=unhurried)
            self._put(tenant_id, unit)
        return unit.future

    def _put(self, tenant_id: UUID, unit: Unit) -> None:
        self._queue.put(tenant_id, unit)
        self._wake.set()

    async def _answer(self, incoming: Incoming, within_s: float) -> TurnAnswer:
        unit = Fresh(incoming, asyncio.get_running_loop().create_future(), fast=self._goes_first(incoming))
        unit.suspected = self._under_way.suspects(unit.mark)
        self._put(incoming.tenant_id, unit)
        result = await unit.future
        if isinstance(result, Saved) and result.taken.state.waiting_for != "call":
            return answer_at_once(result)
        if isinstance(result, Nothing):
            return TurnAnswer.of_nothing(result.conversation)
        conversation_id, inbox_id = await self._place_of(incoming, result)
        resources = self.resources
        at_work = isinstance(result, Saved)
        return await settle(resources.db, resources.live, incoming.tenant_id, conversation_id, inbox_id, within_s, at_work=at_work)

    def _goes_first(self, incoming: Incoming) -> bool:
        """Known from the conversation's last turn, or told by the contact that starts one."""
        if incoming.lane is None:
            return False
        told = incoming.contact.attributes if incoming.contact else None
        return incoming.conversation_id in self._fast or (told is not None and incoming.lane.takes(told))

    async def _place_of(self, incoming: Incoming, result: Result) -> tuple[UUID, UUID]:
        """(conversation, inbox row) of a message whose answer is not known yet."""
        if isinstance(result, Known):
            return result.conversation_id, result.inbox_id
        if isinstance(result, Saved):
            return result.taken.conversation.id, result.inbox_id
        assert isinstance(result, Later)
        arrival = Arrival(
            incoming.tenant_id,
            incoming.channel_id,
            incoming.key,
            input_to_json(incoming.input),
            incoming.conversation_id,
            incoming.contact,
            incoming.flow_id,
            apart=True,
        )
        async with self.resources.db.tenant(incoming.tenant_id) as conn:
            accepted = await accept(conn, arrival)
        if result.elsewhere:
            await ring_doorbell(self.resources.redis, incoming.tenant_id, accepted.conversation_id)
        else:
            self.wake(incoming.tenant_id, accepted.conversation_id)
        return accepted.conversation_id, accepted.inbox_id

    async def _flush_for_ever(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        while True:
            await self._call_for_hands()
            self._hands += 1
            try:
                async with pool.acquire() as conn:
                    await self._flush(conn)
            except Exception as error:  # no fault may end it: nobody else takes what is queued
                log.error("turns wait for the database: %r", error)
                await asyncio.sleep(0.5)
            finally:
                self._hands -= 1

    async def _call_for_hands(self) -> None:
        """Until something waits and everybody who has a connection is busy."""
        while not len(self._queue) or self._busy < self._hands:
            self._wake.clear()
            await self._wake.wait()

    async def _flush(self, conn: Any) -> None:
        """Take turns on this connection until it was idle for IDLE_S."""
        loop = asyncio.get_running_loop()
        used = loop.time()
        alarm = loop.call_at(used + IDLE_S, self._wake.set)
        while True:
            if self._busy:
                await self._gather()
            taken = self._queue.take(FLUSHERS - self._busy)
            if taken is None:
                if loop.time() >= used + IDLE_S:
                    return
                if loop.time() >= alarm.when():
                    alarm = loop.call_at(used + IDLE_S, self._wake.set)
                self._wake.clear()
                await self._wake.wait()
                continue
            tenant_id, units = taken
            self._busy += 1
            try:
                await self._do(conn, tenant_id, units)
            finally:
                self._busy -= 1
                self._queue.done(units)
                self.admission.pace.note(len(units))
                self._wake.set()
                used = loop.time()

    async def _gather(self) -> None:
        """A batch costs as much as several turns: beside one that is under way, the next begins when it is worth it, or shortly after."""
        loop = asyncio.get_running_loop()
        until = loop.time() + GATHER_S
        timer = loop.call_at(until, self._wake.set)
        try:
            while self._busy and 0 < len(self._queue) < WORTH_SHARING and loop.time() < until:
                self._wake.clear()
                await self._wake.wait()
        finally:
            timer.cancel()

    async def _do(self, conn: Any, tenant_id: UUID, units: Any) -> None:
        fresh = isinstance(units[0], Fresh)
        try:
            if fresh:
                with self._under_way.taking([unit.mark for unit in units if not unit.suspected]):
                    batch = await take_fresh(conn, self._versions, tenant_id, units)
            else:
                batch = await take_pending(conn, self._versions, tenant_id, units)
        except Exception as error:
            away = is_away(error)
            if not away and not isinstance(error, ASYNCPG_ERRORS):
                log.exception("a batch of %d turns failed", len(units))
                self._fail(units, error)
                return
            self._refused(tenant_id, units, error)
            if away:  # what is left of the connection may wait for ever for an answer
                with suppress(asyncpg.InterfaceError):  # the pool has noticed first
                    conn.terminate()
                raise
            return
        self._follow(tenant_id, batch)

    def _refused(self, tenant_id: UUID, units: Any, error: Exception) -> None:
        """The database refused a batch: each message goes again by itself, so that the one at fault is found."""
        away = is_away(error)
        for unit in units:
            unit.conflicts += 1
            if unit.future.done():
                continue
            if away or (unit.alone and unit.conflicts > MOST_CONFLICTS):
                if not away:  # %r leaves out the row, which holds what a customer wrote
                    log.error("a turn was given up, the database refused it %d times: %r", unit.conflicts, error)
                self._give_up(unit, error)
            else:
                unit.alone = True
                self._put(tenant_id, unit)

    def _give_up(self, unit: Unit, error: Exception) -> None:
        """A sender may try again; what is stored already is taken up by the sweeper."""
        if isinstance(unit, Fresh):
            words = "The server cannot store messages now. Try again in a moment."
            unit.future.set_exception(Problem(503, "database_away", words, headers={"Retry-After": "1"}))
        else:
            log.warning("the turns of conversation %s have to wait: %r", unit.conversation_id, error)
            unit.future.set_result(None)

    def _fail(self, units: Any, error: Exception) -> None:
        for unit in units:
            if unit.future.done():
                continue
            if isinstance(unit, Fresh):
                unit.future.set_exception(error)
            else:
                self._give_up(unit, error)

    def _follow(self, tenant_id: UUID, batch: Batch) -> None:
        """Set going what follows from committed turns."""
        for unit in batch.again:
            self._put(tenant_id, unit)
        for conversation_id, seconds in batch.pause:
            asyncio.get_running_loop().call_later(seconds + 0.05, self.wake, tenant_id, conversation_id)
        for apart in batch.apart:
            self._go(self._take_apart(tenant_id, apart))
        self._announcer.tell(tenant_id, batch.saved)
        for saved in batch.saved:
            self._fast.note(saved.taken.conversation.id, saved.fast)
            if saved.early_events:
                self.wake(tenant_id, saved.taken.conversation.id)
            if saved.pushes and saved.taken.state.waiting_for == "call":
                self.courtesies.typing(saved.taken.conversation.channel, tenant_id, saved.taken.conversation.id)
            for call in saved.calls:
                self._go(perform_in_process(self.tools, call, self.wake))

    async def _take_apart(self, tenant_id: UUID, apart: Apart) -> None:
        """A turn that runs a plugin: in a thread of its own and outside of any transaction, while the others go on."""
        turn = await self._apart.run(tenant_id, apart.claimed.turn)
        assert self._pool is not None
        try:
            async with self._pool.acquire() as conn:
                batch = await commit_apart(conn, tenant_id, apart, turn)
        except ASYNCPG_ERRORS as error:
            self._give_up(apart.unit, error)  # the lease runs out and the sweeper takes the input up again
        else:
            self._follow(tenant_id, batch)

    def _go(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("work after a turn failed", exc_info=error)
