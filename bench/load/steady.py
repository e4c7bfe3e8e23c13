"""Open load: customers come at random moments whether the server keeps up or not, at shares of what it can take."""

import uvloop

from bench.load.customers import Visitor, closed_load, open_load
from bench.load.processes import POSTGRES, WEB, running
from bench.load.runs import table
from bench.load.settings import Options

SHARES = (0.25, 0.5, 0.75)
AT_ONCE = 64
CONNECTIONS = 128


def measure(options: Options) -> str:
    """The table: latency counts from the moment a customer came."""
    channel = str(options.place.bot.channel_id)
    with running(options.place, flames=options.flames, name="open") as processes:

        def visitors(count: int, conversations: int) -> list[Visitor]:
            return [Visitor(processes.port, channel, conversations=conversations) for _ in range(count)]

        most = uvloop.run(closed_load(visitors(AT_ONCE, 20), options.seconds, processes.watch))
        rows = [[f"closed, {AT_ONCE} at once", f"{most.per_second:,.0f}", most.percentiles, *most.cpu_cells(WEB, POSTGRES)]]
        for share in SHARES:
            run = uvloop.run(open_load(visitors(CONNECTIONS, 8), most.per_second * share, options.seconds, processes.watch))
            rows.append([f"open, {share:.0%} of it", f"{run.per_second:,.0f}", run.percentiles, *run.cpu_cells(WEB, POSTGRES)])
    return table(("load", "turns/s", "p50 / p95 / p99 ms", "web us", "PG us"), rows)
