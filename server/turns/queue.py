"""What waits for a turn in this process, tenant by tenant and lane by lane, so that nobody keeps all the others waiting."""

import math
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Sequence
from uuid import UUID

from server.turns.units import Pending, Unit

BATCH = 64
FAIR_BATCH = 16
"""What one tenant gets at a time while others wait."""
WORTH_SHARING = 8
"""From so many units on, a free pair of hands gets its share of them."""
SLOW_SHARE = 4
"""One place in so many of a batch is kept for the slow lane."""
SLOW_TURN = 4
UNHURRIED_TURN = 8
"""One batch in so many begins with such units: kinds of units do not mix, so a place in a batch of another kind is none."""
LOOK_AT_MOST = 4 * BATCH


class Line:
    """What waits for one tenant: the fast lane goes first, but not alone; what nobody waits for goes last, but not never."""

    def __init__(self) -> None:
        self._fast: deque[Unit] = deque()
        self._slow: deque[Unit] = deque()
        self._unhurried: deque[Unit] = deque()
        self._turn = 0

    def __len__(self) -> int:
        return len(self._fast) + len(self._slow) + len(self._unhurried)

    def __iter__(self) -> Iterator[Unit]:
        yield from self._fast
        yield from self._slow
        yield from self._unhurried

    def put(self, unit: Unit) -> None:
        """Add a unit at the end of its lane."""
        unhurried = isinstance(unit, Pending) and unit.unhurried
        (self._unhurried if unhurried else self._fast if unit.fast else self._slow).append(unit)

    def take(self, most: int, out: set[object]) -> list[Unit]:
        """At most so many units of one kind, each of a conversation of its own that is not `out`; an `alone` unit comes by itself."""
        batch: list[Unit] = []
        held = set(out)
        self._turn += 1
        if self._turn % UNHURRIED_TURN == 0:
            _pick(self._unhurried, most, batch, held)
        if self._turn % SLOW_TURN == 0:
            _pick(self._slow, most, batch, held)
        kept_for_slow = most // SLOW_SHARE if self._slow else 0
        _pick(self._fast, most - kept_for_slow, batch, held)
        _pick(self._slow, most, batch, held)
        _pick(self._fast, most, batch, held)
        _pick(self._unhurried, most, batch, held)
        return batch


def _pick(lane: deque[Unit], most: int, batch: list[Unit], held: set[object]) -> None:
    """Move what fits from the lane into the batch; what came later for a conversation that is `held` does not overtake."""
    passed: list[Unit] = []
    while lane and len(batch) < most and len(passed) < LOOK_AT_MOST:
        unit = lane.popleft()
        if unit.place not in held and (not batch or _go_together(batch[0], unit)):
            batch.append(unit)
        else:
            passed.append(unit)
        held.add(unit.place)
    lane.extendleft(reversed(passed))


def _go_together(one: Unit, other: Unit) -> bool:
    return type(one) is type(other) and not one.alone and not other.alone


class Queue:
    """Units by tenant. The tenants take turns; two units of the same conversation are never out at the same time."""

    def __init__(self) -> None:
        self._lines: OrderedDict[UUID, Line] = OrderedDict()
        self._out: set[object] = set()
        self._pending: dict[UUID, Pending] = {}

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    def length_of(self, tenant_id: UUID) -> int:
        """How many units of one tenant wait."""
        return len(self._lines.get(tenant_id, ()))

    def tenants(self) -> int:
        """How many tenants have something that waits."""
        return len(self._lines)

    def units(self) -> list[Unit]:
        """Everything that waits."""
        return [unit for line in self._lines.values() for unit in line]

    def put(self, tenant_id: UUID, unit: Unit) -> None:
        """Add a unit at the end."""
        if isinstance(unit, Pending):
            self._pending[unit.conversation_id] = unit
        self._lines.setdefault(tenant_id, Line()).put(unit)

    def waiting(self, conversation_id: UUID) -> Pending | None:
        """The unit of a conversation that waits and has not begun."""
        return self._pending.get(conversation_id)

    def take(self, hands: int = 1) -> tuple[UUID, Sequence[Unit]] | None:
        """The next batch, of one tenant; `hands` are free to take one, the caller's among them."""
        for tenant_id in list(self._lines):
            line = self._lines.pop(tenant_id)
            batch = line.take(self._most(len(line), hands), self._out)
            if line:
                self._lines[tenant_id] = line  # at the end: the others come first
            if batch:
                self._begin(batch)
                return tenant_id, batch
        return None

    def _most(self, waiting: int, hands: int) -> int:
        """While one batch waits for the database the next one can be computed: free hands share what is worth sharing."""
        most = FAIR_BATCH if self._lines else BATCH
        return most if waiting < WORTH_SHARING else min(most, math.ceil(waiting / hands))

    def _begin(self, batch: Iterable[Unit]) -> None:
        for unit in batch:
            self._out.add(unit.place)
            if isinstance(unit, Pending):
                self._pending.pop(unit.conversation_id, None)

    def done(self, units: Iterable[Unit]) -> None:
        """The units are not out any more."""
        self._out.difference_update(unit.place for unit in units)
