"""Phone numbers that can exist, by the library phonenumbers (Google's libphonenumber)."""

from server.understanding.entities.hits import Circumstances, Hit


def find(text: str, about: Circumstances) -> list[Hit]:
    """Every phone number as +491701234567 (E.164); one without its country's code is read as one of the customer's country."""
    if sum(character.isdigit() for character in text) < 5:
        return []
    import phonenumbers

    found = phonenumbers.PhoneNumberMatcher(text, about.country, leniency=phonenumbers.Leniency.VALID, max_tries=200)
    return [Hit(m.start, m.end, phonenumbers.format_number(m.number, phonenumbers.PhoneNumberFormat.E164)) for m in found]
