"""`make bench`: turns per second of the real server against the bare limit, in one run on this machine."""

import argparse
import tempfile
from pathlib import Path

from bench.checks import NODES, check_times
from bench.load import turns
from bench.load.settings import Options
from bench.place import measuring_place
from bench.runtime import report


def main() -> None:
    """Measure and print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=5.0, help="how long each figure is measured")
    options.add_argument("--concurrency", type=int, nargs="*", default=list(turns.CONCURRENCIES))
    options.add_argument("--rounds", type=int, default=3, help="the servers take turns so many times; the better run of each counts")
    chosen = options.parse_args()
    print(report(min(chosen.seconds, 3.0)), end="\n\n")
    first, again = check_times()
    print(f"checks of a flow of {NODES} nodes: {first:.0f} ms of CPU at first, {again:.0f} ms after an edit\n")
    with (
        tempfile.TemporaryDirectory(prefix="chatloom-bench-", ignore_cleanup_errors=True) as folder,
        measuring_place(Path(folder)) as place,
    ):
        print(turns.measure(Options(place, chosen.seconds, chosen.rounds, concurrency=chosen.concurrency)))


if __name__ == "__main__":
    main()
