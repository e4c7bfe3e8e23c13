"""Nodes that have something done with what the customer said: they listen first when nothing was said yet, ask, and leave by the answer."""

from collections.abc import Callable, Mapping
from typing import Any

from flow_runtime.inputs import AgentDone, CallResult, Input
from flow_runtime.nodes import Step, Turn, mentions

Settings = Mapping[str, Any]
Enter = Callable[[Settings, Turn], Step]
Resume = Callable[[Settings, Turn, Input], Step]
Leave = Callable[[Settings, Turn, CallResult | AgentDone], Step]


def listener(field: str, ask: Enter, leave: Leave) -> tuple[Enter, Resume]:
    """A node's `enter` and `resume`; `ask` makes the call, `leave` takes its answer.

    The setting `field` is the text in question: while it mentions the customer's message and there is none, the node waits.
    """

    def enter(settings: Settings, turn: Turn) -> Step:
        if mentions(settings[field], "message") and turn.take_message() is None:
            return Step(wait_for="message")
        return ask(settings, turn)

    def resume(settings: Settings, turn: Turn, input: Input) -> Step:
        if isinstance(input, (CallResult, AgentDone)):
            return leave(settings, turn, input)
        turn.take_message()
        return ask(settings, turn)

    return enter, resume
