"""Sends an e-mail. Addresses are looked at here, so that a customer's words cannot add others."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.conditions import matches
from flow_runtime.effects import Call
from flow_runtime.inputs import CallError, Input
from flow_runtime.nodes import FAILED, Step, Turn
from flow_runtime.results import result_of

MOST_ADDRESSES = 20
_ADDRESS = r"^[^\s@,;<>\"]{1,64}@[^\s@,;<>\"]{1,190}\.[^\s@,;<>\".]{2,63}$"


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    to = [address.strip() for address in turn.render(settings["to"]).split(",") if address.strip()]
    reply_to = turn.render(settings["reply_to"]).strip()
    wrong = next((address for address in (*to, *filter(None, [reply_to])) if not matches(address, _ADDRESS)), None)
    if not to or len(to) > MOST_ADDRESSES or wrong is not None:
        message = f'"{wrong[:80]}" is no e-mail address.' if wrong is not None else f"It needs 1 to {MOST_ADDRESSES} addresses."
        return Step(go=FAILED, error=CallError("address", message))
    payload = {
        "to": to,
        "subject": " ".join(turn.render(settings["subject"]).split()),
        "text": turn.render(settings["text"]),
        "html": None,
        "reply_to": reply_to or None,
    }
    return Step(effects=(Call("email.send", payload),), wait_for="call")


def resume(settings: Mapping[str, Any], turn: Turn, input: Input) -> Step:
    _, error = result_of(input)
    return Step(go="ok") if error is None else Step(go=FAILED, error=error)
