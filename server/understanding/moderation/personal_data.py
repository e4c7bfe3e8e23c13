"""Personal data in a text: by its form and, where it has one, by its checksum. Nothing is looked up, no model is asked."""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass

from server.understanding.entities import emails
from server.understanding.languages import country_of
from server.understanding.words import bounded


@dataclass(frozen=True, slots=True)
class Detail:
    """One piece of personal data and where it stands."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Rule:
    kind: str
    form: re.Pattern[str]
    valid: Callable[[str], bool] = lambda text: True


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit by Luhn's algorithm (ISO/IEC 7812-1)."""
    total = 0
    for place, character in enumerate(reversed(digits)):
        number = int(character) * (2 if place % 2 else 1)
        total += number - 9 if number > 9 else number
    return total % 10 == 0


def _is_card(text: str) -> bool:
    """A payment card: 13 to 19 digits that begin as an issuer's do, with a right check digit."""
    digits = re.sub(r"\D", "", text)
    issuer = re.match(r"4|5[0-9]|2[2-7]|3[04578]|6(?:011|5|4[4-9]|2|7)", digits)
    return 13 <= len(digits) <= 19 and issuer is not None and len(set(digits)) > 1 and luhn(digits)


def _is_iban(text: str) -> bool:
    """An international bank account number: remainder 1 by 97 (ISO 13616)."""
    plain = re.sub(r"\s", "", text).upper()
    moved = plain[4:] + plain[:4]
    return 15 <= len(plain) <= 34 and int("".join(str(int(character, 36)) for character in moved)) % 97 == 1


def _is_cpf(text: str) -> bool:
    """A Brazilian tax number: two check digits by 11."""
    digits = [int(character) for character in re.sub(r"\D", "", text)]
    if len(digits) != 11 or len(set(digits)) == 1:
        return False
    return all(digits[n] == (sum(digits[i] * (n + 1 - i) for i in range(n)) * 10 % 11) % 10 for n in (9, 10))


def _is_dni(text: str) -> bool:
    """A Spanish DNI or NIE: the letter follows from the number by 23."""
    plain = re.sub(r"[\s.-]", "", text).upper()
    number = plain[:-1].translate(str.maketrans("XYZ", "012"))
    return number.isdigit() and "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == plain[-1]


def _is_ssn(text: str) -> bool:
    """A number the United States' social security could have given out."""
    area, group, serial = re.split(r"[- ]", text)
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


def _is_address(text: str) -> bool:
    try:
        return not ipaddress.ip_address(text).is_unspecified
    except ValueError:
        return False


_BEFORE, _BEHIND = r"(?<![\w@.-])", r"(?![\w-])"
_RULES = (
    _Rule("email", emails.EMAIL),
    _Rule("iban", re.compile(r"\b[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]{4}){2,7}(?:[ ]?[A-Z0-9]{1,3})?\b", re.IGNORECASE), _is_iban),
    _Rule("payment_card", re.compile(rf"{_BEFORE}\d(?:[ -]?\d){{12,18}}{_BEHIND}", re.ASCII), _is_card),
    _Rule("cpf", re.compile(rf"{_BEFORE}\d{{3}}\.?\d{{3}}\.?\d{{3}}-?\d{{2}}{_BEHIND}", re.ASCII), _is_cpf),
    _Rule("dni", re.compile(rf"{_BEFORE}[XYZxyz\d]\d{{7}}[ -]?[A-Za-z]{_BEHIND}", re.ASCII), _is_dni),
    _Rule("ssn", re.compile(rf"{_BEFORE}\d{{3}}[- ]\d{{2}}[- ]\d{{4}}{_BEHIND}", re.ASCII), _is_ssn),
    _Rule(
        "national_insurance",
        re.compile(r"\b(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b", re.ASCII),
    ),
    _Rule("ip_address", re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\d)", re.ASCII), _is_address),
    _Rule("ip_address", re.compile(r"(?<![\w:])(?:[0-9A-Fa-f]{1,4}:){2,7}[0-9A-Fa-f:]{1,30}(?![\w:])"), _is_address),
    _Rule(
        "secret",
        re.compile(
            r"\b(?:sk-[A-Za-z0-9_-]{16,}|AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{30,}|xox[abpr]-[A-Za-z0-9-]{10,}"
            r"|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{5,})"
        ),
    ),
    _Rule(
        "secret",
        re.compile(
            r"\b(?:password|passwort|kennwort|contraseña|mot de passe|senha|pin|cvv|cvc)\b\s*(?:is|es|ist|est|é|[:=])\s*(\S{3,64})",
            re.IGNORECASE,
        ),
        lambda text: re.search(r"\d|[!@#$%^&*+=]", text) is not None,
    ),
    _Rule(
        "birth_date",
        re.compile(
            r"\b(?:born(?: on)?|date of birth|dob|birthday is|nac[ií](?:do|da)? el|geboren am|geburtsdatum|née? le|nasc[ií](?:do|da)? em)"
            r"\s*:?\s*([\w/.,-]+(?:\s+(?:de\s+)?[\w/.,-]+){0,3})",
            re.IGNORECASE,
        ),
        lambda text: re.search(r"\d{1,2}\D+\d|\b(?:19|20)\d\d\b", text) is not None,
    ),
)


def find(text: str, language: str | None = None, region: str | None = None) -> list[Detail]:
    """Every piece, in the order of the text; of overlapping ones the more telling kind."""
    text = bounded(text)
    found: list[Detail] = []
    for rule in _RULES:
        for match in rule.form.finditer(text):
            start, end = match.span(1 if match.re.groups else 0)
            if _is_free(found, start, end) and rule.valid(text[start:end]):
                found.append(Detail(rule.kind, start, end))
    found += [detail for detail in _phones(text, country_of(language, region)) if _is_free(found, detail.start, detail.end)]
    return sorted(found, key=lambda detail: detail.start)


def _is_free(found: list[Detail], start: int, end: int) -> bool:
    return all(end <= other.start or start >= other.end for other in found)


def _phones(text: str, country: str | None) -> list[Detail]:
    if sum(character.isdigit() for character in text) < 7:
        return []
    import phonenumbers

    matcher = phonenumbers.PhoneNumberMatcher(text, country, leniency=phonenumbers.Leniency.VALID, max_tries=200)
    return [Detail("phone", match.start, match.end) for match in matcher]
