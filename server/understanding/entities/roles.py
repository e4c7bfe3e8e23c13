"""Which part a value plays, by the words in front of it: "from Berlin to Paris", "departure 3 May"."""

import re

from server.understanding.entities.hits import Hit
from server.understanding.words import words_of

FROM, TO = "from", "to"
NAMES = {
    FROM: FROM, "departure": FROM, "origin": FROM, "source": FROM, "start": FROM, "begin": FROM, "sender": FROM, "minimum": FROM,
    TO: TO, "arrival": TO, "destination": TO, "target": TO, "end": TO, "until": TO, "receiver": TO, "maximum": TO,
}  # fmt: skip
"""What an author may call a role, and which of the two it is."""

WORDS = {
    FROM: (
        "from leaving departing departure depart since starting start after between origin "
        "von vom ab aus seit abfahrt abflug abreise zwischen mindestens de du des depuis départ desde salida del entre "
        "da dal dalla dallo partenza fra tra do partida saída van vanaf uit sinds vertrek z ze od från fra frå из с от"
    ),
    TO: (
        "to until till towards into arriving arrival arrive before through by destination "
        "nach bis zu zum zur ankunft höchstens à au aux vers jusqu'à jusqu'au jusque pour arrivée a al hasta hacia para llegada "
        "alla allo fino arrivo ao até chegada naar tot aankomst do til till в до на к"
    ),
}
_ROLE_OF: dict[str, str] = {}
for _role, _listed in WORDS.items():
    for _word in words_of(_listed):
        _ROLE_OF.setdefault(_word.folded, _role)
_ONLY_TO_IN = {"do": ("pl", "cs", "sk"), "a": ("es", "it", "pt", "fr")}
_UNSPACED = re.compile(r"(?P<from>从|從|自|から)$|(?P<to>到|至|去|往|まで)$")
_FROM_BEHIND, _TO_BEHIND = re.compile(r"\s?(?:から|부터|에서)"), re.compile(r"\s?(?:まで|へ|까지|으로)")
REACH = 3
"""How many words in front of a value are looked at."""


def role_of(text: str, hit: Hit, after: int, language: str) -> str | None:
    """ "from", "to" or None for a value; `after` is where the value before it ends."""
    if _FROM_BEHIND.match(text, hit.end):
        return FROM
    if _TO_BEHIND.match(text, hit.end):
        return TO
    unspaced = _UNSPACED.search(text, after, hit.start)
    if unspaced:
        return FROM if unspaced["from"] else TO
    for word in reversed(words_of(text[after : hit.start])[-REACH:]):
        role = _ROLE_OF.get(word.folded)
        if word.folded in _ONLY_TO_IN:
            role = TO if language in _ONLY_TO_IN[word.folded] else FROM if word.folded == "do" and language == "pt" else None
        if role is not None:
            return role
    return None
