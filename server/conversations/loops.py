"""Two bots that answer each other would talk for ever: whoever writes faster than people do is not answered until they pause."""

from datetime import timedelta
from uuid import UUID

from server.channels.about import about_of
from server.conversations.inbox import Arrival
from server.kit import clock
from server.kit.rates import LocalRates, Rate

PEOPLE = Rate(1 / 3, 100)
"""A hundred messages at once, and one in three seconds for long: nobody types that."""
LATE = timedelta(minutes=2)
"""What was said longer ago than this was held back by the provider, and says nothing about how fast somebody writes."""


class LoopGuard:
    """Counts what each customer of this process says in each thread. A loop ends with the first message that gets no answer."""

    def __init__(self, rate: Rate = PEOPLE) -> None:
        self._rate = rate
        self._heard = LocalRates()

    def stops(self, kind: str, arrival: Arrival) -> bool:
        """Whether the message is one too many."""
        about = about_of(kind)
        return about is not None and about.people and _is_new(arrival) and self._heard.wait_s(_key(arrival), self._rate) > 0

    def note(self, arrival: Arrival) -> None:
        """Count a message that was not here before."""
        if _is_new(arrival):
            self._heard.place((_key(arrival), self._rate))


def _is_new(arrival: Arrival) -> bool:
    return arrival.heard_at is None or clock.now() - arrival.heard_at < LATE


def _key(arrival: Arrival) -> str:
    who: str | UUID | None = arrival.contact.external_id if arrival.contact else arrival.conversation_id
    return f"{arrival.channel_id}:{who}:{arrival.thread or ''}"
