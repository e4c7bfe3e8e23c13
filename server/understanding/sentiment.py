"""Whether a text sounds pleased or cross: VADER's rated words for English, an author's own words for any language, else nothing."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from server.understanding import language as languages
from server.understanding.languages import primary
from server.understanding.words import bounded, words_of

NEUTRAL_BELOW = 0.35

# In a chat these are answers, not feelings.
_NO_FEELING = (
    "yes", "ok", "okay", "no", "cancel", "cancelled", "cancels", "cancelling", "please", "help", "like", "want", "order", "share", "number",
    "alarm", "alarms", "stop", "stopped", "demand", "true", "well", "pay", "hand", "agree", "problem", "problems", "charges", "charge",
)  # fmt: skip
# What customers of a support chat say; VADER's words were rated on tweets and reviews. Scale as in VADER: -4 to 4.
_SUPPORT_WORDS = {
    "broken": -2.0, "useless": -2.4, "unacceptable": -2.8, "ridiculous": -2.4, "scam": -3.0, "ripoff": -2.8, "fraud": -2.8,
    "refund": -0.4, "slow": -1.2, "crash": -1.7, "crashes": -1.7, "crashed": -1.7, "bug": -1.3, "buggy": -1.9, "missing": -1.2,
    "late": -1.1, "delayed": -1.3, "waiting": -0.8, "overcharged": -2.3, "faulty": -2.0, "defective": -2.0, "smooth": 1.6, "quick": 1.3,
    "fast": 1.3, "helpful": 2.0, "solved": 1.8, "fixed": 1.3, "works": 1.2, "working": 1.0, "responsive": 1.6,
    "😡": -3.2, "🤬": -3.6, "😠": -2.8, "👎": -2.2, "😞": -2.0, "😢": -1.9, "😭": -1.6, "💩": -2.4,
    "👍": 2.2, "😊": 2.2, "😀": 2.2, "😍": 3.0, "❤": 2.8, "🙏": 1.4, "🎉": 2.4, "🙂": 1.4,
}  # fmt: skip
_EMOJI = re.compile("[" + "".join(word for word in _SUPPORT_WORDS if not word.isalpha()) + "]")
_SUPPORT_PHRASES = {
    ("still", "not"): -1.8, ("still", "no"): -1.8, ("third", "time"): -2.0, ("second", "time"): -1.4, ("every", "time"): -0.8,
    ("no", "one", "answers"): -2.4, ("nobody", "answers"): -2.4, ("does", "not", "work"): -2.0, ("doesn't", "work"): -2.0,
    ("not", "working"): -2.2, ("how", "long"): -0.8, ("never", "again"): -2.8, ("fed", "up"): -2.6, ("waste", "of", "time"): -2.8,
    ("had", "enough"): -2.4, ("makes", "no", "sense"): -1.6, ("not", "happy"): -2.2, ("keeps", "happening"): -1.6, ("well", "done"): 2.4,
    ("works", "now"): 2.0, ("thank", "you"): 1.6, ("no", "problem"): 1.2, ("no", "problems"): 1.6, ("so", "rude"): -2.8,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sentiment:
    """positive, neutral or negative, and a score from -1 to 1; both None when it cannot be said."""

    label: str | None
    score: float | None

    def to_json(self) -> dict[str, object]:
        """The value a flow receives."""
        return {"label": self.label, "score": self.score}


UNKNOWN = Sentiment(None, None)


def analyse(text: str, language: str | None = None, positive: Sequence[str] = (), negative: Sequence[str] = ()) -> Sentiment:
    """How the text sounds. `positive` and `negative` are the author's own words and phrases; without them only English is known.

    When the language is not given it is guessed.
    """
    text = bounded(text)
    if not text.strip():
        return UNKNOWN
    balance = _balance(text, positive, negative)
    if any(character.isalpha() for character in text):
        spoken = primary(language) if language else languages.detect(text).language
    else:
        spoken = "en"  # emoji say the same in every language
    if spoken != "en":
        return UNKNOWN if balance is None else _named(balance)
    score = _compound(text)
    return _named(score if balance is None else max(-1.0, min(1.0, score + balance)))


def _named(score: float) -> Sentiment:
    label = "neutral" if abs(score) < NEUTRAL_BELOW else "positive" if score > 0 else "negative"
    return Sentiment(label, round(score, 4))


def _balance(text: str, positive: Sequence[str], negative: Sequence[str]) -> float | None:
    """-1 to 1 by how many of the author's words are there; None when the author gave none."""
    if not positive and not negative:
        return None
    words = tuple(word.folded for word in words_of(text))
    good, bad = (sum(_count(words, phrase) for phrase in phrases[:500]) for phrases in (positive, negative))
    return (good - bad) / (good + bad) if good or bad else 0.0


def _count(words: tuple[str, ...], phrase: str) -> int:
    wanted = tuple(word.folded for word in words_of(phrase))
    return sum(words[at : at + len(wanted)] == wanted for at in range(len(words) - len(wanted) + 1)) if wanted else 0


def _compound(text: str) -> float:
    """VADER's score, moved by the support phrases as VADER itself would: s / sqrt(s^2 + 15), Hutto and Gilbert 2014."""
    words = tuple(word.folded for word in words_of(text))
    moved = sum(weight for phrase, weight in _SUPPORT_PHRASES.items() if _holds(words, phrase))
    score = float(_analyser().polarity_scores(_EMOJI.sub(r" \g<0> ", text))["compound"])
    plain = score * (15 / max(1e-9, 1 - score * score)) ** 0.5 + moved
    return float(plain / (plain * plain + 15) ** 0.5)


def _holds(words: tuple[str, ...], phrase: tuple[str, ...]) -> bool:
    return any(words[at : at + len(phrase)] == phrase for at in range(len(words) - len(phrase) + 1))


@cache
def _analyser() -> Any:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyser = SentimentIntensityAnalyzer()
    analyser.lexicon = {word: weight for word, weight in analyser.lexicon.items() if word not in _NO_FEELING} | _SUPPORT_WORDS
    # Emoji are rated themselves; otherwise VADER puts a description in their place.
    analyser.emojis = {emoji: words for emoji, words in analyser.emojis.items() if emoji not in _SUPPORT_WORDS}
    return analyser
