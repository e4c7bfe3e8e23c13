"""Trains an intent classifier: regularised linear model, one temperature, and a threshold for messages about something else."""

import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from server.flows.intents.classify import Doubles, Scope
from server.flows.intents.examples import CannotTrain, Example, problems_of, warnings_of
from server.flows.intents.features import Features
from server.flows.intents.model import Confusion, IntentModel, KnownTexts, Report
from server.flows.intents.similar import find_similar

# Up to this many examples the model is solved in the dual: same answer as on the features themselves, five to ten times cheaper.
DUAL_LIMIT = 2000
# This share of the author's own held-out examples may be called "about something else".
REJECTED_SHARE = 0.05

_UNSCORED = -30.0
_JITTER = 1e-3

Rows = NDArray[np.intp]
Progress = Callable[[float, str], None]


def train(examples: Sequence[Example], on_progress: Progress = lambda share, text: None) -> IntentModel:
    """Train on (text, intent) pairs; raises `CannotTrain`. `on_progress` hears a share of 1 and a sentence."""
    if problems := problems_of(examples):
        raise CannotTrain(problems)
    on_progress(0.02, "Loading the learning library")
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return _train(examples, on_progress)


def _train(examples: Sequence[Example], on_progress: Progress) -> IntentModel:
    started = time.perf_counter()
    texts, names = [text for text, _ in examples], [intent for _, intent in examples]
    intents = tuple(sorted(set(names)))
    number = {intent: position for position, intent in enumerate(intents)}
    labels = np.array([number[name] for name in names])
    on_progress(0.05, f"Reading {len(texts)} examples")
    features, vectors = Features.learn(texts)
    task = _Task(vectors, labels, len(intents))
    held_out = _hold_out(task, on_progress)
    on_progress(0.8, "Learning from all examples")
    weights, bias, _ = task.learn(np.arange(len(texts)))
    temperature, scope = _calibrate(held_out)
    on_progress(1.0, "Ready")
    return IntentModel(
        intents,
        features,
        weights.astype(np.float32),
        bias.astype(np.float32),
        vectors if task.kernel is not None else None,
        _centres(vectors, labels, len(intents)),
        temperature,
        scope,
        KnownTexts.of(texts, labels.tolist()),
        _report(examples, intents, held_out, task, time.perf_counter() - started),
    )


class _Task:
    """The training texts as vectors; for few of them also every product of two vectors."""

    def __init__(self, vectors: Any, labels: Rows, intents: int) -> None:
        self.vectors, self.labels, self.intents = vectors, labels, intents
        self.kernel: Doubles | None = (vectors @ vectors.T).toarray().astype(np.float64) if len(labels) <= DUAL_LIMIT else None

    def learn(self, rows: Rows) -> tuple[Doubles, Doubles, Rows]:
        """Weights, bias and the intents they are for, learned from some of the texts."""
        if self.kernel is not None:
            return _dual_regression(self.kernel[np.ix_(rows, rows)], self.labels[rows])
        return _support_vectors(self.vectors[rows], self.labels[rows])

    def score(self, learned: tuple[Doubles, Doubles, Rows], rows: Rows, to: Rows) -> Doubles:
        """What a model learned from `rows` says about the texts `to`."""
        weights, bias, intents = learned
        scores = np.full((len(to), self.intents), _UNSCORED)
        products = self.kernel[np.ix_(to, rows)] if self.kernel is not None else self.vectors[to]
        scores[:, intents] = products @ weights + bias
        return scores


def _dual_regression(kernel: Doubles, labels: Rows) -> tuple[Doubles, Doubles, Rows]:
    """Logistic regression on the rows of the kernel's Cholesky factor, which is kernel logistic regression."""
    from scipy.linalg import cholesky, solve_triangular
    from sklearn.linear_model import LogisticRegression

    factor = cholesky(kernel + _JITTER * np.eye(len(kernel)), lower=True)
    fitted = LogisticRegression(C=10.0, max_iter=300, tol=1e-3).fit(factor, labels)
    weights, bias = _per_intent(fitted.coef_, fitted.intercept_)
    return solve_triangular(factor, weights.T, lower=True, trans="T"), bias, fitted.classes_


def _support_vectors(vectors: Any, labels: Rows) -> tuple[Doubles, Doubles, Rows]:
    from sklearn.svm import LinearSVC

    fitted = LinearSVC(C=1.0, random_state=0).fit(vectors, labels)
    weights, bias = _per_intent(fitted.coef_, fitted.intercept_)
    return weights.T, bias, fitted.classes_


def _per_intent(weights: Doubles, bias: Doubles) -> tuple[Doubles, Doubles]:
    """Two intents come as one row of weights; make it two."""
    if len(weights) > 1:
        return weights, bias
    return np.vstack([-weights / 2, weights / 2]), np.array([-bias[0] / 2, bias[0] / 2])


def _centres(vectors: Any, labels: Rows, intents: int) -> Any:
    """The centre of each intent's texts, of length 1, as the columns of a sparse matrix."""
    from scipy.sparse import csr_matrix, diags

    members = csr_matrix((np.ones(len(labels), np.float32), (labels, np.arange(len(labels)))), shape=(intents, len(labels)))
    sums = (members @ vectors).tocsr()
    length = np.sqrt(np.asarray(sums.multiply(sums).sum(axis=1)).ravel()).clip(1e-9)
    return (diags((1 / length).astype(np.float32)) @ sums).T.tocsr()


@dataclass(frozen=True, slots=True)
class _HeldOut:
    """What models that had not seen a text said about it: scores, closeness to the nearest centre, the right intent."""

    scores: Doubles
    closeness: Doubles
    labels: Rows


def _hold_out(task: _Task, on_progress: Progress) -> _HeldOut | None:
    """Cross-validation; None when there are too few examples. An intent with one example is trained on but not tested."""
    from sklearn.model_selection import StratifiedKFold

    labels = task.labels
    sizes = np.bincount(labels, minlength=task.intents)
    testable = np.flatnonzero(sizes[labels] >= 2)
    if len(testable) < 4 or len(set(labels[testable].tolist())) < 2:
        return None
    always = np.setdiff1d(np.arange(len(labels)), testable)
    scores, closeness = np.full((len(labels), task.intents), _UNSCORED), np.zeros(len(labels))
    folds = min(5 if task.kernel is not None else 3, int(sizes[sizes >= 2].min()))
    splits = StratifiedKFold(folds, shuffle=True, random_state=0).split(testable, labels[testable])
    for fold, (learn, test) in enumerate(splits):
        on_progress(0.1 + 0.7 * fold / folds, f"Checking on held-out examples, part {fold + 1} of {folds}")
        rows, to = np.concatenate([testable[learn], always]), testable[test]
        scores[to] = task.score(task.learn(rows), rows, to)
        centres = _centres(task.vectors[rows], labels[rows], task.intents)
        closeness[to] = (task.vectors[to] @ centres).toarray().max(axis=1)
    return _HeldOut(scores[testable], closeness[testable], labels[testable])


def _calibrate(held_out: _HeldOut | None) -> tuple[float, Scope]:
    """The temperature that makes probabilities honest, and the threshold of what is in scope."""
    if held_out is None:
        return 0.4, Scope(0.0, 1.0, 0.5, 0.25, -1.5)
    best, closeness = held_out.scores.max(axis=1), held_out.closeness
    spread = Scope(float(best.mean()), float(best.std() + 1e-6), float(closeness.mean()), float(closeness.std() + 1e-6), 0.0)
    threshold = float(np.quantile(spread.familiarity(best, closeness), REJECTED_SHARE))
    scope = Scope(spread.score_mean, spread.score_spread, spread.closeness_mean, spread.closeness_spread, threshold)
    return _temperature(held_out.scores, held_out.labels), scope


def _temperature(scores: Doubles, labels: Rows) -> float:
    from scipy.optimize import minimize_scalar

    right = scores[np.arange(len(labels)), labels]

    def loss(logarithm: float) -> float:
        temperature = np.exp(logarithm)
        scaled = scores / temperature
        highest = scaled.max(axis=1)
        return float((highest + np.log(np.exp(scaled - highest[:, None]).sum(axis=1)) - right / temperature).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-4, 3), method="bounded").x))


def _report(examples: Sequence[Example], intents: Sequence[str], held_out: _HeldOut | None, task: _Task, seconds: float) -> Report:
    counts = dict(sorted(Counter(intent for _, intent in examples).items()))
    accuracy: float | None = None
    confusions: tuple[Confusion, ...] = ()
    guesses: Rows | None = None
    if held_out is not None:
        guesses = held_out.scores.argmax(axis=1)
        accuracy = round(float((guesses == held_out.labels).mean()), 4)
        confusions = _confusions(intents, held_out.labels, guesses)
    similar = find_similar(task.vectors, task.labels, intents, guesses, None if held_out is None else held_out.labels)
    return Report(len(examples), counts, accuracy, confusions, tuple(warnings_of(examples)), round(seconds, 3), similar)


def _confusions(intents: Sequence[str], labels: Rows, guesses: Rows, *, least: float = 0.1, shown: int = 20) -> tuple[Confusion, ...]:
    """Pairs of intents where at least a tenth (and two) of the one's examples were taken for the other, worst first."""
    sizes = np.bincount(labels, minlength=len(intents))
    wrong = Counter((int(label), int(guess)) for label, guess in zip(labels, guesses, strict=True) if label != guess)
    found = [
        Confusion(intents[label], intents[guess], round(count / int(sizes[label]), 4))
        for (label, guess), count in wrong.items()
        if count >= 2 and count / sizes[label] >= least
    ]
    return tuple(sorted(found, key=lambda confusion: (-confusion.share, confusion.intent))[:shown])
