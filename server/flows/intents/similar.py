"""Intents whose examples say the same: the author should merge them, or make their examples differ."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

ALIKE = 0.9
"""From here on two intents count as alike. On BANKING77 and HWU64 halves of one intent have 0.9 to 1.1, different intents mostly below."""
EXAMPLES = 8
"""With fewer examples in one of them, likeness may be chance; then the two must have been mixed up as well."""
MIXED_UP, RATHER_ALIKE, FEWEST = 0.3, 0.75, 3
"""The share of one intent's held-out examples that were taken for the other, and how alike and how many examples must be besides."""
SHOWN = 20


class SimilarIntents(msgspec.Struct, frozen=True):
    """Two intents that are hard to tell apart: how alike their examples are (1: as those of one intent), and the share mixed up."""

    first: str
    second: str
    alike: float
    mixed_up: float


def find_similar(
    vectors: Any, labels: NDArray[np.intp], intents: Sequence[str], guesses: NDArray[np.intp] | None, tested: NDArray[np.intp] | None
) -> tuple[SimilarIntents, ...]:
    """The pairs, most mixed up first. `guesses` are what held-out examples with the labels `tested` were taken for."""
    sizes = np.bincount(labels, minlength=len(intents))
    alike = _likeness(vectors, labels, sizes)
    mixed = np.zeros_like(alike)
    if guesses is not None and tested is not None:
        np.add.at(mixed, (tested, guesses), 1.0)
        mixed /= np.bincount(tested, minlength=len(intents)).clip(1)[:, None]
    mixed = np.maximum(mixed, mixed.T)
    enough = np.minimum.outer(sizes, sizes)
    found = ((alike >= ALIKE) & (enough >= EXAMPLES)) | ((mixed >= MIXED_UP) & (alike >= RATHER_ALIKE) & (enough >= FEWEST))
    pairs = [
        SimilarIntents(intents[first], intents[second], round(float(alike[first, second]), 4), round(float(mixed[first, second]), 4))
        for first, second in np.argwhere(np.triu(found, 1))
    ]
    return tuple(sorted(pairs, key=lambda pair: (-pair.mixed_up, -pair.alike, pair.first, pair.second))[:SHOWN])


def _likeness(vectors: Any, labels: NDArray[np.intp], sizes: NDArray[np.intp]) -> NDArray[np.float64]:
    """The mean product of an example of the one with one of the other, over the mean product of two examples of the same intent.

    That is the cosine of the intents' centres without its growth by the number of examples. 0 where an intent has a single example.
    """
    from scipy.sparse import csr_matrix

    count = len(sizes)
    members = csr_matrix((np.ones(len(labels)), (labels, np.arange(len(labels)))), shape=(count, len(labels)))
    sums = members @ vectors
    products = np.asarray((sums @ sums.T).toarray(), np.float64)
    own = members @ np.asarray(vectors.multiply(vectors).sum(axis=1)).ravel()
    within = (np.diag(products) - own) / np.maximum(sizes * (sizes - 1), 1)
    across = products / np.outer(sizes, sizes).clip(1)
    scale = np.sqrt(np.outer(within, within).clip(0))
    return np.where(scale > 0, across / np.where(scale > 0, scale, 1.0), 0.0)
