"""Plays scripts against flow_runtime alone. Every state goes through JSON, as it would between turns."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from flow_runtime import (
    Call,
    CallError,
    CallResult,
    CancelTimer,
    Choice,
    ConversationStarted,
    End,
    EventReceived,
    Flow,
    Input,
    Message,
    Option,
    Outcome,
    Say,
    SetTimer,
    State,
    TimerFired,
    load_flow,
    problems_of,
    resume,
    start,
)
from node_library import load_library
from tests.conversations.chat_script import Answer, Said, Script

LIBRARY = load_library()


class RuntimeDriver:
    """The customer, the clock and the outside world of one conversation."""

    flow: Flow
    state: State

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, 12, tzinfo=UTC)
        self.said: list[Say] = []
        self.options: tuple[Option, ...] = ()
        self.on_cards: list[Option] = []
        self.calls: list[Call] = []
        self.looked_at = 0
        self.timers: dict[str, datetime] = {}
        self.reason: str | None = None
        self.contact: dict[str, Any] = {}
        self.inputs: list[Input] = []
        self.outcomes: list[Outcome] = []

    async def open(self, script: Script) -> None:
        document = {**script.document, "subflows": {flow["name"]: flow for flow in script.runs}} if script.runs else script.document
        errors = [problem for problem in problems_of(document, LIBRARY) if problem.severity == "error"]
        assert errors == []
        self.flow = load_flow(document, LIBRARY)
        self.contact = script.contact

    async def opens(self) -> None:
        self._give(ConversationStarted(at=self.now))

    async def user(self, text: str) -> None:
        self._give(Message(text, at=self.now, seed=len(self.inputs)))

    async def picks(self, label: str) -> None:
        option = next(option for option in (*self.options, *self.on_cards) if option.label == label)
        self._give(Choice(option.value, option.label, at=self.now))

    async def next_message(self) -> Said | None:
        if not self.said:
            return None
        say = self.said.pop(0)
        return Said(say.text, tuple(option.label for option in say.choices), tuple(card.title for card in say.cards))

    async def call(self, kind: str, payload: dict[str, Any]) -> None:
        assert len(self.calls) > self.looked_at, f"calls under way: {self.calls}"
        call = self.calls[self.looked_at]
        self.looked_at += 1
        assert call.kind == kind, f"the call is {call.kind}"
        given = {name: call.payload.get(name) for name in payload}
        assert given == payload, f"the payload is {call.payload}"

    async def answer(self, answer: Answer) -> None:
        assert self.calls, "nothing was asked for"
        error = None if answer.ok else CallError(answer.kind, answer.message)
        self.looked_at = max(0, self.looked_at - 1)
        self._give(CallResult(self.calls.pop(0).call_id, answer.ok, answer.value, error, at=self.now))

    async def event(self, name: str, payload: dict[str, Any]) -> None:
        self._give(EventReceived(name, payload, at=self.now))

    async def passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        while due := [timer_id for timer_id, due_at in self.timers.items() if due_at <= self.now]:
            timer_id = due[0]
            del self.timers[timer_id]
            self._give(TimerFired(timer_id, at=self.now))

    async def knows(self, name: str, value: Any) -> None:
        held = self.state.variables.get(name)
        assert held == value, f"{name} is {held!r}"

    async def ended(self, reason: str) -> None:
        assert self.reason == reason, f"the flow ended with {self.reason}"
        assert self.state.waiting_for == "ended"

    def _give(self, input: Input) -> None:
        if self.inputs:
            outcome = resume(self.flow, self.state, input)
        else:
            outcome = start(self.flow, input, conversation_id="chat", contact=self.contact)
        self.inputs.append(input)
        self.outcomes.append(outcome)
        self.state = State.from_json(json.loads(json.dumps(outcome.state.to_json())))
        assert self.state == outcome.state
        for effect in outcome.effects:
            if isinstance(effect, Say):
                self.said.append(effect)
                self.options = effect.choices
                self.on_cards += [Option(button.value, button.label) for card in effect.cards for button in card.buttons if button.value]
            elif isinstance(effect, Call):
                self.calls.append(effect)
            elif isinstance(effect, SetTimer):
                self.timers[effect.timer_id] = effect.due_at
            elif isinstance(effect, CancelTimer):
                del self.timers[effect.timer_id]
            elif isinstance(effect, End):
                self.reason = effect.reason
        self.calls = [call for call in self.calls if call.call_id in self.state.open_calls]
