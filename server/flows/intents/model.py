"""A trained intent classifier: what it holds, how it answers, how it is kept as bytes."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from server.flows.intents.archive import DamagedModel, pack, unpack
from server.flows.intents.classify import DEFAULT_CONFIDENCE, NOTHING, Classification, Doubles, Scope, certain, decide, probabilities
from server.flows.intents.features import Block, Features, Floats
from server.flows.intents.similar import SimilarIntents
from server.flows.intents.texts import normalised


class Confusion(msgspec.Struct, frozen=True):
    """Two intents that were taken for each other while their examples were held out."""

    intent: str
    taken_for: str
    share: float


class Report(msgspec.Struct, frozen=True):
    """What training found out, for the author. `accuracy` is measured on held-out examples; None when there were too few."""

    examples: int
    intents: dict[str, int]
    accuracy: float | None
    confusions: tuple[Confusion, ...]
    warnings: tuple[str, ...]
    seconds: float
    similar: tuple[SimilarIntents, ...] = ()


class _Meta(msgspec.Struct):
    format: int
    library: str
    intents: list[str]
    texts: int
    temperature: float
    scope: tuple[float, float, float, float, float]
    report: Report


@dataclass(frozen=True, slots=True)
class KnownTexts:
    """The examples by a 64-bit digest of their normalised text, in rising order, with the number of their intent."""

    digests: NDArray[np.uint64]
    intents: NDArray[np.int32]

    @classmethod
    def of(cls, texts: Sequence[str], intents: Sequence[int]) -> Self:
        """Remember which text carries which intent."""
        digests, first = np.unique(np.array([_digest(text) for text in texts], np.uint64), return_index=True)
        return cls(digests, np.asarray(intents, np.int32)[first])

    def find(self, text: str) -> int | None:
        """The intent of the example that says the same, if there is one."""
        digest = np.uint64(_digest(text))
        position = int(np.searchsorted(self.digests, digest))
        return int(self.intents[position]) if position < len(self.digests) and self.digests[position] == digest else None


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(normalised(text).encode(), digest_size=8).digest(), "big")


@dataclass(frozen=True, slots=True)
class IntentModel:
    """Linear scores over the features. With `support` the weights are per training text (few examples), without it per feature."""

    intents: tuple[str, ...]
    features: Features
    weights: Floats
    bias: Floats
    support: Any | None
    centres: Any
    temperature: float
    scope: Scope
    known: KnownTexts
    report: Report

    def classify(self, text: str, minimum_confidence: float = DEFAULT_CONFIDENCE) -> Classification:
        """What one message means."""
        if not text.strip():
            return NOTHING
        if (known := self.known.find(text)) is not None:
            return certain(self.intents[known])
        scores, closeness = self.scores([text])
        in_scope = bool(self.scope.holds(scores.max(axis=1), closeness)[0])
        return decide(self.intents, probabilities(scores, self.temperature)[0], in_scope, minimum_confidence)

    def scores(self, texts: Sequence[str]) -> tuple[Doubles, Doubles]:
        """For each text the score of every intent, and the closeness to the nearest intent's centre."""
        vectors = self.features.of(texts)
        scores = vectors @ self.weights if self.support is None else (vectors @ self.support.T).toarray() @ self.weights
        closeness = (vectors @ self.centres).toarray().max(axis=1)
        return np.asarray(scores + self.bias, np.float64), np.asarray(closeness, np.float64)

    def to_bytes(self) -> bytes:
        """The model as bytes; about 3 MB for 10 000 examples."""
        arrays: dict[str, NDArray[Any]] = {
            "weights": self.weights.astype(np.float16),
            "bias": self.bias,
            "word_buckets": self.features.words.buckets,
            "word_idf": self.features.words.idf,
            "character_buckets": self.features.characters.buckets,
            "character_idf": self.features.characters.idf,
            "known_digests": self.known.digests,
            "known_intents": self.known.intents,
            **_flat("centres", self.centres),
        }
        if self.support is not None:
            arrays |= _flat("support", self.support)
        scope = self.scope
        return pack(
            arrays,
            {
                "library": _library(),
                "intents": self.intents,
                "texts": self.features.texts,
                "temperature": self.temperature,
                "scope": (scope.score_mean, scope.score_spread, scope.closeness_mean, scope.closeness_spread, scope.threshold),
                "report": self.report,
            },
        )

    @classmethod
    def from_bytes(cls, blob: bytes) -> Self:
        """The model kept in `blob`; raises `DamagedModel` when it is not whole or was made by another major version."""
        arrays, raw = unpack(blob)
        try:
            meta = msgspec.convert(raw, _Meta)
            model = cls._from_parts(arrays, meta)
        except (KeyError, IndexError, TypeError, ValueError, msgspec.ValidationError) as error:
            raise DamagedModel("The stored intent model has missing or misshapen parts. Train it again.") from error
        if meta.library != _library():
            raise DamagedModel(f"The stored intent model was made with {meta.library}, this is {_library()}. Train it again.")
        return model

    @classmethod
    def _from_parts(cls, arrays: Mapping[str, NDArray[Any]], meta: _Meta) -> Self:
        features = Features(
            meta.texts,
            _block(arrays["word_buckets"], arrays["word_idf"]),
            _block(arrays["character_buckets"], arrays["character_idf"]),
        )
        width, intents = features.width, len(meta.intents)
        support = _matrix(arrays, "support", (meta.texts, width)) if "support_data" in arrays else None
        known = KnownTexts(_typed(arrays["known_digests"], np.uint64, None), _typed(arrays["known_intents"], np.int32, None))
        if len(known.digests) != len(known.intents) or not np.all((known.intents >= 0) & (known.intents < intents)):
            raise ValueError("known texts")
        return cls(
            tuple(meta.intents),
            features,
            _typed(arrays["weights"], np.float16, (width if support is None else meta.texts, intents)).astype(np.float32),
            _typed(arrays["bias"], np.float32, (intents,)),
            support,
            _matrix(arrays, "centres", (width, intents)),
            meta.temperature,
            Scope(*meta.scope),
            known,
            meta.report,
        )


def _library() -> str:
    import sklearn

    return f"scikit-learn {sklearn.__version__.split('.')[0]}"


def _flat(name: str, matrix: Any) -> dict[str, NDArray[Any]]:
    return {
        f"{name}_data": matrix.data.astype(np.float16),
        f"{name}_indices": matrix.indices.astype(np.int32),
        f"{name}_indptr": matrix.indptr.astype(np.int32),
    }


def _matrix(arrays: Mapping[str, NDArray[Any]], name: str, shape: tuple[int, int]) -> Any:
    from scipy.sparse import csr_matrix

    data = _typed(arrays[f"{name}_data"], np.float16, None).astype(np.float32)
    indices, starts = (_typed(arrays[f"{name}_{part}"], np.int32, None) for part in ("indices", "indptr"))
    matrix = csr_matrix((data, indices, starts), shape=shape)
    matrix.check_format(full_check=True)
    return matrix


def _block(buckets: NDArray[Any], idf: NDArray[Any]) -> Block:
    return Block(_typed(buckets, np.int32, None), _typed(idf, np.float32, buckets.shape))


def _typed(array: NDArray[Any], kind: type, shape: tuple[int, ...] | None) -> NDArray[Any]:
    """The array, checked: its element type, its shape (any vector when None), no NaN and no infinity."""
    if array.dtype != kind or (array.ndim != 1 if shape is None else array.shape != shape) or not np.all(np.isfinite(array)):
        raise ValueError("array of the wrong kind")
    return array
