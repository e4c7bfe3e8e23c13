"""Events into one-minute windows: pure, so that adding events in any portions gives the same windows."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

# Upper bounds of the turn-time bins in milliseconds, each 10 % above the one before, up to about a minute:
# a percentile read from them is off by 10 % at most.
BOUNDS: tuple[float, ...] = tuple(round(1.1**step, 3) for step in range(116))
OUT_OF_SCOPE = "(out of scope)"


@dataclass(frozen=True, slots=True)
class Event:
    """One row of the event log, as far as windows need it."""

    type: str
    at: datetime
    flow_id: UUID
    flow_version: int
    channel_id: UUID
    props: dict[str, Any]
    conversation_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class WindowKey:
    """What one window counts: a minute of a flow version on a channel."""

    minute: datetime
    flow_id: UUID
    flow_version: int
    channel_id: UUID


@dataclass(slots=True)
class Window:
    """The counts of one window, or of many added up; `turn_ms` holds one count per bin of BOUNDS, and one for slower turns."""

    conversations: int = 0
    conversations_ended: int = 0
    conversations_contained: int = 0
    conversations_handed_off: int = 0
    conversations_unresolved: int = 0
    conversations_abandoned: int = 0
    messages_in: int = 0
    messages_out: int = 0
    turns: int = 0
    turn_ms: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    calls: int = 0
    calls_failed: int = 0
    model_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = Decimal(0)

    @property
    def messages(self) -> int:
        """Messages both ways."""
        return self.messages_in + self.messages_out

    @property
    def containment(self) -> float | None:
        """The share (0 to 1) of ended conversations that the flow finished by itself; None when none has ended."""
        return self.conversations_contained / self.conversations_ended if self.conversations_ended else None

    def turn_percentile(self, share: float) -> float | None:
        """Milliseconds under which `share` of the turns stayed; None without turns."""
        return percentile(self.turn_ms, share)


def roll(events: Iterable[Event]) -> dict[WindowKey, Window]:
    """The windows of `events`."""
    windows: dict[WindowKey, Window] = {}
    for event in events:
        if add := _ADD.get(event.type):
            add(windows.setdefault(window_of(event), Window()), event.props)
    return windows


def recognised(events: Iterable[Event]) -> dict[tuple[UUID, str], Event]:
    """The first event of `events` in which a conversation showed an intent, by conversation and intent."""
    first: dict[tuple[UUID, str], Event] = {}
    for event in events:
        if event.type == "intent.classified" and event.conversation_id is not None:
            first.setdefault((event.conversation_id, event.props.get("intent") or OUT_OF_SCOPE), event)
    return first


def window_of(event: Event) -> WindowKey:
    """The window that counts the event."""
    return WindowKey(event.at.replace(second=0, microsecond=0), event.flow_id, event.flow_version, event.channel_id)


def bin_of(ms: float) -> int:
    """The place in a window's `turn_ms` that counts a turn of `ms` milliseconds."""
    return bisect_left(BOUNDS, ms)


def percentile(bins: Sequence[int], share: float) -> float | None:
    """The milliseconds under which `share` (0 to 1) of the counted turns stayed; None when there are none."""
    total = sum(bins)
    if not total:
        return None
    seen = 0
    for bound, count in zip((*BOUNDS, BOUNDS[-1]), bins, strict=True):
        seen += count
        if seen >= share * total:
            return bound
    return BOUNDS[-1]


def _started(window: Window, props: dict[str, Any]) -> None:
    window.conversations += 1


def _ended(window: Window, props: dict[str, Any]) -> None:
    outcome = props.get("outcome")
    window.conversations_ended += 1
    window.conversations_contained += outcome == "contained"
    window.conversations_handed_off += outcome == "handed_off"
    window.conversations_unresolved += outcome == "unresolved"
    window.conversations_abandoned += outcome == "abandoned"


def _received(window: Window, props: dict[str, Any]) -> None:
    window.messages_in += 1


def _sent(window: Window, props: dict[str, Any]) -> None:
    window.messages_out += 1


def _turn(window: Window, props: dict[str, Any]) -> None:
    window.turns += 1
    window.turn_ms[bin_of(float(props.get("ms", 0)))] += 1


def _call(window: Window, props: dict[str, Any]) -> None:
    window.calls += 1
    window.calls_failed += not props.get("ok")


def _model(window: Window, props: dict[str, Any]) -> None:
    window.model_calls += 1
    window.input_tokens += int(props.get("input_tokens", 0))
    window.output_tokens += int(props.get("output_tokens", 0))
    window.cost_usd += Decimal(str(props.get("cost_usd", 0)))


_ADD = {
    "conversation.started": _started,
    "conversation.ended": _ended,
    "message.received": _received,
    "message.sent": _sent,
    "turn.taken": _turn,
    "call.finished": _call,
    "model.used": _model,
}
