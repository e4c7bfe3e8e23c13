"""Finds values in a text, without a model."""

from typing import Any

from flow_runtime.errors import NodeFailure
from server.conversations.processing.contract import Result, Said, Settings, StageFailed
from server.understanding.entities.extract import KINDS, Found, extract
from server.understanding.entities.hits import Slot

PERSONAL = frozenset(("email", "phone"))
MOST_OF_A_KIND = 5
_WITHOUT_SETTINGS = frozenset(KINDS) - {"list", "pattern", "text", "name"}


def process(said: Said, settings: Settings) -> Result:
    """The values by kind, in the order of the text, at most five of each."""
    kinds = [kind for kind in dict.fromkeys(one.strip() for one in settings["kinds"].split(",")) if kind in _WITHOUT_SETTINGS]
    slots = [Slot(f"{kind} {number}", kind) for kind in kinds for number in range(MOST_OF_A_KIND)]
    around = {"language": said.language, "region": settings["region"] or None, "time_zone": settings["time_zone"]}
    try:
        hits = extract(said.text, slots, now=said.input.at, **around)
    except NodeFailure as failure:
        raise StageFailed(failure.message) from None
    values: dict[str, list[dict[str, Any]]] = {}
    for hit in hits:
        values.setdefault(hit.type, []).append(_shown(hit, settings["personal"] == "values"))
    return Result(values)


def _shown(hit: Found, personal: bool) -> dict[str, Any]:
    place = {"start": hit.start, "end": hit.end}
    return place if hit.type in PERSONAL and not personal else {"value": hit.value, **place}
