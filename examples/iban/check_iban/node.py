"""Checks an account number as ISO 13616 describes: the length of its country, and check digits that leave 1 when divided by 97."""

import re
from collections.abc import Mapping
from typing import Any

from flow_runtime.nodes import Step, Turn

# Lengths from the IBAN registry of SWIFT, release 99, for the countries of the SEPA area.
LENGTHS = {
    "AD": 24,
    "AT": 20,
    "BE": 16,
    "BG": 22,
    "CH": 21,
    "CY": 28,
    "CZ": 24,
    "DE": 22,
    "DK": 18,
    "EE": 20,
    "ES": 24,
    "FI": 18,
    "FR": 27,
    "GB": 22,
    "GI": 23,
    "GR": 27,
    "HR": 21,
    "HU": 28,
    "IE": 22,
    "IS": 26,
    "IT": 27,
    "LI": 21,
    "LT": 20,
    "LU": 20,
    "LV": 21,
    "MC": 27,
    "MT": 31,
    "NL": 18,
    "NO": 15,
    "PL": 28,
    "PT": 25,
    "RO": 24,
    "SE": 24,
    "SI": 19,
    "SK": 24,
    "SM": 27,
    "VA": 22,
}


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    iban = re.sub(r"[\s-]", "", turn.render(settings["iban"])).upper()
    if not is_valid(iban):
        return Step(go="invalid")
    return Step(set={settings["save_as"]: iban} if settings["save_as"] else {}, go="valid")


def is_valid(iban: str) -> bool:
    """Whether the text, without spaces and in capitals, has the form, the length and the check digits of an IBAN."""
    if not re.fullmatch(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}", iban, re.ASCII):
        return False
    if LENGTHS.get(iban[:2], len(iban)) != len(iban):
        return False
    digits = "".join(str(int(letter, 36)) for letter in iban[4:] + iban[:4])
    return int(digits) % 97 == 1
