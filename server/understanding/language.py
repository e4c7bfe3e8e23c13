"""Which of a bot's languages a text is in: greetings by a table, scripts by their letters, the rest by py3langid.

A conversation does not change its language for a word or two: `settle` keeps the language so far unless the text is long enough and the
guess is sure, or was the guess before too.
"""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from server.understanding.greetings import languages_of
from server.understanding.languages import primary
from server.understanding.words import bounded, words_of

COMMON = (
    "en", "de", "fr", "es", "it", "pt", "nl", "pl",
    "sv", "da", "no", "fi", "cs", "hu", "ro", "tr", "id", "vi",
    "ru", "uk", "zh", "ja", "ko", "ar", "he", "hi", "el", "th",
)  # fmt: skip
"""The languages to choose from when a bot names none."""

LONG_ENOUGH_WORDS = 3
LONG_ENOUGH_LETTERS = 15
SURE = 0.9
BY_TABLE = 0.95
BY_SCRIPT = 0.99

_SCRIPTS = {
    "LATIN": "latin", "CYRILLIC": "cyrillic", "GREEK": "greek", "ARABIC": "arabic", "HEBREW": "hebrew", "THAI": "thai",
    "DEVANAGARI": "devanagari", "HIRAGANA": "kana", "KATAKANA": "kana", "CJK": "han", "HANGUL": "hangul", "BENGALI": "bengali",
    "TAMIL": "tamil", "TELUGU": "telugu", "GEORGIAN": "georgian", "ARMENIAN": "armenian",
}  # fmt: skip
_SCRIPT_OF = {
    "ar": "arabic", "fa": "arabic", "ur": "arabic", "ps": "arabic", "he": "hebrew", "el": "greek", "th": "thai", "hi": "devanagari",
    "mr": "devanagari", "ne": "devanagari", "ja": "kana", "zh": "han", "ko": "hangul", "bn": "bengali", "ta": "tamil", "te": "telugu",
    "ka": "georgian", "hy": "armenian", "ru": "cyrillic", "uk": "cyrillic", "bg": "cyrillic", "be": "cyrillic", "mk": "cyrillic",
    "kk": "cyrillic", "ky": "cyrillic", "mn": "cyrillic", "sr": "cyrillic",
}  # fmt: skip
_ALSO_LATIN = frozenset(("sr",))
_NAMES_IN_MODEL = {"nb": "no"}


@dataclass(frozen=True, slots=True)
class Guess:
    """A language as the bot names it (None when nothing tells) and how probable it is; `certain` when a greeting or the script says so."""

    language: str | None
    confidence: float
    certain: bool = False


NOTHING = Guess(None, 0.0)


def detect(text: str, among: Sequence[str] = (), current: str | None = None) -> Guess:
    """The language of a text, one of `among` as written there. `current` decides between languages that share a greeting."""
    text = bounded(text)
    names = {primary(name): name for name in reversed(among or COMMON)}
    script = _script_of(text)
    if script is None:
        return NOTHING
    greeted = languages_of(text) & names.keys()
    if greeted:
        known = primary(current) if current else None
        if len(greeted) == 1 or known in greeted:
            return Guess(names[known if known in greeted and known else min(greeted)], BY_TABLE, certain=True)
        return NOTHING
    possible = [code for code in names if _writes_in(code, script)]
    if not possible:
        return NOTHING
    if len(possible) == 1:
        if script != "latin":
            return Guess(names[possible[0]], BY_SCRIPT, certain=True)
        return Guess(names[possible[0]], _probability(text, possible[0], tuple(sorted(names))))
    code, confidence = _by_model(text, tuple(sorted(possible)))
    return Guess(names[code], confidence) if code else NOTHING


def as_the_bot_says(language: str | None, among: Sequence[str]) -> str | None:
    """The bot's own name for a language: "en" for "en-US" when it speaks "en"; the language itself when the bot has none for it."""
    if language is None or language in among:
        return language
    return next((name for name in among if primary(name) == primary(language)), language)


def settle(text: str, guess: Guess, current: str | None, before: str | None) -> str | None:
    """The conversation's language after this text: the current one unless the guess is good enough to change it.

    `before` is what was guessed for the message before: twice in a row is enough.
    """
    if guess.language is None or current is None or primary(current) == primary(guess.language):
        return guess.language or current
    if guess.certain:
        return guess.language
    letters = sum(character.isalpha() for character in text)
    if len(words_of(bounded(text))) < LONG_ENOUGH_WORDS and letters < LONG_ENOUGH_LETTERS:
        return current
    return guess.language if guess.confidence >= SURE or before == guess.language else current


def _script_of(text: str) -> str | None:
    """The script most letters are in; Japanese is told from Chinese by its kana. None without letters."""
    seen = Counter(_script(character) for character in text[:500] if character.isalpha())
    if not seen:
        return None
    if seen["kana"] and seen["kana"] + seen["han"] >= seen.total() / 2:
        return "kana"
    return seen.most_common(1)[0][0]


@lru_cache(maxsize=4096)
def _script(character: str) -> str:
    return _SCRIPTS.get(unicodedata.name(character, "").split(" ")[0].removesuffix("-EXTENDED"), "other")


def _writes_in(code: str, script: str) -> bool:
    own = _SCRIPT_OF.get(code, "latin")
    return own == script or (script == "latin" and code in _ALSO_LATIN) or (script == "han" and own == "kana")


def _by_model(text: str, codes: tuple[str, ...]) -> tuple[str | None, float]:
    known = {_NAMES_IN_MODEL.get(code, code): code for code in codes}
    usable = tuple(sorted(known.keys() & _all_labels()))
    if not usable:
        return None, 0.0
    label, confidence = _identifier(usable).classify(text)
    return known[label], round(confidence, 4)


def _probability(text: str, code: str, others: tuple[str, ...]) -> float:
    """How probable a language is that no other of the bot's shares its script with: among all common ones of that script."""
    rivals = tuple(sorted({code, *others, *(name for name in COMMON if _writes_in(name, "latin"))}))
    usable = tuple(sorted({_NAMES_IN_MODEL.get(name, name) for name in rivals} & _all_labels()))
    chances = dict(_identifier(usable).rank(text))
    return round(float(chances.get(_NAMES_IN_MODEL.get(code, code), 0.0)), 4)


@cache
def _whole() -> Any:
    from py3langid.langid import LanguageIdentifier

    return LanguageIdentifier.from_model_file("data/model.npz.xz", norm_probs=True)


@cache
def _all_labels() -> frozenset[str]:
    return frozenset(_whole().labels)


@lru_cache(maxsize=64)
def _identifier(labels: tuple[str, ...]) -> Any:
    """The identifier for some languages; it shares the tables of the whole one."""
    from py3langid.langid import LanguageIdentifier

    whole = _whole()
    restricted = LanguageIdentifier(*whole._full_model, whole.tk_nextmove, whole.tk_output, norm_probs=True, tk_row=whole.tk_row)
    restricted.set_languages(labels)
    return restricted
