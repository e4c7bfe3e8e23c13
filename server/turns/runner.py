"""The turn runner: answers the doorbell, and sweeps every other second for what was left.

Any number of runners may run: leases and version numbers decide who takes what.
"""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import UUID

from redis.asyncio import Redis

from server.analytics.ingest import roll_up_all
from server.conversations.close import close_abandoned
from server.conversations.deliver import AHEAD_S, Delivery
from server.conversations.events import forget_early_events
from server.conversations.inbox import DOORBELL
from server.events.follow import follow_all
from server.events.reader import woken_readers
from server.kit.jobs import Resources, due_jobs, ring_again
from server.kit.logs import start_log
from server.kit.rates import SharedRates
from server.kit.settings import Settings
from server.kit.stuck import ending_when_stuck
from server.kit.tasks import end_tasks
from server.plugins.resources import open_resources
from server.turns.carry_out import perform_in_process
from server.turns.engine import Turns
from server.turns.finish_call import claim_call, give_up_call
from server.turns.schedules import fire_schedules
from server.turns.sweep import DueCall, due_calls, waiting_conversations, waiting_outboxes
from server.turns.timers import fire_timers
from server.webhooks.fan_out import forget_deliveries

SWEEP_EVERY_S = 1.0
ROLL_UP_EVERY_S = 2.0
CLOSE_EVERY_S = 60.0
RINGS_AT_ONCE = 500
MOST_FIRED = 1_000

log = logging.getLogger(__name__)


class Runner:
    """The work of one runner process."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.resources = turns.resources
        resources = self.resources
        self.delivery = Delivery(
            resources.db, resources.vault, resources.http, SharedRates(resources.redis, AHEAD_S), resources.settings.public_url
        )
        self._readers = woken_readers(resources)
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Its loops run while this lasts."""
        loops = [
            asyncio.create_task(self._answer_doorbell(), name="doorbell"),
            asyncio.create_task(self._every(SWEEP_EVERY_S, self.sweep), name="sweeper"),
            asyncio.create_task(self._every(ROLL_UP_EVERY_S, self._roll_up), name="roll-up"),
            asyncio.create_task(follow_all(self.resources, self._readers), name="readers of events"),
            asyncio.create_task(self._every(CLOSE_EVERY_S, self._close_abandoned), name="closer"),
        ]
        try:
            yield
        finally:
            await end_tasks(*loops, *self._tasks)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`."""
        async with self.at_work():
            await stop.wait()

    async def sweep(self) -> None:
        """Take up everything that is due."""
        db, redis = self.resources.db, self.resources.redis
        await self._fire_timers()
        for tenant_id, conversation_id in await waiting_conversations(db):
            self.turns.wake(tenant_id, conversation_id)
        for call in await due_calls(db):
            await self._take_up_call(call)
        for tenant_id, conversation_id in await waiting_outboxes(db):
            self._deliver(tenant_id, conversation_id)
        await fire_schedules(db)
        for tenant_id, job_id in await due_jobs(db):
            await ring_again(redis, tenant_id, job_id)

    async def _fire_timers(self) -> None:
        """All that are due, as fast as their turns are taken: those of a busy second are spread over the next ones."""
        while self.turns.waiting < MOST_FIRED and (fired := await fire_timers(self.resources.db)):
            for tenant_id, conversation_id in fired:
                self.turns.wake(tenant_id, conversation_id, unhurried=True)

    async def _take_up_call(self, due: DueCall) -> None:
        db = self.resources.db
        if due.late:
            conversation_id = await give_up_call(db, due.tenant_id, due.id)
            if conversation_id is not None:
                self.turns.wake(due.tenant_id, conversation_id)
        elif (call := await claim_call(db, due.tenant_id, due.id)) is not None:
            self._go(perform_in_process(self.turns.tools, call, self.turns.wake))

    async def _answer_doorbell(self) -> None:
        redis = self.resources.redis
        while True:
            try:
                for (tenant_id, conversation_id), wanted in (await _rings(redis)).items():
                    if wanted != {"send"}:
                        self.turns.wake(tenant_id, conversation_id)
                    if wanted != {"turn"}:
                        self._deliver(tenant_id, conversation_id)
            except Exception as error:
                log.warning("the doorbell is out of order: %r", error)
                await asyncio.sleep(1.0)

    def _deliver(self, tenant_id: UUID, conversation_id: UUID) -> None:
        self._go(self.delivery.deliver(tenant_id, conversation_id))

    async def _roll_up(self) -> None:
        await roll_up_all(self.resources.db, self.resources.live)

    async def _close_abandoned(self) -> None:
        await close_abandoned(self.resources.db)
        await forget_deliveries(self.resources.db)
        await forget_early_events(self.resources.db)

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except Exception:
                log.exception("sweeping failed")
            await asyncio.sleep(seconds)

    def _go(self, work: "Awaitable[None]") -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("work after a ring failed", exc_info=error)


async def _rings(redis: Redis) -> dict[tuple[UUID, UUID], set[str]]:
    """The conversations whose doorbell rang, after waiting for the first, and what for: "turn", "send" or "" for whatever there is."""
    first = await redis.blpop([DOORBELL], timeout=1)
    if first is None:
        return {}
    more = await redis.lpop(DOORBELL, RINGS_AT_ONCE) or []
    found: dict[tuple[UUID, UUID], set[str]] = {}
    for ring in (first[1], *more):
        tenant, _, rest = (ring.decode() if isinstance(ring, bytes) else str(ring)).partition(":")
        conversation, _, only = rest.partition(":")
        try:
            found.setdefault((UUID(tenant), UUID(conversation)), set()).add(only)
        except ValueError:
            log.warning("a ring that names no conversation: %r", ring)
    return found


@asynccontextmanager
async def taking_turns(resources: Resources) -> AsyncIterator[None]:
    """A runner is at work while this lasts."""
    one = resources
    turns = Turns(one.db, one.redis, one.live, one.settings, one.vault, one.http)
    await turns.start()
    try:
        async with Runner(turns).at_work():
            yield
    finally:
        await turns.stop()


async def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT."""
    start_log(settings.log_level)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with ending_when_stuck(), open_resources(settings) as resources, taking_turns(resources):
        await stop.wait()
