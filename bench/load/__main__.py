"""`make bench-load`: every figure, or `ONLY=name` alone; each prints a table."""

import argparse
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

from bench.load import flood, integrations, memory, models, soak, steady, streams, turns, webhooks
from bench.load.settings import Options
from bench.place import measuring_place

FIGURES: Mapping[str, tuple[str, Callable[[Options], str]]] = {
    "turns": ("Five-node turns beside the bare limit", turns.measure),
    "open": ("Open load", steady.measure),
    "model": ("A turn with a model call of 200 ms", models.measure),
    "integration": ("A turn with an HTTP integration, through RQ", integrations.measure),
    "webhook": ("Webhooks acknowledged", webhooks.measure),
    "streams": ("Open widgets", streams.measure),
    "flood": ("A tenant that floods", flood.measure),
    "soak": ("A long run", soak.measure),
    "memory": ("Memory after the start", memory.measure),
}


def main() -> None:
    """Measure what was asked for and print it."""
    options = argparse.ArgumentParser(prog="bench.load", description=__doc__)
    options.add_argument("--only", nargs="*", choices=list(FIGURES), default=list(FIGURES), help="these figures alone")
    options.add_argument("--seconds", type=float, default=5.0, help="how long each number is measured")
    options.add_argument("--rounds", type=int, default=3, help="what is compared takes turns so many times; the better run of each counts")
    options.add_argument("--minutes", type=float, default=10.0, help="how long the soak takes")
    options.add_argument("--concurrency", type=int, nargs="*", default=(), help="instead of the usual ones")
    options.add_argument("--flames", type=Path, help="a folder for flame graphs of the measured processes (needs py-spy)")
    chosen = options.parse_args()
    for name in chosen.only:
        title, measure = FIGURES[name]
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="chatloom-load-", ignore_cleanup_errors=True))
            place = stack.enter_context(measuring_place(Path(folder)))
            given = Options(place, chosen.seconds, chosen.rounds, chosen.minutes, chosen.concurrency, chosen.flames)
            print(f"### {title}\n\n{measure(given)}\n", flush=True)


if __name__ == "__main__":
    main()
