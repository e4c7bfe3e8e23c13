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


def keep(silence: Mapping[str, Any], triggers: Triggers, now: datetime, prefix: str) -> tuple[dict[str, Any], dict[str, datetime]]:
    """The flow waits for words: what to remember of the silence, and the timers to set, with when each is due.

    A trigger speaks `times` times, `after_s` seconds apart, counted from when the flow first waited for this word.
    """
    since = datetime.fromisoformat(silence["since"]) if silence else now
    spoken: dict[str, int] = silence.get("spoken", {})
    left = {f"{prefix}@{trigger.id}": trigger for trigger in triggers.silences if spoken.get(trigger.id, 0) < trigger.times}
    due = {
        timer_id: max(since + timedelta(seconds=trigger.after_s * (spoken.get(trigger.id, 0) + 1)), now)
        for timer_id, trigger in left.items()
    }
    return {"since": since.isoformat(), "spoken": spoken, "timers": {timer_id: trigger.id for timer_id, trigger in left.items()}}, due
