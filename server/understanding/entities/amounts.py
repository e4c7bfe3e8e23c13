"""Amounts of money: a number beside a currency's sign, code or name. Digits are read by price-parser, number words by `numbers`."""

import re
from typing import Any

from server.understanding.entities import numbers
from server.understanding.entities.hits import Circumstances, Hit, first_ones
from server.understanding.languages import DECIMAL_POINT
from server.understanding.words import fold

SIGNS = {
    "€": "EUR",
    "£": "GBP",
    "₹": "INR",
    "₽": "RUB",
    "₺": "TRY",
    "₴": "UAH",
    "₩": "KRW",
    "₪": "ILS",
    "zł": "PLN",
    "R$": "BRL",
    "Kč": "CZK",
}
NAMES = {
    "EUR": ("euro", "euros", "eur", "ευρω"),
    "GBP": ("pound", "pounds", "quid", "pfund"),
    "CHF": ("franken", "sfr", "stutz"),
    "JPY": ("yen",),
    "CNY": ("yuan", "rmb"),
    "INR": ("rupee", "rupees", "rupien"),
    "PLN": ("zloty", "zlotys", "zl"),
    "BRL": ("real", "reais"),
    "RUB": ("rubel", "ruble", "rubles", "rublos"),
    "TRY": ("lira", "liras"),
}
_OF_THE_COUNTRY = {
    "dollar": {"AU": "AUD", "CA": "CAD", "NZ": "NZD", "SG": "SGD", "HK": "HKD", "": "USD"},
    "peso": {"MX": "MXN", "AR": "ARS", "CL": "CLP", "CO": "COP", "PH": "PHP", "": "MXN"},
    "krone": {"SE": "SEK", "NO": "NOK", "DK": "DKK", "CZ": "CZK", "IS": "ISK", "": "SEK"},
    "yen": {"CN": "CNY", "": "JPY"},
    "franc": {"": "CHF"},
}
"""Signs and names that several countries use for currencies of their own."""
_SHARED = {
    "$": "dollar", "dollar": "dollar", "dollars": "dollar", "bucks": "dollar", "dolares": "dollar", "dolar": "dollar",
    "peso": "peso", "pesos": "peso", "kr": "krone", "kronor": "krone", "krona": "krone", "krone": "krone", "kroner": "krone",
    "kronen": "krone", "¥": "yen", "円": "yen", "元": "yen", "fr": "franc", "franc": "franc", "francs": "franc", "franchi": "franc",
}  # fmt: skip
CODES = frozenset({
    "EUR", "USD", "GBP", "CHF", "JPY", "CNY", "INR", "AUD", "CAD", "NZD", "SEK", "NOK", "DKK", "PLN",
    "CZK", "HUF", "RON", "BGN", "TRY", "RUB", "UAH", "ILS", "AED", "SAR", "ZAR", "BRL", "MXN", "ARS",
    "CLP", "COP", "KRW", "SGD", "HKD", "THB", "PHP", "IDR", "MYR",
})  # fmt: skip

_BEFORE = re.compile(r"(R\$|Kč|zł|[€$£₹₽₺₴₩₪¥]|\b[A-Za-z]{2,3}\.?)\s?$")
_BEHIND = re.compile(r"(?:,?[-–—])?\s?(R\$|[€$£₹₽₺₴₩₪¥円元]|[^\W\d_]+)")


def find(text: str, about: Circumstances) -> list[Hit]:
    """Every amount as {"amount", "currency"}; when no currency is named at all, every number as an amount without one."""
    found = numbers.find(text, about)
    amounts = [amount for number in found if (amount := _amount(text, number, about)) is not None]
    return first_ones(amounts) or [Hit(number.start, number.end, _value(number.value, None)) for number in found]


def _amount(text: str, number: Hit, about: Circumstances) -> Hit | None:
    digits = text[number.start : number.end]
    value = _read(digits, about.language) if digits[-1].isdigit() else number.value
    behind = _BEHIND.match(text, number.end)
    if behind and (currency := _currency(behind[1], about.country)):
        return Hit(number.start, behind.end(), _value(value, currency))
    before = _BEFORE.search(text, 0, number.start)
    if before and (currency := _currency(before[1].rstrip("."), about.country)):
        return Hit(before.start(), number.end, _value(value, currency))
    return None


def _read(digits: str, language: str) -> float:
    """Digits of an amount; of a single separator in front of three digits the language decides, as `numbers` has it."""
    from price_parser import Price

    sign = -1 if digits[0] in "-−" else 1
    plain = digits.lstrip("-+−")
    marks = {mark for mark in plain if not mark.isdigit()}
    own = ("." if language in DECIMAL_POINT else ",") if len(marks) == 1 and len(re.split(r"\D", plain)[-1]) == 3 else None
    price = Price.fromstring(plain, decimal_separator=own)
    return sign * float(price.amount if price.amount is not None else 0)


def _value(amount: float, currency: str | None) -> dict[str, Any]:
    return {"amount": int(amount) if float(amount).is_integer() else amount, "currency": currency}


def _currency(word: str, country: str | None) -> str | None:
    if word in SIGNS:
        return SIGNS[word]
    if word.upper() in CODES and (word.isupper() or word.casefold() in ("eur", "usd", "gbp", "chf")):
        return word.upper()
    folded = fold(word)
    if folded in _SHARED:
        by_country = _OF_THE_COUNTRY[_SHARED[folded]]
        return by_country.get(country or "", by_country[""])
    return next((code for code, names in NAMES.items() if folded in names), None)
