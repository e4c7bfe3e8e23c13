"""Words of a list that the author gave: exact without regard to case and accents, then with a slip of the pen (rapidfuzz)."""

from collections.abc import Sequence

from server.understanding.entities.hits import Entry, Hit, first_ones
from server.understanding.words import Word, fold, is_unspaced, words_of

MAX_PHRASES = 2000
ALIKE = 85
"""How alike (0-100, by edits) a misspelt phrase must be."""
FUZZY_LETTERS = 4
"""Shorter phrases are found only as they are written: too much is like them."""


def find(text: str, entries: Sequence[Entry]) -> list[Hit]:
    """The entries' values where one of their phrases stands in the text."""
    phrases = [(fold(phrase), entry.value) for entry in entries for phrase in entry.phrases if phrase.strip()][:MAX_PHRASES]
    words = words_of(text)
    exact = [*_exact(words, phrases), *_inside(text, phrases)]
    return first_ones([*exact, *_fuzzy([word for word in words if not _taken(word, exact)], phrases)])


def _taken(word: Word, hits: Sequence[Hit]) -> bool:
    return any(word.start < hit.end and hit.start < word.end for hit in hits)


def _windows(words: Sequence[Word], length: int) -> list[tuple[str, int, int]]:
    """Every run of so many words, as (its folded text, start, end)."""
    runs = (words[at : at + length] for at in range(len(words) - length + 1))
    return [(" ".join(word.folded for word in run), run[0].start, run[-1].end) for run in runs]


def _by_length(phrases: Sequence[tuple[str, str]]) -> dict[int, dict[str, str]]:
    """Phrases by how many words they have; of equal ones the first counts."""
    found: dict[int, dict[str, str]] = {}
    for phrase, value in phrases:
        parts = [word.folded for word in words_of(phrase)]
        if parts:
            found.setdefault(len(parts), {}).setdefault(" ".join(parts), value)
    return found


def _exact(words: Sequence[Word], phrases: Sequence[tuple[str, str]]) -> list[Hit]:
    return [
        Hit(start, end, known[window])
        for length, known in _by_length(phrases).items()
        for window, start, end in _windows(words, length)
        if window in known
    ]


def _inside(text: str, phrases: Sequence[tuple[str, str]]) -> list[Hit]:
    """Phrases in scripts without spaces, anywhere; and phrases that have no word in them, such as an emoji."""
    hits = []
    for phrase, value in phrases:
        if is_unspaced(phrase) or not words_of(phrase):
            at = text.find(phrase)
            while at >= 0:
                hits.append(Hit(at, at + len(phrase), value))
                at = text.find(phrase, at + len(phrase))
    return hits


def _fuzzy(words: Sequence[Word], phrases: Sequence[tuple[str, str]]) -> list[Hit]:
    from rapidfuzz import fuzz, process

    hits = []
    for length, known in _by_length(phrases).items():
        long_enough = [phrase for phrase in known if sum(map(str.isalpha, phrase)) >= FUZZY_LETTERS]
        windows = [window for window in _windows(words, length) if sum(map(str.isalpha, window[0])) >= FUZZY_LETTERS]
        if not long_enough or not windows:
            continue
        alike = process.cdist([window[0] for window in windows], long_enough, scorer=fuzz.ratio, score_cutoff=ALIKE)
        best = alike.argmax(axis=1)
        for row, (_, start, end) in enumerate(windows):
            if alike[row, best[row]] >= ALIKE:
                hits.append(Hit(start, end, known[long_enough[best[row]]]))
    return hits
