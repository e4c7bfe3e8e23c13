"""What a bot says by itself when the author wrote nothing, and the words it knows for yes and no, in a few languages."""

from collections.abc import Mapping

from flow_runtime.locales import DEFAULT_LANGUAGE, fallbacks

_PHRASES: Mapping[str, Mapping[str, str]] = {
    "en": {
        "text": "Please write your answer.",
        "number": "Please answer with a number.",
        "email": "Please answer with an e-mail address, like name@example.com.",
        "phone": "Please answer with a phone number, like +44 20 7946 0000.",
        "url": "Please answer with a web address, like https://example.com.",
        "date": "Please answer with a date, like 2026-03-31.",
        "time": "Please answer with a time, like 14:30.",
        "datetime": "Please answer with a date and a time, like 2026-03-31 14:30.",
        "yes_no": "Please answer yes or no.",
        "pattern": "This does not look right. Please try again.",
        "one_of": "Please choose one of these:",
        "file": "Please send a file.",
        "location": "Please send your location, or write the address.",
        "rating": "Please choose one of these:",
        "needed": "I need this one, sorry.",
        "change": "What should I change?",
        "yes": "Yes",
        "no": "No",
        "done": "Done",
    },
    "de": {
        "text": "Bitte schreiben Sie Ihre Antwort.",
        "number": "Bitte antworten Sie mit einer Zahl.",
        "email": "Bitte antworten Sie mit einer E-Mail-Adresse, zum Beispiel name@example.com.",
        "phone": "Bitte antworten Sie mit einer Telefonnummer, zum Beispiel +49 30 901820.",
        "url": "Bitte antworten Sie mit einer Webadresse, zum Beispiel https://example.com.",
        "date": "Bitte antworten Sie mit einem Datum, zum Beispiel 31.3.2026.",
        "time": "Bitte antworten Sie mit einer Uhrzeit, zum Beispiel 14:30.",
        "datetime": "Bitte antworten Sie mit Datum und Uhrzeit, zum Beispiel 31.3.2026 14:30.",
        "yes_no": "Bitte antworten Sie mit Ja oder Nein.",
        "pattern": "Das sieht nicht richtig aus. Bitte versuchen Sie es noch einmal.",
        "one_of": "Bitte wählen Sie eines davon:",
        "file": "Bitte senden Sie eine Datei.",
        "location": "Bitte senden Sie Ihren Standort oder schreiben Sie die Adresse.",
        "rating": "Bitte wählen Sie eines davon:",
        "needed": "Das brauche ich leider.",
        "change": "Was soll ich ändern?",
        "yes": "Ja",
        "no": "Nein",
        "done": "Fertig",
    },
    "es": {
        "text": "Escribe tu respuesta, por favor.",
        "number": "Responde con un número, por favor.",
        "email": "Responde con un correo electrónico, como nombre@example.com.",
        "phone": "Responde con un número de teléfono, como +34 910 000 000.",
        "url": "Responde con una dirección web, como https://example.com.",
        "date": "Responde con una fecha, como 31/3/2026.",
        "time": "Responde con una hora, como 14:30.",
        "datetime": "Responde con una fecha y una hora, como 31/3/2026 14:30.",
        "yes_no": "Responde sí o no, por favor.",
        "pattern": "Eso no parece correcto. Inténtalo de nuevo.",
        "one_of": "Elige una de estas opciones:",
        "file": "Envía un archivo, por favor.",
        "location": "Envía tu ubicación o escribe la dirección.",
        "rating": "Elige una de estas opciones:",
        "needed": "Lo siento, este dato es necesario.",
        "change": "¿Qué debo cambiar?",
        "yes": "Sí",
        "no": "No",
        "done": "Listo",
    },
    "fr": {
        "text": "Écrivez votre réponse, s'il vous plaît.",
        "number": "Répondez par un nombre, s'il vous plaît.",
        "email": "Répondez par une adresse e-mail, comme nom@example.com.",
        "phone": "Répondez par un numéro de téléphone, comme +33 1 70 18 99 00.",
        "url": "Répondez par une adresse web, comme https://example.com.",
        "date": "Répondez par une date, comme 31/3/2026.",
        "time": "Répondez par une heure, comme 14:30.",
        "datetime": "Répondez par une date et une heure, comme 31/3/2026 14:30.",
        "yes_no": "Répondez par oui ou non, s'il vous plaît.",
        "pattern": "Cela ne semble pas correct. Veuillez réessayer.",
        "one_of": "Choisissez parmi ces réponses :",
        "file": "Envoyez un fichier, s'il vous plaît.",
        "location": "Envoyez votre position ou écrivez l'adresse.",
        "rating": "Choisissez parmi ces réponses :",
        "needed": "Désolé, j'en ai besoin.",
        "change": "Que dois-je changer ?",
        "yes": "Oui",
        "no": "Non",
        "done": "Terminé",
    },
}

YES = frozenset(
    (
        *("yes", "y", "yeah", "yep", "yes please", "sure", "ok", "okay", "true", "correct", "right", "that's right", "that is right"),
        *("ja", "j", "ja bitte", "genau", "richtig", "stimmt", "oui", "exact", "d'accord", "si", "sí", "vale", "👍"),
    )
)
NO = frozenset(
    (
        *("no", "n", "nope", "no thanks", "no thank you", "false", "wrong", "that's wrong", "that is wrong", "not right"),
        *("nein", "nein danke", "falsch", "non", "non merci", "no gracias", "👎"),
    )
)


def phrase(name: str, language: str) -> str:
    """The bot's own words in the language ("de-AT" falls back to "de"), or in English."""
    known = next((_PHRASES[one] for one in fallbacks(language.casefold()) if one in _PHRASES), _PHRASES[DEFAULT_LANGUAGE])
    return known[name]


def yes_or_no(text: str) -> bool | None:
    """True for a yes, False for a no, None for anything else."""
    word = text.casefold().strip(" .!,")
    return True if word in YES else False if word in NO else None
