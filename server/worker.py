"""The worker process: takes rings from RQ and does the jobs they name, many at a time, on one event loop.

RQ's loop runs in the main thread and only hands over; the jobs run as coroutines in a thread of their own, so that one slow service does
not keep the others waiting. A ring that is not exactly our entry function with two ids is refused before anything of it is imported.
"""

import asyncio
import contextlib
import importlib
import importlib.util
import logging
import pkgutil
import secrets
import signal
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import UUID

import redis
import uvloop
from redis.backoff import ExponentialBackoff
from redis.retry import Retry
from rq import Queue, SimpleWorker
from rq.exceptions import StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer

import server
from server.kit.jobs import ENTRY, QUEUE, RINGING, WAITING, Resources, rq_job, run_job
from server.kit.logs import start_log
from server.kit.settings import BadSetting, Settings
from server.kit.stuck import ending_when_stuck
from server.kit.tasks import end_tasks
from server.plugins.resources import open_resources
from server.turns.kinds import find_performers

AT_ONCE = 16
ROUNDS = 4
"""So many times AT_ONCE jobs are handed over for one ring."""
FINISH_S = 5.0
AGAIN_S = 1.0
LISTEN_S = 5
"""Seconds that one wait for a ring lasts. An answer that the network loses costs 10 s more; with RQ's own time it would be minutes."""

log = logging.getLogger(__name__)


Beside = Callable[[Resources], contextlib.AbstractAsyncContextManager[None]]
"""Other work on the same loop, while it lasts."""


class Refused(Exception):
    """A ring asks for something else than a job of ours."""


class Ring(Job):
    """A job of RQ that can only be our entry function with the ids of a tenant and a job; nothing named in Redis is ever imported."""

    @property
    def func(self) -> Any:
        """Our entry function; raises Refused for any other."""
        if self.func_name != ENTRY or self.instance is not None or self.kwargs or len(self.args) != 2:
            raise Refused("this is not a job of Chatloom")
        return perform

    def restore(self, raw_data: Any) -> Any:
        """Read the job without the callbacks and webhooks that somebody may have put there."""
        restored = super().restore(raw_data)
        self._success_callback_name = self._failure_callback_name = self._stopped_callback_name = None
        self.webhooks = []
        self.retries_left = None
        return restored


class RingQueue(Queue):
    """A queue of such rings."""

    job_class = Ring


class RingWorker(SimpleWorker):
    """Takes rings in its own process, one after the other; the work itself is handed to the loop."""

    job_class = Ring
    queue_class = RingQueue
    asked_to_stop = False

    def handle_warm_shutdown_request(self) -> None:
        """Remember that a signal has come."""
        self.asked_to_stop = True
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]


class Hands:
    """The event loop of this process, in a thread, with what the jobs share."""

    def __init__(self, settings: Settings, beside: Beside) -> None:
        self._settings = settings
        self._beside = beside
        self._free = threading.BoundedSemaphore(AT_ONCE)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._resources: Resources | None = None
        self._running: set[asyncio.Task[Any]] = set()
        self._ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)

    def start(self) -> None:
        """Open the database and begin; returns when jobs can be taken."""
        self._thread.start()
        self._ready.wait()
        if self._resources is None:
            raise RuntimeError("the worker could not open its connections")

    def take(self, tenant_id: UUID, job_id: UUID) -> None:
        """Do a job soon; waits while all hands are full."""
        self._free.acquire()
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._begin, tenant_id, job_id)

    def stop(self) -> None:
        """Finish what can be finished in a moment; the rest is left to the next worker."""
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(FINISH_S + 5)

    def _run(self) -> None:
        try:
            uvloop.run(self._live())
        finally:
            self._ready.set()

    async def _live(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with ending_when_stuck(), open_resources(self._settings) as resources, self._beside(resources):
            self._resources = resources
            self._ready.set()
            await self._stop.wait()
            if self._running:
                await asyncio.wait(self._running, timeout=FINISH_S)
            await end_tasks(*self._running)

    def _begin(self, tenant_id: UUID, job_id: UUID) -> None:
        task = asyncio.ensure_future(self._do(tenant_id, job_id))
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _do(self, tenant_id: UUID, job_id: UUID) -> Coroutine[Any, Any, str]:
        assert self._resources is not None
        return run_job(self._resources, tenant_id, job_id)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        self._free.release()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a job could not be run: %r", error)


hands: Hands | None = None
bell: "redis.Redis | None" = None


def perform(tenant_id: str, job_id: str) -> None:
    """The one function that RQ may call: hand over the job with these ids, and all that joined it since."""
    try:
        first = UUID(tenant_id), UUID(job_id)
    except (ValueError, AttributeError, TypeError):
        raise Refused("a ring carries the ids of a tenant and a job") from None
    assert hands is not None
    places = dict.fromkeys([first, *_joined(first_time=True)])
    for _ in range(ROUNDS):
        for place in places:
            hands.take(*place)
        places = dict.fromkeys(_joined())
        if not places:
            return
    for place in places:  # between two rings RQ looks whether it is to stop
        hands.take(*place)
    _ring_again(*first)


def _ring_again(tenant_id: UUID, job_id: UUID) -> None:
    """There may be more in the list."""
    assert bell is not None
    ring_id = f"{job_id}-{secrets.token_hex(4)}"
    bell.hset(f"rq:job:{ring_id}", mapping=dict(rq_job(tenant_id, job_id)))
    bell.rpush(f"rq:queue:{QUEUE}", ring_id)


def _joined(*, first_time: bool = False) -> list[tuple[UUID, UUID]]:
    """The next jobs of the list; from the first time on the next one to join rings again."""
    assert bell is not None
    if first_time:
        bell.delete(RINGING)
    found = []
    listed: Any = bell.lpop(WAITING, AT_ONCE)
    for line in listed or ():
        tenant, _, job = line.decode(errors="replace").partition(":")
        try:
            found.append((UUID(tenant), UUID(job)))
        except ValueError:
            log.warning("a ring that names no job: %r", line)
    return found


def load_jobs() -> None:
    """Import every room's jobs, and what performs their calls: what is not registered cannot be done, and to import takes time."""
    for room in pkgutil.iter_modules(server.__path__):
        path = f"server.{room.name}.jobs"
        if room.ispkg and room.name != "kit" and importlib.util.find_spec(path):
            importlib.import_module(path)
    find_performers()


def _nothing(_: Resources) -> contextlib.AbstractAsyncContextManager[None]:
    return contextlib.nullcontext()


def run(settings: Settings, beside: Beside = _nothing) -> None:
    """Do jobs until somebody asks to stop, and what else is given to do `beside` them."""
    global bell, hands
    if settings.redis_url is None:
        raise BadSetting("this process needs CHATLOOM_REDIS_URL; `chatloom run` sets it")
    start_log(settings.log_level)
    logging.getLogger("rq.worker").setLevel(logging.WARNING)
    load_jobs()
    hands = Hands(settings, beside)
    hands.start()
    connection = bell = redis.Redis.from_url(settings.redis_url, retry=Retry(ExponentialBackoff(cap=2.0), 10))
    while not listen(connection):
        time.sleep(AGAIN_S)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    hands.stop()


def listen(connection: redis.Redis) -> bool:
    """Take rings until somebody asks to stop (True), or Redis refuses (False): RQ's own loop ends at the first write that is refused."""
    worker = RingWorker(
        [RingQueue(QUEUE, connection=connection, serializer=JSONSerializer)],
        connection=connection,
        serializer=JSONSerializer,
        worker_ttl=LISTEN_S + 15,
    )
    try:
        worker.work(with_scheduler=False, logging_level="WARNING")
    except (SystemExit, StopRequested):
        return True
    except redis.RedisError as error:
        log.warning("no rings for now: %r", error)
    return worker.asked_to_stop
