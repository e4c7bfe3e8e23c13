"""Asks, waits, checks the answer and keeps it."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from flow_runtime.conditions import as_number, matches
from flow_runtime.effects import Say
from flow_runtime.inputs import Attachment, Choice, Input, Message
from flow_runtime.nodes import Step, Turn

_EMAIL = r"^[^\s@,;<>]{1,64}@[^\s@,;<>]{1,190}\.[^\s@,;<>.]{2,63}$"
_YES = frozenset(("yes", "y", "yeah", "yep", "yes please", "sure", "ok", "okay", "true", "ja", "oui", "si", "sí"))
_NO = frozenset(("no", "n", "nope", "no thanks", "no thank you", "false", "nein", "non"))
_DATE_FORMS = (r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})", r"(?P<d>\d{1,2})\.\s?(?P<m>\d{1,2})\.\s?(?P<y>\d{4})")
_EXPECTED = {
    "text": "Please write your answer.",
    "number": "Please answer with a number.",
    "email": "Please answer with an e-mail address, like name@example.com.",
    "phone": "Please answer with a phone number, like +44 20 7946 0000.",
    "date": "Please answer with a date, like 2026-03-31.",
    "yes_no": "Please answer yes or no.",
    "pattern": "This does not look right. Please try again.",
}


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    return Step(effects=(Say(turn.render(settings["text"])),), wait_for="message")


def resume(settings: Mapping[str, Any], turn: Turn, input: Input) -> Step:
    answer = _read(settings, input)
    if answer is not None:
        return Step(set={settings["save_as"]: answer}, go="next")
    tries = int(turn.memory.get("tries", 0)) + 1
    if settings["give_up"] and tries >= settings["attempts"]:
        return Step(go="invalid")
    again = turn.render(settings.get("retry_text", "")).strip() or _EXPECTED[settings["answer"]]
    return Step(effects=(Say(again),), wait_for="message", memory={"tries": tries})


def _read(settings: Mapping[str, Any], input: Input) -> Any:
    """The answer as its kind, or None when it does not fit."""
    text = input.text.strip() if isinstance(input, Message | Choice | Attachment) else ""
    return _READERS[settings["answer"]](text, settings) if text else None


def _number(text: str, settings: Mapping[str, Any]) -> float | int | None:
    number = as_number(text)
    if number is None or number < settings.get("minimum", number) or number > settings.get("maximum", number):
        return None
    return int(number) if float(number).is_integer() and abs(number) < 2**53 else number


def _phone(text: str, _: Mapping[str, Any]) -> str | None:
    digits = re.sub(r"[\s().\-/]", "", text)
    return digits if matches(digits, r"^\+?[0-9]{6,15}$") else None


def _date(text: str, _: Mapping[str, Any]) -> str | None:
    for form in _DATE_FORMS:
        found = re.fullmatch(form, text[:20])
        if found:
            try:
                return date(int(found["y"]), int(found["m"]), int(found["d"])).isoformat()
            except ValueError:
                return None
    return None


def _yes_no(text: str, _: Mapping[str, Any]) -> bool | None:
    word = text.casefold().strip(" .!,")
    return True if word in _YES else False if word in _NO else None


_READERS: Mapping[str, Callable[[str, Mapping[str, Any]], Any]] = {
    "text": lambda text, _: text,
    "number": _number,
    "email": lambda text, _: text if matches(text, _EMAIL) else None,
    "phone": _phone,
    "date": _date,
    "yes_no": _yes_no,
    "pattern": lambda text, settings: text if matches(text, rf"^(?:{settings['pattern']})$") else None,
}
