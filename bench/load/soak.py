"""A long run at a steady rate: whether the memory of any process grows."""

import asyncio
import time

import uvloop

from bench.load.customers import Visitor, open_load
from bench.load.processes import RUNNER, WEB, Processes, running
from bench.load.runs import slope, table
from bench.load.settings import Options

PER_SECOND = 100.0
CONNECTIONS = 32
LOOK_EVERY_S = 5.0
SETTLED_AFTER = 0.25
"""The share of the run that is left out: caches fill and the first of everything happens."""


def measure(options: Options) -> str:
    """The table: megabytes at the start, in the end, and the slope between."""
    with running(options.place, runners=1, flames=options.flames, name="soak") as processes:
        return uvloop.run(_measure(processes, str(options.place.bot.channel_id), options.minutes * 60))


async def _measure(processes: Processes, channel: str, seconds: float) -> str:
    looking = asyncio.create_task(_look(processes, seconds))
    run = await open_load([Visitor(processes.port, channel) for _ in range(CONNECTIONS)], PER_SECOND, seconds, processes.watch)
    seen = await looking
    rows = []
    for role in (WEB, RUNNER):
        points = [(minute, memory[role]) for minute, memory in seen if role in memory]
        settled = [point for point in points if point[0] * 60 >= seconds * SETTLED_AFTER]
        peak = max(size for _, size in points)
        rows.append([role, f"{points[0][1]:.1f}", f"{points[-1][1]:.1f}", f"{peak:.1f}", f"**{slope(settled):+.3f}**"])
    what = f"\n\n{len(run.milliseconds):,} turns in {seconds / 60:.1f} minutes, p50 / p95 / p99 {run.percentiles} ms."
    said = f" The slope is that of the last {1 - SETTLED_AFTER:.0%} of the time."
    return table(("process", "MB at first", "in the end", "at most", "MB/minute"), rows) + what + said


async def _look(processes: Processes, seconds: float) -> list[tuple[float, dict[str, float]]]:
    """(minute, PSS in megabytes by role), every few seconds."""
    seen, began = [], time.perf_counter()
    while time.perf_counter() - began < seconds:
        memory = {role: used.pss for role, used in processes.memory().items()}
        seen.append(((time.perf_counter() - began) / 60, memory))
        await asyncio.sleep(LOOK_EVERY_S)
    return seen
