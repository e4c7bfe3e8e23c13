"""The sample shop's order system: made-up orders, the same ones every day, so that the sample flow has somebody to call."""

import hashlib
import re
from datetime import date, timedelta
from typing import Any

STATUSES = ("delivered", "shipped", "shipped", "packing")
_NUMBER = re.compile(r"\s*BB-?(\d{4})\s*", re.IGNORECASE)


def order(number: str, today: date) -> dict[str, Any]:
    """The order called `number`: its status and the day that goes with it. Numbers from 9000 up are unknown."""
    match = _NUMBER.fullmatch(number)
    if match is None or match[1] >= "9000":
        return {"found": False, "number": number.strip().upper(), "status": "unknown", "day": ""}
    status = STATUSES[int(match[1]) % len(STATUSES)]
    away = {"delivered": -2, "shipped": 2, "packing": 1}[status]
    day = today + timedelta(days=away)
    return {"found": True, "number": f"BB-{match[1]}", "status": status, "day": f"{day:%A}, {day.day} {day:%B}"}


def returned(order_number: str, reason: str, email: str) -> dict[str, Any]:
    """The return that was registered; the same wish gets the same number."""
    number = hashlib.sha256(f"{order_number.strip().upper()}|{reason}|{email.lower()}".encode()).hexdigest()[:6].upper()
    return {"number": f"R-{number}", "order": order_number.strip().upper(), "reason": reason}
