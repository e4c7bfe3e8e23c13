"""From scores to a decision: which intent, how sure, and whether the message is about something else."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DEFAULT_CONFIDENCE = 0.4
# A text closer than this to no intent at all is out of scope whatever the learned threshold says: bots with few examples need it.
CLOSENESS_FLOOR = 0.05

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One intent and how probable it is."""

    intent: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Classification:
    """The answer for one message. `intent` is None when it is out of scope or the best candidate is not sure enough."""

    intent: str | None
    confidence: float
    in_scope: bool
    top: tuple[Candidate, ...] = ()

    def to_json(self) -> dict[str, object]:
        """The value a flow receives."""
        top = [{"intent": candidate.intent, "confidence": round(candidate.confidence, 4)} for candidate in self.top]
        return {"intent": self.intent, "confidence": round(self.confidence, 4), "in_scope": self.in_scope, "top": top}


NOTHING = Classification(None, 0.0, False)


@dataclass(frozen=True, slots=True)
class Scope:
    """Where "about something else" begins: from the scores that the model's own examples got while they were held out."""

    score_mean: float
    score_spread: float
    closeness_mean: float
    closeness_spread: float
    threshold: float

    def familiarity(self, score: Doubles, closeness: Doubles) -> Doubles:
        """How familiar each text looks; from the highest score and the closeness to the nearest intent's centre."""
        by_score = (score - self.score_mean) / self.score_spread
        by_closeness = (closeness - self.closeness_mean) / self.closeness_spread
        return np.asarray((by_score + by_closeness) / 2, dtype=np.float64)

    def holds(self, score: Doubles, closeness: Doubles) -> NDArray[np.bool_]:
        """Whether each text is in scope."""
        return (self.familiarity(score, closeness) >= self.threshold) & (closeness >= CLOSENESS_FLOOR)


def probabilities(scores: Doubles, temperature: float) -> Doubles:
    """Calibrated probabilities of each row of scores."""
    scaled = scores / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float64)


def decide(intents: Sequence[str], chances: Doubles, in_scope: bool, minimum_confidence: float, shown: int = 5) -> Classification:
    """The classification of one text from the probability of each intent. A minimum of 0 asks for the best guess, in scope or not."""
    order = np.argsort(-chances, kind="stable")[:shown]
    top = tuple(Candidate(intents[index], float(chances[index])) for index in order)
    sure = minimum_confidence <= 0 or (in_scope and top[0].confidence >= minimum_confidence)
    return Classification(top[0].intent if sure else None, top[0].confidence, in_scope, top)


def certain(intent: str) -> Classification:
    """The classification of a text that is one of the examples."""
    return Classification(intent, 1.0, True, (Candidate(intent, 1.0),))
