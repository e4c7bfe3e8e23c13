"""How fast messages may be sent to a channel: `rate` in its channel.json, or the channel's own setting `messages_per_second`."""

from collections.abc import Mapping
from typing import Any

from server.channels.about import Rate, about_of


def rates_of(kind: str, settings: Mapping[str, Any]) -> tuple[Rate, ...]:
    """The rates of a channel. The channel's own setting takes the place of what its kind says of the whole channel."""
    about = about_of(kind)
    said = () if about is None or about.rate is None else about.rate if isinstance(about.rate, tuple) else (about.rate,)
    own = _number(settings.get("messages_per_second"))
    if own is None:
        return said
    return (Rate(own, max(1, int(own))), *(rate for rate in said if rate.per != "channel"))


def _number(given: object) -> float | None:
    """A number above zero; forms of settings give texts."""
    try:
        number = float(given) if isinstance(given, str | int | float) else 0.0
    except ValueError:
        return None
    return number if 0 < number < 1e6 else None
