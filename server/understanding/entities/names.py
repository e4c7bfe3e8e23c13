"""A person's name where it is introduced ("my name is Ada Lovelace"), or where it is all that was said."""

import re

from server.understanding.entities import yes_no
from server.understanding.entities.hits import Circumstances, Hit
from server.understanding.greetings import is_greeting

_INTRODUCED = re.compile(
    r"\b(?:my (?:full )?name is|my name['’]s|name is|i['’]m called|mein name ist|ich hei(?:ß|ss)e|man nennt mich|"
    r"je m['’]appelle|mon nom est|me llamo|mi nombre es|meu nome é|chamo-me|me chamo|mi chiamo|il mio nome è|"
    r"mijn naam is|ik heet|jag heter|jeg hedder|jeg heter|nazywam się|mam na imię|jmenuji se|меня зовут|adım|benim adım)\s+",
    re.IGNORECASE,
)
_SAID_TO_BE = re.compile(
    r"\b(?:I am|I['’]m|[Cc]all me|[Tt]his is|[Ii]ch bin|[Hh]ier ist|[Jj]e suis|[Ss]oy|[Ss]ono|[Ss]ou|[Ii]k ben)\s+(?=[A-ZÀ-ÞА-Я])"
)
_PART = r"[^\W\d_][^\W\d_'’.-]*(?:['’.-][^\W\d_]+)*\.?"
_NAME = re.compile(rf"{_PART}(?:\s+(?:(?:van|von|de|der|den|da|dos|del|la|le|bin|al|zu)\s+){{0,2}}{_PART}){{0,3}}")
_ENDS = frozenset(
    ("and", "und", "et", "y", "e", "en", "och", "og", "i", "but", "aber", "from", "aus", "my", "mein", "the", "ich", "with", "mit")
)


def find(text: str, about: Circumstances) -> list[Hit]:
    """The name that was introduced; else the whole text when it is nothing but one to four words with capitals."""
    for introduction in (*_INTRODUCED.finditer(text), *_SAID_TO_BE.finditer(text)):
        name = _NAME.match(text, introduction.end())
        if name and (kept := _up_to_a_joining_word(name[0])) and not _cried(kept, text):
            return [Hit(name.start(), name.start() + len(kept), kept)]
    return _alone(text, about)


def _up_to_a_joining_word(name: str) -> str:
    """The name without what follows it; of words with and without capitals only those with one, "ada" alone is a name too."""
    parts: list[str] = []
    capitals = name[0].isupper()
    for part in name.split():
        if part.casefold() in _ENDS or (capitals and parts and not part[0].isupper() and len(part) > 3):
            break
        parts.append(part)
    while parts and not parts[-1][0].isupper() and len(parts) > 1:
        parts.pop()
    return " ".join(parts).rstrip(".") if capitals else " ".join(parts[:2]).rstrip(".")


def _cried(name: str, text: str) -> bool:
    """Whether a word is in capitals for emphasis: URGENT, in a text that is not all in capitals."""
    return name.isupper() and len(name) > 3 and not text.isupper()


def _alone(text: str, about: Circumstances) -> list[Hit]:
    whole = text.strip().rstrip(".!")
    start = text.find(whole)
    fits = _NAME.fullmatch(whole) is not None and all(part[0].isupper() or len(part) <= 3 for part in whole.split())
    if not fits or not whole[:1].isupper() or is_greeting(whole) or yes_no.find(whole, about):
        return []
    return [Hit(start, start + len(whole), whole)]
