"""Words of a first message that every statistical guesser gets wrong: greetings, thanks, yes and no, by language."""

from functools import cache

from server.understanding.words import fold, words_of

BY_LANGUAGE = {
    "en": "hi|hello|hey|hey there|hi there|good morning|good afternoon|good evening|good day|howdy|yes|yeah|yep|no|nope|please|thanks|"
    "thank you|thank you very much|thx|bye|goodbye|sorry|help|sure|okay then|see you|cheers|yes please|no thanks|help me",
    "de": "hallo|guten morgen|guten tag|guten abend|moin|servus|grüß gott|grüezi|tag|morgen|ja|nein|bitte|danke|danke schön|vielen dank|"
    "tschüss|auf wiedersehen|hilfe|klar|genau|ja bitte|nein danke|entschuldigung|alles klar|gerne|ciao",
    "fr": "bonjour|salut|bonsoir|coucou|bonne journée|oui|non|s'il vous plaît|s'il te plaît|svp|merci|merci beaucoup|au revoir|à bientôt|"
    "aide|aidez-moi|d'accord|bien sûr|oui merci|non merci|pardon|ouais",
    "es": "hola|buenos días|buenas tardes|buenas noches|buenas|qué tal|sí|no|por favor|gracias|muchas gracias|adiós|hasta luego|ayuda|"
    "claro|vale|perdón|sí por favor|no gracias|de acuerdo",
    "it": "ciao|buongiorno|buonasera|buon giorno|buona sera|salve|sì|no|per favore|grazie|grazie mille|arrivederci|aiuto|va bene|certo|"
    "scusa|scusi|sì grazie|no grazie|d'accordo|prego",
    "pt": "olá|oi|bom dia|boa tarde|boa noite|sim|não|nao|por favor|obrigado|obrigada|muito obrigado|tchau|adeus|até logo|ajuda|claro|"
    "desculpe|sim por favor|não obrigado|tudo bem",
    "nl": "hallo|hoi|goedemorgen|goedemiddag|goedenavond|goedendag|dag|ja|nee|alstublieft|alsjeblieft|dank je|dank u|bedankt|dankjewel|"
    "tot ziens|doei|hulp|oké|ja graag|nee bedankt|prima",
    "pl": "cześć|dzień dobry|dobry wieczór|hej|witam|tak|nie|proszę|dziękuję|dzięki|do widzenia|pomoc|dobrze|przepraszam",
    "sv": "hej|hejsan|god morgon|god kväll|god dag|tjena|ja|nej|tack|tack så mycket|hej då|hjälp|snälla|javisst",
    "da": "hej|goddag|god morgen|godaften|ja|nej|tak|mange tak|farvel|hjælp|undskyld",
    "no": "hei|god dag|god morgen|god kveld|ja|nei|takk|tusen takk|ha det|hjelp|unnskyld",
    "fi": "hei|moi|terve|hyvää huomenta|hyvää päivää|hyvää iltaa|kyllä|joo|ei|kiitos|kiitoksia|näkemiin|apua|anteeksi",
    "cs": "ahoj|dobrý den|dobré ráno|dobrý večer|ano|ne|prosím|děkuji|díky|na shledanou|pomoc|dobře",
    "hu": "szia|helló|jó napot|jó reggelt|jó estét|igen|nem|kérem|köszönöm|viszlát|segítség",
    "ro": "bună|bună ziua|bună dimineața|salut|da|nu|vă rog|mulțumesc|la revedere|ajutor",
    "tr": "merhaba|selam|günaydın|iyi günler|iyi akşamlar|evet|hayır|lütfen|teşekkürler|teşekkür ederim|hoşça kal|yardım|tamam",
    "id": "halo|hai|selamat pagi|selamat siang|selamat sore|selamat malam|ya|tidak|tolong|terima kasih|sampai jumpa|bantuan",
    "vi": "xin chào|chào|chào bạn|vâng|không|làm ơn|cảm ơn|tạm biệt|giúp tôi",
    "ru": "привет|здравствуйте|добрый день|доброе утро|добрый вечер|да|нет|пожалуйста|спасибо|до свидания|помогите|помощь",
    "uk": "привіт|вітаю|добрий день|доброго ранку|добрий вечір|так|ні|будь ласка|дякую|до побачення|допоможіть|допомога",
}


def _places() -> dict[str, frozenset[str]]:
    """The languages of every phrase, as it is written and without its accents."""
    found: dict[str, set[str]] = {}
    for language, phrases in BY_LANGUAGE.items():
        for phrase in phrases.split("|"):
            found.setdefault(_written(phrase), set()).add(language)
    for language, phrases in BY_LANGUAGE.items():
        for phrase in phrases.split("|"):
            if language not in found.get(plain := fold(_written(phrase)), ()) and plain not in _as_written():
                found.setdefault(plain, set()).add(language)
    return {phrase: frozenset(languages) for phrase, languages in found.items()}


@cache
def _as_written() -> frozenset[str]:
    return frozenset(_written(phrase) for phrases in BY_LANGUAGE.values() for phrase in phrases.split("|"))


def _written(text: str) -> str:
    return " ".join(text[word.start : word.end].casefold().replace("’", "'") for word in words_of(text))


def languages_of(text: str) -> frozenset[str]:
    """The languages in which the whole text is a greeting or the like; none when it is something else. Accents may be missing."""
    written = _written(text)
    return _PLACES.get(written) or _PLACES.get(fold(written), frozenset())


def is_greeting(text: str) -> bool:
    """Whether the whole text is a greeting or the like in some language."""
    return bool(languages_of(text))


_PLACES = _places()
