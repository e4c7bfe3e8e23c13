"""What waits for a turn in this process, tenant by tenant, so that a busy tenant does not keep the others waiting."""

from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from uuid import UUID

from server.turns.units import Pending, Unit

BATCH = 64


class Queue:
    """Units by tenant. The tenants take turns; two units of the same conversation are never out at the same time."""

    def __init__(self) -> None:
        self._tenants: OrderedDict[UUID, deque[Unit]] = OrderedDict()
        self._out: set[object] = set()
        self._pending: dict[UUID, Pending] = {}

    def __len__(self) -> int:
        return sum(len(units) for units in self._tenants.values())

    def length_of(self, tenant_id: UUID) -> int:
        """How many units of one tenant wait."""
        return len(self._tenants.get(tenant_id, ()))

    def tenants(self) -> int:
        """How many tenants have something that waits."""
        return len(self._tenants)

    def units(self) -> list[Unit]:
        """Everything that waits."""
        return [unit for units in self._tenants.values() for unit in units]

    def put(self, tenant_id: UUID, unit: Unit) -> None:
        """Add a unit at the end."""
        if isinstance(unit, Pending):
            self._pending[unit.conversation_id] = unit
        self._tenants.setdefault(tenant_id, deque()).append(unit)

    def waiting(self, conversation_id: UUID) -> Pending | None:
        """The unit of a conversation that waits and has not begun."""
        return self._pending.get(conversation_id)

    def take(self) -> tuple[UUID, Sequence[Unit]] | None:
        """The next batch: units of one tenant and one kind, each of a conversation of its own."""
        for tenant_id in list(self._tenants):
            units = self._tenants.pop(tenant_id)
            batch, rest = self._split(units)
            if rest:
                self._tenants[tenant_id] = rest  # at the end: the others come first
            if batch:
                return tenant_id, batch
        return None

    def done(self, units: Iterable[Unit]) -> None:
        """The units are not out any more."""
        self._out.difference_update(unit.place for unit in units)

    def _split(self, units: deque[Unit]) -> tuple[list[Unit], deque[Unit]]:
        batch: list[Unit] = []
        rest: deque[Unit] = deque()
        held: set[object] = set()
        for unit in units:
            place = unit.place
            fits = len(batch) < BATCH and (not batch or (type(unit) is type(batch[0]) and not unit.alone and not batch[0].alone))
            if fits and place not in self._out and place not in held:
                self._out.add(place)
                batch.append(unit)
                if isinstance(unit, Pending):
                    self._pending.pop(unit.conversation_id, None)
            else:
                held.add(place)  # what came later for the same conversation must not overtake
                rest.append(unit)
        return batch, rest
