"""Has values found in the customer's words, remembers them and says whether there were any. Listens first when nothing was said."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.effects import Call
from flow_runtime.inputs import AgentDone, CallResult
from flow_runtime.listening import listener
from flow_runtime.nodes import Step, Turn
from flow_runtime.results import value_of


def _ask(settings: Mapping[str, Any], turn: Turn) -> Step:
    text = turn.render(settings["text"]).strip()
    if not text:
        return Step(go="not_found")
    payload = {
        "text": text,
        "slots": [_slot(row, turn) for row in settings["slots"]],
        "language": turn.language,
        "region": settings["region"] or None,
        "time_zone": turn.time_zone,
        "now": turn.now.isoformat(),
    }
    return Step(effects=(Call("nlu.entities", payload),), wait_for="call")


def _slot(row: Mapping[str, Any], turn: Turn) -> dict[str, Any]:
    slot = {"name": row["variable"], "type": row["type"]}
    if row["type"] == "list":
        slot["entries"] = _entries(turn.value(row["words"]))
    if row["type"] == "pattern":
        slot["pattern"] = row["pattern"]
    if row.get("role", "any") != "any":
        slot["role"] = row["role"]
    return slot


def _entries(words: Any) -> list[dict[str, Any]]:
    """ "Paris, Munich = München" as values with their other words; a list of texts as it is."""
    given = [str(word) for word in words] if isinstance(words, list) else str(words).replace("\n", ",").split(",")
    parts = [[part.strip() for part in entry.split("=") if part.strip()] for entry in given]
    return [{"value": value, "words": others} for value, *others in filter(None, parts)]


def _leave(settings: Mapping[str, Any], turn: Turn, result: CallResult | AgentDone) -> Step:
    value = value_of(result)
    given = value.get("values")
    values = given if isinstance(given, dict) else {}
    wanted = {row["variable"] for row in settings["slots"]}
    found = {name: value for name, value in values.items() if name in wanted}
    enough = len(found) == len(wanted) if settings["need"] == "all" else bool(found)
    return Step(set=found, go="found" if enough else "not_found")


enter, resume = listener("text", ask=_ask, leave=_leave)
