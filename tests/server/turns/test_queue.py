"""Fair shares: between tenants, between lanes, between the hands that are free; and never two units of a conversation at once."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

import pytest

from flow_runtime import Message
from server.kit import clock
from server.kit.ids import uuid7
from server.turns.fast_lane import FastLane, Rule, rule_of
from server.turns.queue import BATCH, FAIR_BATCH, LOOK_AT_MOST, Queue
from server.turns.units import Fresh, Incoming, Pending, Unit

ONE, OTHER, THIRD = uuid7(), uuid7(), uuid7()


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


class Made:
    """Makes units without a running server."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._plain = Incoming(ONE, uuid7(), uuid7(), "key", Message(text="hello", at=clock.now(), seed=1))

    def fresh(self, conversation_id: UUID | None = None, *, fast: bool = False) -> Fresh:
        return Fresh(replace(self._plain, conversation_id=conversation_id or uuid7()), self._loop.create_future(), fast=fast)

    def pending(self, conversation_id: UUID | None = None, *, unhurried: bool = False) -> Pending:
        return Pending(conversation_id or uuid7(), self._loop.create_future(), unhurried=unhurried)


@pytest.fixture
def made(loop: asyncio.AbstractEventLoop) -> Made:
    return Made(loop)


def filled(made: Made, **waiting: int) -> Queue:
    queue = Queue()
    for name, count in waiting.items():
        for _ in range(count):
            queue.put({"one": ONE, "other": OTHER, "third": THIRD}[name], made.fresh())
    return queue


def taken(queue: Queue, hands: int = 1) -> tuple[UUID, int]:
    found = queue.take(hands)
    assert found is not None
    return found[0], len(found[1])


def test_a_tenant_that_floods_gets_its_share_and_the_others_theirs(made: Made) -> None:
    queue = filled(made, one=500, other=3, third=5)
    assert [taken(queue) for _ in range(4)] == [(ONE, FAIR_BATCH), (OTHER, 3), (THIRD, 5), (ONE, BATCH)]


def test_hands_that_are_free_share_what_waits(made: Made) -> None:
    queue = filled(made, one=16)
    assert [taken(queue, hands=2), taken(queue, hands=1)] == [(ONE, 8), (ONE, 8)]
    assert taken(filled(made, one=3), hands=2) == (ONE, 3), "a few are not worth it"


def test_two_units_of_a_conversation_are_never_out_together_and_keep_their_order(made: Made) -> None:
    queue, conversation_id = Queue(), uuid7()
    first, second, stranger = made.fresh(conversation_id), made.fresh(conversation_id), made.fresh()
    for unit in (first, second, stranger):
        queue.put(ONE, unit)
    assert queue.take() == (ONE, [first, stranger])
    assert queue.take() is None
    queue.done([first, stranger])
    assert queue.take() == (ONE, [second])


def test_a_batch_is_of_one_kind_and_one_that_goes_alone_goes_alone(made: Made) -> None:
    queue = Queue()
    units: list[Unit] = [made.fresh(), made.pending(), made.fresh(), made.pending()]
    alone = made.pending()
    alone.alone = True
    for unit in (*units, alone):
        queue.put(ONE, unit)
    batches = [found[1] for found in iter(queue.take, None)]
    assert batches == [[units[0], units[2]], [units[1], units[3]], [alone]]
    assert queue.waiting(alone.conversation_id) is None


def test_the_fast_lane_goes_first_and_the_slow_one_goes_on(made: Made) -> None:
    queue = filled(made, one=BATCH)
    fast = [made.fresh(fast=True) for _ in range(2 * BATCH)]
    for unit in fast:
        queue.put(ONE, unit)
    found = queue.take()
    assert found is not None
    assert (sum(unit.fast for unit in found[1]), len(found[1])) == (BATCH * 3 // 4, BATCH)
    assert found[1][0] is fast[0]


def test_what_nobody_waits_for_goes_last_but_not_never(made: Made) -> None:
    queue = filled(made, one=20 * BATCH)
    for _ in range(BATCH):
        queue.put(ONE, made.pending(unhurried=True))
    batches = []
    for _ in range(8):
        found = queue.take()
        assert found is not None
        queue.done(found[1])
        batches.append({type(unit) for unit in found[1]})
    assert batches == [{Fresh}] * 7 + [{Pending}]


def test_slow_units_of_another_kind_than_the_fast_ones_go_on(made: Made) -> None:
    queue = Queue()
    for _ in range(10 * BATCH):
        queue.put(ONE, made.fresh(fast=True))
    queue.put(ONE, made.pending())
    kinds = [type(found[1][0]) for found in [queue.take() for _ in range(4)] if found]
    assert kinds == [Fresh, Fresh, Fresh, Pending]


def test_a_long_row_of_one_conversation_costs_a_bounded_look(made: Made) -> None:
    queue, conversation_id = Queue(), uuid7()
    for _ in range(LOOK_AT_MOST * 3):
        queue.put(ONE, made.fresh(conversation_id))
    assert taken(queue) == (ONE, 1)
    assert len(queue) == LOOK_AT_MOST * 3 - 1


@pytest.mark.parametrize(
    ("attributes", "first"),
    [
        ({"plan": " Gold "}, True),
        ({"plan": "silver"}, False),
        ({"score": 80}, True),
        ({"score": 79.5}, False),
        ({"score": "99", "plan": 7}, False),
        ({}, False),
    ],
)
def test_a_plan_or_a_score_lets_a_contact_go_first(attributes: dict[str, object], first: bool) -> None:
    for written in ({"plans": ["gold"], "score": 80}, "gold, 80", " 80,Gold,, 95"):
        rule = rule_of({"fast_lane": written})
        assert rule is not None
        assert rule.takes(attributes) is first


@pytest.mark.parametrize(
    "settings",
    [{}, {"fast_lane": None}, {"fast_lane": " , "}, {"fast_lane": {"plans": []}}, {"fast_lane": {"plans": "gold", "score": True}}],
)
def test_without_a_rule_nobody_goes_first(settings: dict[str, object]) -> None:
    assert rule_of(settings) is None


def test_a_conversation_is_remembered_until_its_contact_does_not_go_first_any_more() -> None:
    lane, conversation_id = FastLane(), uuid7()
    lane.note(conversation_id, True)
    assert conversation_id in lane
    lane.note(conversation_id, False)
    assert conversation_id not in lane
    assert None not in lane
    assert Rule().takes({"plan": "gold"}) is False
