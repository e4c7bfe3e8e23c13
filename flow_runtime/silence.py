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
    spoken, again = dict(silence.get("spoken", {})), dict(silence.get("again", {}))
    trigger_id = silence.get("timers", {}).get(fired)
    if trigger_id is not None:
        spoken[trigger_id] = spoken.get(trigger_id, 0) + 1
        again.pop(trigger_id, None)
    return {"since": silence["since"], "spoken": spoken, **({"again": again} if again else {})}


def keep(silence: Mapping[str, Any], triggers: Triggers, now: datetime, prefix: str) -> tuple[dict[str, Any], dict[str, datetime]]:
    """The flow waits for words: what to remember of the silence, and the timers to set, with when each is due.

    A trigger speaks up to `times` times: `after_s` seconds after the flow first waited for this word, and again so long after each time
    that the question was asked anew (`again`).
    """
    since: str = silence["since"] if silence else now.isoformat()
    spoken: dict[str, int] = silence.get("spoken", {})
    left = {f"{prefix}@{trigger.id}": trigger for trigger in triggers.silences if spoken.get(trigger.id, 0) < trigger.times}
    again = {trigger.id: silence.get("again", {}).get(trigger.id) or now.isoformat() for trigger in left.values() if trigger.id in spoken}
    due = {
        timer_id: max(datetime.fromisoformat(again.get(trigger.id, since)) + timedelta(seconds=trigger.after_s), now)
        for timer_id, trigger in left.items()
    }
    kept = {"since": since, "spoken": spoken, "timers": {timer_id: trigger.id for timer_id, trigger in left.items()}}
    return kept | ({"again": again} if again else {}), due
