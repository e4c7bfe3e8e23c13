"""How long the customer has been silent: timers for the flow's `inactivity` triggers, while it waits for words."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from flow_runtime.triggers import Triggers


def after_input(silence: Mapping[str, Any], fired: str | None, *, customer: bool) -> dict[str, Any]:
    """What is left when something came: no timer, and nothing at all when it came from the customer.

    A timer that has fired counts for its trigger.
    """
    if customer or not silence:
        return {}
    spoken = dict(silence.get("spoken", {}))
    trigger_id = silence.get("timers", {}).get(fired)
    if trigger_id is not None:
        spoken[trigger_id] = spoken.get(trigger_id, 0) + 1
    return {"since": silence["since"], "spoken": spoken}


def timers(silence: Mapping[str, Any], triggers: Triggers, now: datetime, prefix: str) -> dict[str, tuple[str, datetime]]:
    """The timers to set now that the flow waits for words: id, trigger and when each is due.

    A trigger speaks `times` times, `after_s` seconds apart, counted from when the flow first waited for this word.
    """
    since = datetime.fromisoformat(silence["since"]) if silence else now
    due: dict[str, tuple[str, datetime]] = {}
    for trigger in triggers.silences:
        spoken = silence.get("spoken", {}).get(trigger.id, 0)
        if spoken < trigger.times:
            moment = max(since + timedelta(seconds=trigger.after_s * (spoken + 1)), now)
            due[f"{prefix}@{trigger.id}"] = (trigger.id, moment)
    return due
