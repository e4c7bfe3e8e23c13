"""Text to numbers: hashed word and character n-grams, weighted by TF-IDF.

An n-gram never seen in training counts in the length of the vector and is then dropped, so that unfamiliar text is pulled toward zero:
this is what lets the classifier notice a message that is about something else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from server.flows.intents.texts import cleaned

BUCKETS = 2**20

_HALF = np.sqrt(0.5)

Floats = NDArray[np.float32]
Integers = NDArray[np.int32]
Rows = NDArray[np.intp]


@cache
def _vectorizers() -> tuple[Any, Any]:
    from sklearn.feature_extraction.text import HashingVectorizer

    common = {
        "n_features": BUCKETS,
        "norm": None,
        "alternate_sign": False,
        "lowercase": True,
        "strip_accents": "unicode",
        "dtype": np.float32,
    }
    words = HashingVectorizer(ngram_range=(1, 2), token_pattern=r"(?u)\b\w+\b", **common)
    characters = HashingVectorizer(analyzer="char_wb", ngram_range=(2, 5), **common)
    return words, characters


def _counts(texts: Sequence[str]) -> list[Any]:
    """Per vectorizer a sparse matrix of dampened counts, 1 + ln(count)."""
    clean = [cleaned(text) for text in texts]
    matrices = [vectorizer.transform(clean).tocsr() for vectorizer in _vectorizers()]
    for matrix in matrices:
        matrix.data = 1 + np.log(matrix.data)
    return matrices


@dataclass(frozen=True, slots=True)
class Block:
    """The buckets of one vectorizer that training has seen, in rising order, and the weight of each."""

    buckets: Integers
    idf: Floats

    @classmethod
    def of(cls, counts: Any, texts: int) -> Self:
        """Weigh every bucket by how few of the training texts hold it."""
        frequency = np.bincount(counts.indices, minlength=1)
        buckets = (np.flatnonzero(frequency) if frequency.any() else np.zeros(1)).astype(np.int32)
        return cls(buckets, (np.log((1 + texts) / (1 + frequency[buckets])) + 1).astype(np.float32))

    def weigh(self, counts: Any, idf_of_unseen: np.float32) -> tuple[Rows, Rows, Floats]:
        """Row, column and weight of every seen n-gram; each row at most `sqrt(.5)` long, shorter the less of the text is known."""
        rows, column = counts.shape[0], np.searchsorted(self.buckets, counts.indices)
        column[column == len(self.buckets)] = 0
        seen = self.buckets[column] == counts.indices
        values = counts.data * np.where(seen, self.idf[column], idf_of_unseen)
        row = np.repeat(np.arange(rows), np.diff(counts.indptr))
        length = np.sqrt(np.bincount(row, weights=values.astype(np.float64) ** 2, minlength=rows)).clip(1e-9)
        weights = values[seen] / length[row[seen]] * _HALF
        return row[seen], column[seen], weights.astype(np.float32)


@dataclass(frozen=True, slots=True)
class Features:
    """Everything needed to turn a text into the vector the classifier was trained on."""

    texts: int
    words: Block
    characters: Block

    @classmethod
    def learn(cls, texts: Sequence[str]) -> tuple[Self, Any]:
        """The features of the training texts, and those texts as a sparse matrix."""
        words, characters = _counts(texts)
        features = cls(len(texts), Block.of(words, len(texts)), Block.of(characters, len(texts)))
        return features, features._weigh(words, characters)

    @property
    def width(self) -> int:
        """Length of a vector."""
        return len(self.words.buckets) + len(self.characters.buckets)

    def of(self, texts: Sequence[str]) -> Any:
        """The texts as a sparse matrix, one row each."""
        return self._weigh(*_counts(texts))

    def _weigh(self, words: Any, characters: Any) -> Any:
        # Joined by hand: SciPy's own joining costs three times as much as everything else for a single message.
        from scipy.sparse import csr_matrix

        unseen = np.float32(np.log(1 + self.texts) + 1)
        word_rows, word_columns, word_weights = self.words.weigh(words, unseen)
        rows, columns, weights = self.characters.weigh(characters, unseen)
        row = np.concatenate([word_rows, rows])
        order = np.argsort(row, kind="stable")
        column = np.concatenate([word_columns, columns + len(self.words.buckets)])[order].astype(np.int32)
        starts = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=words.shape[0]))]).astype(np.int32)
        return csr_matrix((np.concatenate([word_weights, weights])[order], column, starts), shape=(words.shape[0], self.width))
