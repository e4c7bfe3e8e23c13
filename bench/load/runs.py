"""What a run under load came to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Run:
    """Latencies in milliseconds, how long was measured, and the seconds of processor time that each role used in that time."""

    milliseconds: Sequence[float]
    seconds: float
    cpu: Mapping[str, float] = field(default_factory=dict)

    @property
    def per_second(self) -> float:
        """How many were answered in a second."""
        return len(self.milliseconds) / self.seconds

    def percentile(self, share: float) -> float:
        """The latency that so many stay below, in milliseconds; 0 when there is none."""
        ordered = sorted(self.milliseconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0

    def cpu_us(self, role: str) -> float:
        """Microseconds of the role's processor time for each answer."""
        return self.cpu.get(role, 0.0) * 1e6 / max(len(self.milliseconds), 1)

    @property
    def percentiles(self) -> str:
        """p50 / p95 / p99 in milliseconds."""
        return " / ".join(f"{self.percentile(share):.1f}" for share in (0.5, 0.95, 0.99))

    def cpu_cells(self, *roles: str) -> list[str]:
        """Microseconds of processor time for each answer by role, as cells of a table."""
        return [f"{self.cpu_us(role):,.0f}" for role in roles]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; every column but the first is a number."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def slope(points: Sequence[tuple[float, float]]) -> float:
    """How much the second value grows for each one of the first: the straight line with the least squares."""
    count = len(points)
    middle_x, middle_y = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
    width = sum((x - middle_x) ** 2 for x, _ in points)
    return sum((x - middle_x) * (y - middle_y) for x, y in points) / width if width else 0.0
