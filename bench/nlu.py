"""How well the intent classifier understands: `make bench-nlu DATA=folder` with <name>_train.csv and <name>_test.csv (text, label).

For every data set in the folder: accuracy, calibration, what its own threshold refuses, seconds of training and milliseconds of
prediction, at 5 and 10 examples per intent and with all of them. Few-shot figures are means over three draws; when the folder has
fewshot_splits.json (rows by "<name>_<shots>"), the published draw is measured too. What is out of scope: rows labelled "oos" when there
are some; else the test messages of every other data set ("far") and of a third of the intents that training did not see ("near").
"""

import argparse
import csv
import json
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from server.flows.intents.classify import Classification
from server.flows.intents.examples import Example
from server.flows.intents.model import IntentModel
from server.flows.intents.train import train

SHOTS = (5, 10, None)
DRAWS = 3
TIMED = 300
BINS = 15
OUT_OF_SCOPE = "oos"
FLOORS = {"banking77": 0.73, "clinc150": 0.81, "hwu64": 0.69}
"""The least mean accuracy with ten examples per intent; below it the bench fails."""


@dataclass(frozen=True)
class DataSet:
    """Training and test messages in scope, and test messages that are not."""

    name: str
    training: list[Example]
    test: list[Example]
    outside: list[str]
    splits: Mapping[str, Sequence[int]]


@dataclass(frozen=True)
class Figures:
    """One training: shares from 0 to 1 (None: not measured), times in seconds and milliseconds."""

    accuracy: float
    error: float
    coverage: float
    right: float
    far: float | None
    near: float | None
    seconds: float
    p50: float
    p95: float


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", type=Path, required=True, help="folder with <name>_train.csv and <name>_test.csv")
    options.add_argument("--draws", type=int, default=DRAWS)
    chosen = options.parse_args()
    sets = read_sets(chosen.data)
    if not sets:
        raise SystemExit(f"{chosen.data} has no file <name>_train.csv beside a <name>_test.csv.")
    print("| data | examples per intent | accuracy | ECE | kept | kept and right | refused: far | near | training s | p50 / p95 ms |")
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    fallen = []
    for data in sets:
        far = data.outside or [text for other in sets if other is not data for text, _ in other.test]
        for shots in SHOTS:
            draws = [measure(data, examples_of(data.training, shots, seed), far, seed) for seed in range(chosen.draws if shots else 1)]
            mean = _mean(draws)
            print(_line(data.name, str(shots or "all"), mean), flush=True)
            if shots == 10 and mean.accuracy < FLOORS.get(data.name, 0.0):
                fallen.append(f"{data.name}: {mean.accuracy:.1%} with ten examples per intent; the floor is {FLOORS[data.name]:.0%}.")
            if (rows := data.splits.get(f"{data.name}_{shots}")) is not None:
                published = measure(data, [data.training[row] for row in rows], far, 0)
                print(_line(data.name, f"{shots} (published split)", published), flush=True)
    if fallen:
        raise SystemExit("\n".join(fallen))


def read_sets(folder: Path) -> list[DataSet]:
    """The data sets of the folder, by name."""
    splits = folder / "fewshot_splits.json"
    known = json.loads(splits.read_text(encoding="utf-8")) if splits.exists() else {}
    found = []
    for path in sorted(folder.glob("*_train.csv")):
        name = path.name.removesuffix("_train.csv")
        test = folder / f"{name}_test.csv"
        if test.exists():
            rows = _rows(test)
            outside = [text for text, label in rows if label == OUT_OF_SCOPE]
            found.append(DataSet(name, _in_scope(_rows(path)), _in_scope(rows), outside, known))
    return found


def _rows(path: Path) -> list[Example]:
    with path.open(encoding="utf-8", newline="") as file:
        return [(row["text"], row["label"]) for row in csv.DictReader(file)]


def _in_scope(rows: Iterable[Example]) -> list[Example]:
    return [(text, label) for text, label in rows if label != OUT_OF_SCOPE]


def examples_of(training: Sequence[Example], shots: int | None, seed: int) -> list[Example]:
    """So many examples of each intent, drawn by the seed; all of them when `shots` is None. A text under two intents stays in one."""
    owner: dict[str, str] = {}
    by_intent: defaultdict[str, list[str]] = defaultdict(list)
    for text, label in training:
        if owner.setdefault(" ".join(text.casefold().split()), label) == label:
            by_intent[label].append(text)
    dice = random.Random(seed)
    chosen = {label: texts if shots is None else dice.sample(texts, min(shots, len(texts))) for label, texts in sorted(by_intent.items())}
    return [(text, label) for label, texts in chosen.items() for text in texts]


def measure(data: DataSet, examples: Sequence[Example], far: Sequence[str], seed: int) -> Figures:
    """Train once on everything and once without a third of the intents, and ask both."""
    began = time.perf_counter()
    model = train(list(examples))
    seconds = time.perf_counter() - began
    answers = [(model.classify(text), label) for text, label in data.test]
    right = [answer.top[0].intent == label for answer, label in answers]
    kept = [answer.in_scope for answer, _ in answers]
    times = _times(model, [text for text, _ in data.test[:TIMED]])
    return Figures(
        accuracy=statistics.fmean(right),
        error=calibration_error([answer for answer, _ in answers], right),
        coverage=statistics.fmean(kept),
        right=statistics.fmean(ok and inside for ok, inside in zip(right, kept, strict=True)),
        far=_refused(model, far),
        near=_near(data, examples, seed),
        seconds=seconds,
        p50=statistics.median(times),
        p95=statistics.quantiles(times, n=20)[-1],
    )


def calibration_error(answers: Sequence[Classification], right: Sequence[bool]) -> float:
    """Expected calibration error in equal bins: how far confidence is from the share that is right (Guo et al. 2017)."""
    bins: defaultdict[int, list[tuple[float, bool]]] = defaultdict(list)
    for answer, ok in zip(answers, right, strict=True):
        bins[min(int(answer.confidence * BINS), BINS - 1)].append((answer.confidence, ok))
    gaps = (abs(sum(sure for sure, _ in entries) - sum(ok for _, ok in entries)) for entries in bins.values())
    return sum(gaps) / len(answers)


def _near(data: DataSet, examples: Sequence[Example], seed: int) -> float | None:
    """How much is refused of intents that belong to the same field but were not learned."""
    intents = sorted({label for _, label in examples})
    unseen = set(random.Random(seed).sample(intents, len(intents) // 3))
    if not unseen or len(intents) - len(unseen) < 2:
        return None
    model = train([(text, label) for text, label in examples if label not in unseen])
    return _refused(model, [text for text, label in data.test if label in unseen])


def _refused(model: IntentModel, texts: Sequence[str]) -> float | None:
    return statistics.fmean(not model.classify(text).in_scope for text in texts) if texts else None


def _times(model: IntentModel, texts: Sequence[str]) -> list[float]:
    """Milliseconds of each prediction."""
    times = []
    for text in texts:
        began = time.perf_counter()
        model.classify(text)
        times.append((time.perf_counter() - began) * 1000)
    return times


def _mean(draws: Sequence[Figures]) -> Figures:
    def mean(name: str) -> float | None:
        values = [getattr(draw, name) for draw in draws]
        return None if None in values else statistics.fmean(values)

    return Figures(**{field.name: mean(field.name) for field in fields(Figures)})  # type: ignore[arg-type]


def _line(name: str, shots: str, figures: Figures) -> str:
    shares = (figures.accuracy, figures.error, figures.coverage, figures.right, figures.far, figures.near)
    cells = " | ".join("-" if share is None else f"{share * 100:.1f}" for share in shares)
    return f"| {name} | {shots} | {cells} | {figures.seconds:.2f} | {figures.p50:.2f} / {figures.p95:.2f} |"


if __name__ == "__main__":
    main()
