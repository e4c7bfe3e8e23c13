"""One tenant floods with ten times what each of the others sends: what that costs the others."""

import asyncio

import uvloop

from bench.flow import five_nodes
from bench.load.customers import Visitor, closed_load, open_load
from bench.load.processes import Processes, running
from bench.load.runs import Run, table
from bench.load.settings import Options

OTHERS = 4
FLOOD = 10
SHARE = 0.04
"""What each of the others sends, as a share of the most that the server takes: with the flood about half of it."""
CONNECTIONS = 16
MOST_COST = 0.2


def measure(options: Options) -> str:
    """The table: the others alone, then beside the flood."""
    place = options.place
    others = [str(place.publish(five_nodes()).channel_id) for _ in range(OTHERS)]
    flooder = str(place.bot.channel_id)
    with running(place, flames=options.flames, name="flood") as processes:
        most = uvloop.run(closed_load([Visitor(processes.port, flooder) for _ in range(64)], options.seconds)).per_second
        pairs = []
        for _ in range(options.rounds):
            quiet = uvloop.run(_beside(processes, others, most * SHARE, None, options.seconds))
            loud = uvloop.run(_beside(processes, others, most * SHARE, flooder, options.seconds))
            pairs.append((quiet, loud))
    quiet, loud = (min((pair[which] for pair in pairs), key=lambda run: run.percentile(0.95)) for which in (0, 1))
    cost = loud.percentile(0.95) / quiet.percentile(0.95) - 1
    rows = [[name, f"{run.per_second:,.0f}", run.percentiles] for name, run in (("others alone", quiet), ("beside the flood", loud))]
    said = (
        f"\n\nThe flood costs the others **{cost:+.0%}** at p95; wanted: {MOST_COST:.0%} at most. The most the server takes: {most:,.0f}/s."
    )
    return table(("load", "turns/s of the others", "p50 / p95 / p99 ms"), rows) + said


async def _beside(processes: Processes, others: list[str], rate: float, flooder: str | None, seconds: float) -> Run:
    def visitors(channel: str, count: int) -> list[Visitor]:
        return [Visitor(processes.port, channel, conversations=8) for _ in range(count)]

    loads = [open_load(visitors(channel, CONNECTIONS), rate, seconds) for channel in others]
    if flooder is not None:
        loads.append(open_load(visitors(flooder, CONNECTIONS * 4), rate * FLOOD, seconds))
    runs = await asyncio.gather(*loads)
    return Run([ms for run in runs[: len(others)] for ms in run.milliseconds], seconds)
