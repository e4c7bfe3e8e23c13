"""Who is turned away, and what they are told."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID, uuid4

import httpx
import pytest

from server.kit.db import Database
from server.kit.errors import Problem
from server.kit.settings import Settings
from server.turns import admission
from server.turns.admission import Admission, Pace
from server.turns.queue import Queue
from server.turns.units import Pending
from tests.server.turns.bots import ECHO, publish
from tests.server.turns.talk import post, say

BUSY, QUIET = uuid4(), uuid4()


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def fill() -> Callable[[Queue, UUID, int], None]:
    """Puts units into a queue."""

    def put(queue: Queue, tenant_id: UUID, count: int) -> None:
        for _ in range(count):
            queue.put(tenant_id, Pending(uuid4(), asyncio.get_running_loop().create_future()))

    return put


def refused(check: Callable[[], None]) -> Problem:
    with pytest.raises(Problem) as caught:
        check()
    return caught.value


def test_the_pace_is_that_of_the_last_seconds(clock: Clock) -> None:
    pace = Pace(clock)
    for _ in range(300):
        clock.now += 0.1
        pace.note(20)
    assert pace.per_second() == pytest.approx(200, rel=0.05)
    clock.now += 30
    assert pace.per_second() < 1


def test_a_visitor_writes_in_bursts_but_not_for_ever(clock: Clock) -> None:
    limits = Admission(Queue(), 2, clock)
    visitor, other = uuid4(), uuid4()
    for _ in range(6):
        limits.check_visitor(visitor)
    problem = refused(lambda: limits.check_visitor(visitor))
    assert (problem.status, problem.code, problem.headers["Retry-After"]) == (429, "too_many_messages", "1")
    assert problem.headers["RateLimit-Remaining"] == "0"
    limits.check_visitor(other)
    clock.now += 0.5
    limits.check_visitor(visitor)
    refused(lambda: limits.check_visitor(visitor))


def test_no_rate_is_no_limit() -> None:
    limits = Admission(Queue(), 0)
    visitor = uuid4()
    for _ in range(1_000):
        limits.check_visitor(visitor)


async def test_a_workspace_that_fills_its_share_leaves_room_for_the_others(clock: Clock, fill: Callable[[Queue, UUID, int], None]) -> None:
    queue = Queue()
    limits = Admission(queue, 0, clock)
    fill(queue, BUSY, admission.MOST_OF_A_TENANT)
    limits.pace.note(500)
    problem = refused(lambda: limits.check_room(BUSY))
    assert (problem.status, problem.code, problem.headers["Retry-After"]) == (429, "workspace_busy", "10")
    limits.check_room(QUIET)


async def test_a_full_process_says_when_to_come_again(clock: Clock, fill: Callable[[Queue, UUID, int], None]) -> None:
    queue = Queue()
    limits = Admission(queue, 0, clock)
    for _ in range(4):
        fill(queue, uuid4(), admission.MOST_WAITING // 4)
    assert refused(lambda: limits.check_room(QUIET)).headers["Retry-After"] == "60"
    limits.pace.note(2_500)
    problem = refused(lambda: limits.check_room(QUIET))
    assert (problem.status, problem.headers["Retry-After"]) == (503, "5")


class TestRoute:
    @pytest.fixture
    async def settings(self, settings: Settings) -> Settings:
        return replace(settings, visitor_rate=1)

    async def test_a_flood_is_turned_away_and_others_are_answered(self, client: httpx.AsyncClient, db: Database) -> None:
        bot = await publish(db, ECHO)
        flooding, other = await say(client, bot, start=True), await say(client, bot, start=True)
        answers = [await post(client, bot, flooding, text="x") for _ in range(12)]
        statuses = [answer.status_code for answer in answers]
        assert statuses[:3] == [200, 200, 200]
        last = next(answer for answer in answers if answer.status_code == 429)
        assert last.headers["retry-after"] == "1"
        assert last.json()["type"] == "urn:chatloom:too_many_messages"
        assert (await post(client, bot, other, text="hello")).status_code == 200
