"""Durable five-node turns through the real HTTP API beside the bare limit: closed load, the two take turns."""

import uvloop

from bench.load.customers import Visitor, closed_load
from bench.load.processes import POSTGRES, WEB, Processes, running
from bench.load.runs import Run, table
from bench.load.settings import Options

CONCURRENCIES = (1, 16, 64)
SIDE = ("turns/s", "p50 / p95 / p99 ms", "web us", "PG us")
HEAD = ("at once", *(f"ours: {name}" for name in SIDE), *(f"bare: {name}" for name in SIDE), "ours / bare")


def measure(options: Options) -> str:
    """The table; processor time is for each turn."""
    rows = []
    for concurrency in options.concurrency or CONCURRENCIES:
        ours, bare = [], []
        for _ in range(options.rounds):
            ours.append(_ours(options, concurrency))
            bare.append(_bare(options, concurrency))
        best, limit = (max(runs, key=lambda run: run.per_second) for runs in (ours, bare))
        rows.append([str(concurrency), *_cells(best), *_cells(limit), f"**{best.per_second / limit.per_second:.2f}**"])
    return table(HEAD, rows)


def _ours(options: Options, concurrency: int) -> Run:
    with running(options.place, flames=options.flames, name=f"turns-{concurrency}") as processes:
        return _talk(processes, options, concurrency)


def _bare(options: Options, concurrency: int) -> Run:
    with running(options.place, webs=0) as processes:
        processes.start_bare("bench.bare:app")
        return _talk(processes, options, concurrency)


def _talk(processes: Processes, options: Options, concurrency: int) -> Run:
    visitors = [Visitor(processes.port, str(options.place.bot.channel_id)) for _ in range(concurrency)]
    return uvloop.run(closed_load(visitors, options.seconds, processes.watch))


def _cells(run: Run) -> list[str]:
    return [f"{run.per_second:,.0f}", run.percentiles, *run.cpu_cells(WEB, POSTGRES)]
