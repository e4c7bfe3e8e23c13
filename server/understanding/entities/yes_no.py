"""Yes and no in the words of many languages."""

from collections.abc import Sequence

from server.understanding.entities.hits import Circumstances, Hit
from server.understanding.words import Word, bounded, fold, words_of

YES = (
    "yes", "yeah", "yep", "yup", "sure", "of course", "ok", "okay", "correct", "right", "exactly", "absolutely", "definitely", "please do",
    "ja", "jawohl", "jep", "klar", "genau", "gerne", "natürlich", "stimmt", "richtig", "passt",
    "oui", "ouais", "bien sûr", "d'accord", "exact", "si", "sí", "claro", "vale", "por supuesto", "correcto", "certo", "va bene", "esatto",
    "sim", "com certeza", "isso", "jazeker", "zeker", "goed", "tak", "oczywiście", "ano", "jo", "japp", "jaha", "javisst", "absolut",
    "kyllä", "joo", "igen", "da", "evet", "tamam", "да", "конечно", "так", "ναι", "نعم", "אכן", "כן", "हाँ", "हां",
    "是", "是的", "对", "好", "好的", "はい", "ええ", "うん", "네", "예", "có", "vâng",
)  # fmt: skip
NO = (
    "no", "nope", "nah", "not really", "not now", "never", "no way", "wrong", "incorrect", "no thanks", "no thank you",
    "nein", "ne", "nö", "nee", "auf keinen fall", "falsch", "keinesfalls", "lieber nicht",
    "non", "pas du tout", "jamais", "nunca", "para nada", "mai", "não", "nao", "nem", "nie", "ne", "nej", "aldrig", "nei", "ei", "nu",
    "hayır", "yok", "нет", "не", "ні", "όχι", "لا", "לא", "नहीं",
    "不", "不是", "不对", "不要", "没有", "いいえ", "いや", "아니요", "아니", "không",
)  # fmt: skip
_ANSWERS: dict[tuple[str, ...], bool] = {
    **{tuple(fold(phrase).split()): True for phrase in YES},
    **{tuple(fold(phrase).split()): False for phrase in NO},
}
_ONLY_IN: dict[tuple[str, ...], tuple[str, ...]] = {
    ("si",): ("it", "es"), ("da",): ("ro", "hr", "sr", "sl", "bg"), ("nu",): ("ro",), ("ei",): ("fi", "et"), ("mai",): ("it",),
    ("ne",): ("de", "hr", "sr", "sl", "bg", "cs"), ("ano",): ("cs", "sk"), ("tak",): ("pl",), ("jo",): ("sv", "da", "no", "nb", "de"),
}  # fmt: skip
"""Words that mean something else in most languages, with the languages in which they are answers."""
_OPENINGS = frozenset(
    ("well", "uh", "uhh", "um", "hm", "oh", "ah", "ach", "na", "also", "bueno", "pues", "bon", "ben", "beh", "olha", "oh", "hmm")
)
_NO_ANSWERS = frozenset(
    (("no", "idea"), ("no", "clue"), ("no", "one"), ("no", "matter"), ("right", "now"), ("right", "away"), ("si", "tu"))
)
"""Beginnings that only look like an answer."""
LAST_WORDS = ("yes", "yeah", "no", "ja", "nein", "oui", "non", "sim", "nao", "si", "ok", "okay")
"""Words that are an answer at the end of a text too, behind a comma."""


def find(text: str, about: Circumstances) -> list[Hit]:
    """The yes or no a text begins with, or has behind its last comma, as True or False. "Correct" inside a sentence is no answer."""
    text = bounded(text)
    words = words_of(text)
    first = next((at for at, word in enumerate(words[:3]) if word.folded not in _OPENINGS), None)
    if first is None:
        return []
    hit = _answer_at(words, first, about.language)
    if hit is None and len(words) > 1 and words[-1].folded in LAST_WORDS and "," in text[words[-2].end : words[-1].start]:
        hit = _answer_at(words, len(words) - 1, about.language)
    return [] if hit is None else [hit]


def _answer_at(words: Sequence[Word], at: int, language: str) -> Hit | None:
    """The longest answer that begins with this word."""
    if tuple(word.folded for word in words[at : at + 2]) in _NO_ANSWERS:
        return None
    for length in (4, 3, 2, 1):
        phrase = tuple(word.folded for word in words[at : at + length])
        if len(phrase) == length and phrase in _ANSWERS and language in _ONLY_IN.get(phrase, (language,)):
            return Hit(words[at].start, words[at + length - 1].end, _ANSWERS[phrase])
    return None
