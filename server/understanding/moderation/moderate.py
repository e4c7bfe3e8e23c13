"""Looks a text over for categories: word lists (also when letters are disguised), an author's own words, personal data, spam, shouting."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from server.understanding.languages import primary
from server.understanding.moderation import personal_data
from server.understanding.moderation.vocabulary import LANGUAGES, LISTS
from server.understanding.words import bounded, fold

CATEGORIES = (*LISTS, "personal_data", "spam", "shouting")
OWN_WORDS = "words"
MAX_OWN_WORDS = 1000

SHOUTED_LETTERS, SHOUTED_SHARE = 12, 0.8
SPAM_LINKS, SPAM_REPEATS = 3, 6

# Signs inside a word count as letters: f*ck, sh1t, @ss.
_DISGUISED = re.compile(r"[\w@$!*+']+(?:[’-][\w@$!*+]+)*")
_SPELT = re.compile(r"(?<!\w)(?:\w[\s.\-_*]{1,2}){2,}\w(?!\w)")
_LEET = str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "@": "a", "$": "s", "!": "i", "+": "t"})
_LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_SAME = re.compile(r"(\S)\1{19,}")


@dataclass(frozen=True, slots=True)
class Match:
    """What was found: its category, the words in the text and where they stand. `kind` says which personal data it is."""

    category: str
    text: str
    start: int
    end: int
    kind: str | None = None

    def to_json(self) -> dict[str, object]:
        """The value a flow receives; personal data is named, not repeated."""
        shown = "" if self.category == "personal_data" else self.text
        return {"category": self.category, "text": shown, "start": self.start, "end": self.end, "kind": self.kind}


@dataclass(frozen=True, slots=True)
class Moderation:
    """Everything that was found, in the order of the text."""

    matches: tuple[Match, ...]

    @property
    def categories(self) -> list[str]:
        """The categories found, each once."""
        return list(dict.fromkeys(match.category for match in self.matches))

    def to_json(self) -> dict[str, object]:
        """The value a flow receives."""
        return {"flagged": bool(self.matches), "categories": self.categories, "matches": [match.to_json() for match in self.matches[:50]]}


def moderate(
    text: str, language: str | None = None, categories: Sequence[str] = CATEGORIES, words: Sequence[str] = (), region: str | None = None
) -> Moderation:
    """What the text holds of the categories, and of the author's `words`. Without a language the lists of all languages count."""
    text = bounded(text)
    spoken = LANGUAGES if language is None else (primary(language),)
    found: list[Match] = []
    tokens = _tokens(text)
    for category in LISTS:
        if category in categories:
            found += _listed(text, tokens, category, _phrases(category, spoken))
    if words:
        found += _listed(text, tokens, OWN_WORDS, _keyed(words[:MAX_OWN_WORDS]))
    if "personal_data" in categories:
        found += [
            Match("personal_data", text[detail.start : detail.end], detail.start, detail.end, detail.kind)
            for detail in personal_data.find(text, language, region)
        ]
    if "spam" in categories:
        found += _spam(text)
    if "shouting" in categories and _shouts(text):
        found.append(Match("shouting", text[:80], 0, len(text)))
    return Moderation(tuple(sorted(found, key=lambda match: (match.start, match.category))))


@dataclass(frozen=True, slots=True)
class _Token:
    """A word with every form it is compared in."""

    forms: frozenset[str]
    start: int
    end: int


def _tokens(text: str) -> list[_Token]:
    plain = [_Token(_forms(found[0]), found.start(), found.end()) for found in _DISGUISED.finditer(text)]
    spelt = [_Token(_forms(re.sub(r"[\s.\-_*]", "", found[0])), found.start(), found.end()) for found in _SPELT.finditer(text)]
    return plain + spelt


def _forms(word: str) -> frozenset[str]:
    """The word as written, with signs and digits as the letters they look like, and with repeated letters once or twice."""
    folded = fold(word).strip("'!*+")
    forms = {folded}
    if any(character.isalpha() for character in folded):
        plain = fold(word).rstrip("!+*'").translate(_LEET)
        forms |= {plain, plain.replace("i", "l")} if "1" in word or "!" in word else {plain}
    once = {re.sub(r"(.)\1{2,}", r"\1", form) for form in forms}
    twice = {re.sub(r"(.)\1{2,}", r"\1\1", form) for form in forms}
    return frozenset(forms | once | twice)


@cache
def _phrases(category: str, languages: tuple[str, ...]) -> dict[tuple[str, ...], None]:
    listed = LISTS[category]
    return _keyed([phrase for language in languages for phrase in listed.get(language, "").split("|") if phrase])


def _keyed(phrases: Sequence[str]) -> dict[tuple[str, ...], None]:
    """The phrases as folded words."""
    keys = (tuple(fold(found[0]).strip("'!*+") for found in _DISGUISED.finditer(phrase)) for phrase in phrases)
    return dict.fromkeys(key for key in keys if key and all(key))


def _listed(text: str, tokens: Sequence[_Token], category: str, phrases: dict[tuple[str, ...], None]) -> Iterator[Match]:
    """The phrases that stand in the text. One letter may be hidden behind a star: f*ck."""
    singles = frozenset(phrase[0] for phrase in phrases if len(phrase) == 1)
    longer = [phrase for phrase in phrases if len(phrase) > 1]
    seen: set[tuple[int, int]] = set()
    for at, token in enumerate(tokens):
        hidden = "*" in text[token.start : token.end].strip("*")
        length = 1 if token.forms & singles or (hidden and _hides(token, singles)) else _phrase_at(tokens, at, longer)
        if length:
            end = tokens[at + length - 1].end
            if (token.start, end) not in seen:
                seen.add((token.start, end))
                yield Match(category, text[token.start : end], token.start, end)


def _hides(token: _Token, singles: frozenset[str]) -> bool:
    patterns = [re.compile("".join("." if character == "*" else re.escape(character) for character in form)) for form in token.forms]
    return any(pattern.fullmatch(word) for pattern in patterns for word in singles if len(word) > 3)


def _phrase_at(tokens: Sequence[_Token], at: int, phrases: Sequence[tuple[str, ...]]) -> int:
    """How many tokens the longest phrase that begins here has; 0 when none does."""
    return max(
        (
            len(phrase)
            for phrase in phrases
            if phrase[0] in tokens[at].forms
            and at + len(phrase) <= len(tokens)
            and all(word in tokens[at + step].forms for step, word in enumerate(phrase))
        ),
        default=0,
    )


def _spam(text: str) -> Iterator[Match]:
    """Several links, a sign repeated for lines, one word over and over."""
    links = list(_LINK.finditer(text))
    if len(links) >= SPAM_LINKS:
        yield Match("spam", links[0][0][:80], links[0].start(), links[-1].end())
    for found in _SAME.finditer(text):
        yield Match("spam", found[0][:20], found.start(), found.end())
    words = list(re.finditer(r"\S+", text))
    run = 1
    for before, word in pairwise(words):
        run = run + 1 if fold(word[0]) == fold(before[0]) else 1
        if run == SPAM_REPEATS:
            yield Match("spam", word[0][:80], word.start(), word.end())


def _shouts(text: str) -> bool:
    letters = [character for character in text if character.isupper() or character.islower()]
    capitals = sum(character.isupper() for character in letters)
    return len(letters) >= SHOUTED_LETTERS and capitals >= SHOUTED_SHARE * len(letters) and len(text.split()) >= 3
