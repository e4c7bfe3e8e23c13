"""What a sprint tells the world: effects with their ids, and the way it took."""

from datetime import datetime

from msgspec.structs import replace

from flow_runtime.effects import Call, CancelTimer, Effect, Say, SetTimer
from flow_runtime.errors import LimitExceeded
from flow_runtime.flow import Node
from flow_runtime.limits import OUTPUT_CHARACTERS
from flow_runtime.nodes import Step
from flow_runtime.outcome import Visit


class Output:
    """Collects effects and visits. `spoke` tells whether the last node emitted said something.

    `typing_ms` is how long the bot seems to write before a message that does not say so itself and was not streamed.
    """

    __slots__ = ("_characters", "_typing_ms", "effects", "spoke", "trace")

    def __init__(self, typing_ms: int = 0) -> None:
        self.effects: list[Effect] = []
        self.trace: list[Visit] = []
        self.spoke = False
        self._characters = 0
        self._typing_ms = typing_ms

    def emit(self, node: Node, step: Step, run_id: str) -> str | None:
        """Pass the step's effects on; the id of the call among them. Raises LimitExceeded when the node says too much."""
        call_id = None
        self.spoke = False
        for effect in step.effects:
            if isinstance(effect, Say):
                self.spoke = True
                self._characters += effect.characters
                if self._characters > OUTPUT_CHARACTERS:
                    raise LimitExceeded(f'"{node.title}" says too much in one go')
                if self._typing_ms and not effect.typing_ms and effect.call_id is None:
                    effect = replace(effect, typing_ms=self._typing_ms)
            elif isinstance(effect, Call):
                call_id = run_id
                effect = _named(effect, node, run_id)
            elif isinstance(effect, SetTimer):
                effect = replace(effect, timer_id=run_id)
            self.effects.append(effect)
        return call_id

    def offers(self) -> tuple[str, ...]:
        """The values of the buttons that the last message shows."""
        said = next((effect for effect in reversed(self.effects) if isinstance(effect, Say)), None)
        if said is None:
            return ()
        on_cards = (button.value for card in said.cards for button in card.buttons if button.value is not None)
        return (*(option.value for option in said.choices), *on_cards)

    def set_timer(self, due_at: datetime, timer_id: str) -> None:
        """Have the interpreter's own timer set."""
        self.effects.append(SetTimer(due_at, timer_id))

    def cancel(self, timer_ids: tuple[str, ...], fired: str | None = None) -> None:
        """These timers are not needed any more; one that has just fired is gone already."""
        for timer_id in timer_ids:
            own = next((effect for effect in self.effects if isinstance(effect, SetTimer) and effect.timer_id == timer_id), None)
            if own is not None:
                self.effects.remove(own)
            elif timer_id != fired:
                self.effects.append(CancelTimer(timer_id))


def _named(call: Call, node: Node, call_id: str) -> Call:
    """The call with its id and what the node's settings say about patience."""
    timeout_s = call.timeout_s if node.timeout_s is None else node.timeout_s
    return replace(call, call_id=call_id, timeout_s=timeout_s, retry_times=node.retry_times, retry_pause_s=node.retry_pause_s)
