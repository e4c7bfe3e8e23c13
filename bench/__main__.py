"""`make bench`: turns per second of the real server against the bare limit, in one run on this machine."""

import argparse
import tempfile
from pathlib import Path

import uvloop

from bench.checks import NODES, check_times
from bench.load import Result, measure
from bench.place import Place, free_port, measuring_place, serving
from bench.runtime import report

CONCURRENCIES = (1, 16, 64)


def main() -> None:
    """Measure and print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=5.0, help="how long each figure is measured")
    options.add_argument("--concurrency", type=int, nargs="*", default=list(CONCURRENCIES))
    options.add_argument("--rounds", type=int, default=3, help="the servers take turns so many times; the better run of each counts")
    chosen = options.parse_args()
    print(report(min(chosen.seconds, 3.0)), end="\n\n")
    first, again = check_times()
    print(f"checks of a flow of {NODES} nodes: {first:.0f} ms of CPU at first, {again:.0f} ms after an edit\n")
    with (
        tempfile.TemporaryDirectory(prefix="chatloom-bench-", ignore_cleanup_errors=True) as folder,
        measuring_place(Path(folder)) as place,
    ):
        print("| at once | ours: turns/s | p50 / p95 / p99 ms | CPU us | bare: turns/s | p50 / p95 / p99 ms | CPU us | ours / bare |")
        print("|---:|---:|---:|---:|---:|---:|---:|---:|")
        for concurrency in chosen.concurrency:
            ours, bare = _compare(place, concurrency, chosen.seconds, chosen.rounds)
            ratio = ours.per_second / bare.per_second
            print(f"| {concurrency} | {_cells(ours)} | {_cells(bare)} | **{ratio:.2f}** |", flush=True)


def _compare(place: Place, concurrency: int, seconds: float, rounds: int) -> tuple[Result, Result]:
    ours, bare = [], []
    for _ in range(rounds):
        ours.append(_run_ours(place, concurrency, seconds))
        bare.append(_run_bare(place, concurrency, seconds))
    return max(ours, key=lambda run: run.per_second), max(bare, key=lambda run: run.per_second)


def _run_ours(place: Place, concurrency: int, seconds: float) -> Result:
    port = free_port()
    return _measured(place, ["-m", "server.cli", "web"], port, {"CHATLOOM_PORT": str(port)}, concurrency, seconds)


def _run_bare(place: Place, concurrency: int, seconds: float) -> Result:
    port = free_port()
    options = ["--port", str(port), "--loop", "uvloop", "--http", "httptools", "--log-level", "error", "--no-access-log"]
    return _measured(place, ["-m", "uvicorn", *options, "bench.bare:app"], port, {}, concurrency, seconds)


def _measured(place: Place, command: list[str], port: int, more: dict[str, str], concurrency: int, seconds: float) -> Result:
    with serving(command, port, place.environment | more) as process:
        return uvloop.run(measure(port, str(place.channel_id), concurrency, seconds, process.pid))


def _cells(result: Result) -> str:
    latencies = " / ".join(f"{result.percentile(share):.1f}" for share in (0.5, 0.95, 0.99))
    return f"{result.per_second:,.0f} | {latencies} | {result.cpu_us:.0f}"


if __name__ == "__main__":
    main()
