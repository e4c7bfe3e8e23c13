"""Yes and no in the words of many languages."""

from server.understanding.entities.hits import Circumstances, Hit
from server.understanding.words import bounded, fold, words_of

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
LONGEST = 8
"""In a text of more words than this, yes and no count only as its first word."""

_ANSWERS: dict[tuple[str, ...], bool] = {
    **{tuple(fold(phrase).split()): True for phrase in YES},
    **{tuple(fold(phrase).split()): False for phrase in NO},
}
_ONLY_IN: dict[tuple[str, ...], tuple[str, ...]] = {
    ("si",): ("it", "es"), ("da",): ("ro", "hr", "sr", "sl", "bg"), ("nu",): ("ro",), ("ei",): ("fi", "et"), ("mai",): ("it",),
    ("ne",): ("de", "hr", "sr", "sl", "bg", "cs"), ("ano",): ("cs", "sk"), ("tak",): ("pl",), ("jo",): ("sv", "da", "no", "nb", "de"),
}  # fmt: skip
"""Words that mean something else in most languages, with the languages in which they are answers."""
_REFUSES = frozenset(("not", "nicht", "pas", "don't", "dont", "no", "non", "nao", "niet"))


def find(text: str, about: Circumstances) -> list[Hit]:
    """The first yes or no as True or False. "Not sure" and "not right" are no answer of yes."""
    words = words_of(bounded(text))
    places = range(len(words)) if len(words) <= LONGEST else range(min(1, len(words)))
    for at in places:
        for length in (4, 3, 2, 1):
            phrase = tuple(word.folded for word in words[at : at + length])
            answer = _ANSWERS.get(phrase) if len(phrase) == length else None
            if answer is None or about.language not in _ONLY_IN.get(phrase, (about.language,)):
                continue
            if answer and at > 0 and words[at - 1].folded in _REFUSES:
                return []
            return [Hit(words[at].start, words[at + length - 1].end, answer)]
    return []
