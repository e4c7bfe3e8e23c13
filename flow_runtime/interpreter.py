"""The one loop: run nodes until one waits or the flow ends."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from flow_runtime.budget import Budget
from flow_runtime.effects import Call, CancelTimer, Effect, End, Say, SetTimer
from flow_runtime.errors import ExpressionError, InvalidState, LimitExceeded, NodeFailure, NotExpected
from flow_runtime.flow import DEFAULT_FALLBACK, LASTING_SCOPES, Flow, Node
from flow_runtime.inputs import (
    AgentDone,
    CallError,
    CallResult,
    Choice,
    ConversationStarted,
    CustomerInput,
    Input,
    Location,
    Message,
    TimerFired,
)
from flow_runtime.limits import NODES_PER_SPRINT, OUTPUT_CHARACTERS, STATE_SIZE, VISITS_PER_NODE_PER_TURN
from flow_runtime.locales import manner_of
from flow_runtime.nodes import FAILED, Step, Turn
from flow_runtime.outcome import Failure, Outcome, Visit
from flow_runtime.state import State, WaitingFor
from flow_runtime.values import coerced, size_of

_NOTHING: Mapping[str, Any] = {}


def start(
    flow: Flow,
    input: Input,
    *,
    conversation_id: str,
    contact: Mapping[str, Any] | None = None,
    channel: str | None = None,
    callback_url: str | None = None,
    bot: Mapping[str, Any] | None = None,
) -> Outcome:
    """Begin a conversation with its first input: the chat was opened, or the customer's first words.

    `contact` holds what is known of the customer: id, name, language, time_zone, attributes. `channel` is the kind of channel,
    `callback_url` the address at which other systems reach this conversation, and `bot` the values of the variables that all
    conversations share.
    """
    known = contact or _NOTHING
    who = {"name": known.get("name"), "language": known.get("language"), "attributes": dict(known.get("attributes") or {})}
    who |= {name: known[name] for name in ("id", "time_zone") if known.get(name)}
    state = State(conversation_id, contact=who, channel=channel, callback_url=callback_url, bot=dict(bot or {}))
    if not state.accepts(input):
        raise NotExpected(f"A conversation cannot start with {type(input).__name__}")
    return _Sprint(flow, state, input).begin()


def resume(flow: Flow, state: State, input: Input) -> Outcome:
    """Wake a waiting conversation. One that has ended begins again with the customer's message."""
    if not state.accepts(input):
        raise NotExpected(f"{type(input).__name__} does not answer a wait for {state.waiting_for}")
    if state.waiting_for == "ended":
        return _Sprint(flow, state, input).begin()
    node = flow.nodes.get(state.at or "")
    if node is None:
        raise InvalidState(f"The conversation waits at {state.at}, which this flow does not have")
    return _Sprint(flow, state, input).go_on(node)


class _Stop(Exception):
    """The flow cannot go on."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class _Sprint:
    """One run from an input to the next wait. Works on copies; the given state is never changed."""

    def __init__(self, flow: Flow, state: State, input: Input) -> None:
        self._flow = flow
        self._before = state
        self._input = input
        self._turn = state.turn
        self._variables = dict(state.variables)
        self._visits = dict(state.visits)
        self._message = state.message
        self._used_by: list[str] = list(state.heard.get("used_by", ()))
        self._answers = bool(state.heard.get("answers"))
        self._settled = bool(state.heard.get("settled"))
        self._error = state.error
        self._contact = state.contact
        self._budget = Budget(manner=manner_of(state.contact, flow.manner))
        self._effects: list[Effect] = []
        self._trace: list[Visit] = []
        self._contact_variables: dict[str, Any] = {}
        self._bot_variables: dict[str, Any] = {}
        self._said = 0
        self._translations = flow.translated_to(self._budget.manner.language)
        self._new_turn()
        self._scope = self._names()

    def begin(self) -> Outcome:
        """From the start node."""
        self._error = self._scope["error"] = None
        self._variables = self._first_variables()
        self._scope.update(self._variables)
        return self._run(self._flow.nodes[self._flow.start], resuming=False)

    def go_on(self, node: Node) -> Outcome:
        """From the waiting node. A wait that was for something else is over, and its timer with it."""
        before = self._before
        fired = self._input.timer_id if isinstance(self._input, TimerFired) else None
        timers = (before.wait_id if before.waiting_for == "timer" else None, before.timeout_id)
        self._effects += [CancelTimer(timer_id) for timer_id in timers if timer_id is not None and timer_id != fired]
        return self._run(node, resuming=True)

    def _new_turn(self) -> None:
        """A customer's words, a timer or an event open a new turn; the answer to a call belongs to the turn that asked."""
        input = self._input
        if isinstance(input, CallResult | AgentDone):
            return
        self._turn += 1
        self._visits = {}
        for name, variable in self._flow.variables.items():
            if variable.scope == "turn":
                self._variables[name] = variable.default
        if isinstance(input, ConversationStarted):
            self._message = None
        elif isinstance(input, CustomerInput):
            self._message = _as_value(input)
            self._used_by, self._answers, self._settled = [], False, False

    def _first_variables(self) -> dict[str, Any]:
        """What the variables hold when the flow begins: defaults, what the contact brings, and what outlives a run of the flow."""
        known = {"contact": self._before.contact.get("attributes") or _NOTHING, "bot": self._before.bot}
        values: dict[str, Any] = {}
        for name, variable in self._flow.variables.items():
            kept = variable.scope in LASTING_SCOPES and name in self._variables
            values[name] = self._variables[name] if kept else known.get(variable.scope, _NOTHING).get(name, variable.default)
        return values

    def _names(self) -> dict[str, Any]:
        """Every name an expression can read."""
        scope = dict(self._variables)
        message = self._message
        scope["message"] = {"text": ""} if message is None else message
        scope["contact"] = self._contact
        before = self._before
        scope["conversation"] = {"id": before.conversation_id, "channel": before.channel, "callback_url": before.callback_url}
        scope["error"] = self._error
        scope["now"] = self._input.at.isoformat()
        return scope

    def _run(self, node: Node, *, resuming: bool) -> Outcome:
        try:
            for _ in range(NODES_PER_SPRINT):
                run_id = self._count(node)
                step = self._step(node, run_id, resuming=resuming)
                target = self._apply(node, step, run_id)
                if step.wait_for is not None:
                    return self._waiting(node, step, run_id)
                if target is None:
                    return self._ended(step.end or "completed")
                node = target
                resuming = False
            raise _Stop(Failure(node.id, "limit", f'More than {NODES_PER_SPRINT} steps in one go, last at "{node.title}"'))
        except _Stop as stop:
            return self._stopped(stop.failure)

    def _count(self, node: Node) -> str:
        """The name of this run: conversation, turn, node and how often the node has run in the turn."""
        visit = self._visits.get(node.id, 0) + 1
        self._visits[node.id] = visit
        if visit > VISITS_PER_NODE_PER_TURN:
            message = f'"{node.title}" ran more than {VISITS_PER_NODE_PER_TURN} times without a word from the customer'
            raise _Stop(Failure(node.id, "limit", message))
        return f"{self._before.conversation_id}:{self._turn}:{node.id}:{visit}"

    def _step(self, node: Node, run_id: str, *, resuming: bool) -> Step:
        input = self._input
        turn = Turn(
            scope=self._scope,
            texts=self._flow.texts,
            now=input.at,
            budget=self._budget,
            memory=self._before.memory if resuming else _NOTHING,
            open_message=self._open_message(node),
            seed=f"{input.seed}:{run_id}",
            call_id=self._before.wait_id or "" if resuming else "",
            run_id=run_id,
            language=self._budget.manner.language,
            time_zone=self._budget.manner.time_zone,
            translations=self._translations,
        )
        try:
            step = node.kind.resume(node.settings, turn, input) if resuming else node.kind.enter(node.settings, turn)
        except NodeFailure as failure:
            step = self._failed(node, failure)
        except Exception as error:
            step = self._failed(node, NodeFailure("node", f"{type(error).__name__}: {error}"[:500]))
        self._note_message(node, turn, resuming=resuming)
        return step

    def _open_message(self, node: Node) -> str | None:
        if self._message is None or self._settled or node.id in self._used_by:
            return None
        text: str = self._message["text"]
        return text

    def _note_message(self, node: Node, turn: Turn, *, resuming: bool) -> None:
        """Remember who has used the customer's message, so that a node that listens knows whether to wait for the next."""
        if turn.taken:
            self._used_by.append(node.id)
        elif resuming and isinstance(self._input, CustomerInput):
            self._answers = True

    def _failed(self, node: Node, failure: NodeFailure) -> Step:
        error = CallError(failure.kind, failure.message)
        if isinstance(failure, LimitExceeded) or node.on_error == "stop":
            raise _Stop(Failure(node.id, failure.kind, failure.message))
        if node.on_error == "branch":
            return Step(go=FAILED, error=error)
        values = dict.fromkeys(node.sets, node.error_value)
        return Step(set=values, go=node.ports[0].name if node.ports else None, error=error)

    def _apply(self, node: Node, step: Step, run_id: str) -> Node | None:
        """Take over what the node did; the next node, or None."""
        if step.error is not None:
            self._error = self._scope["error"] = {"kind": step.error.kind, "message": step.error.message}
        try:
            changed = self._store(step.set) if step.set else _NOTHING
        except NodeFailure as failure:
            step, changed = self._failed(node, failure), _NOTHING
        if step.language is not None:
            self._speak(step.language)
        call_id = self._emit(node, step, run_id)
        error = None if step.error is None else self._error
        self._trace.append(Visit(node.id, step.go, step.wait_for, changed, call_id, error))
        if step.go is None:
            return None
        target = node.exits.get(step.go)
        if target is None:
            if error is not None:
                raise _Stop(Failure(node.id, error["kind"], error["message"]))
            return None
        return self._flow.nodes[target]

    def _store(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        stored: dict[str, Any] = {}
        for name, value in values.items():
            variable = self._flow.variables.get(name)
            kept = coerced(name, value, "text" if variable is None else variable.type)
            stored[name] = self._variables[name] = self._scope[name] = kept
            if variable is not None and variable.scope == "contact":
                self._contact_variables[name] = kept
            elif variable is not None and variable.scope == "bot":
                self._bot_variables[name] = kept
        return stored

    def _speak(self, language: str) -> None:
        """Go on in another language: texts and formats from here on, and the contact's own from now on."""
        self._contact = self._scope["contact"] = {**self._contact, "language": language}
        self._budget.manner = manner_of(self._contact, self._flow.manner)
        self._translations = self._flow.translated_to(self._budget.manner.language)

    def _emit(self, node: Node, step: Step, run_id: str) -> str | None:
        """Pass the effects on, with their ids; the id of the call among them."""
        call_id = None
        for effect in step.effects:
            if isinstance(effect, Say):
                self._said += effect.characters
                self._settled = self._settled or self._answers
                if self._said > OUTPUT_CHARACTERS:
                    raise _Stop(Failure(node.id, "limit", f'"{node.title}" says too much in one go'))
            elif isinstance(effect, Call):
                call_id = run_id
                effect = replace(
                    effect,
                    call_id=run_id,
                    timeout_s=effect.timeout_s if node.timeout_s is None else node.timeout_s,
                    retry_times=node.retry_times,
                    retry_pause_s=node.retry_pause_s,
                )
            elif isinstance(effect, SetTimer):
                effect = replace(effect, timer_id=run_id)
            self._effects.append(effect)
        return call_id

    def _waiting(self, node: Node, step: Step, run_id: str) -> Outcome:
        wait_for = step.wait_for or "message"
        if size_of(self._variables) > STATE_SIZE:
            self._variables = dict(self._before.variables)
            raise _Stop(Failure(node.id, "limit", f'The conversation remembers too much at "{node.title}"'))
        wait_id = step.event if wait_for == "event" else None if wait_for == "message" else run_id
        timeout_id = None
        if step.timeout_s is not None:
            timeout_id = f"{run_id}:timeout"
            self._effects.append(SetTimer(self._input.at + timedelta(seconds=step.timeout_s), timeout_id))
        return self._outcome(node.id, wait_for, wait_id, step.memory, step.interruptible, timeout_id)

    def _ended(self, reason: str) -> Outcome:
        self._effects.append(End(reason))
        self._visits = {}
        return self._outcome(None, "ended", None, _NOTHING, False)

    def _stopped(self, failure: Failure) -> Outcome:
        """An error nobody caught: say so kindly and end."""
        self._error = {"kind": failure.kind, "message": failure.message}
        self._trace.append(Visit(failure.node_id, error=self._error))
        self._effects.append(Say(self._fallback()))
        return replace(self._ended("error"), failure=failure)

    def _fallback(self) -> str:
        try:
            text = self._translations.get(self._flow.fallback_text, self._flow.fallback_text)
            return self._flow.texts.render(text, self._scope, Budget(manner=self._budget.manner)) or DEFAULT_FALLBACK
        except ExpressionError:
            return DEFAULT_FALLBACK

    def _outcome(
        self,
        at: str | None,
        waiting_for: WaitingFor,
        wait_id: str | None,
        memory: Mapping[str, Any],
        interruptible: bool,
        timeout_id: str | None = None,
    ) -> Outcome:
        state = State(
            conversation_id=self._before.conversation_id,
            waiting_for=waiting_for,
            at=at,
            wait_id=wait_id,
            interruptible=interruptible,
            turn=self._turn,
            memory=memory,
            variables=self._variables,
            contact=self._contact,
            message=self._message,
            heard={"used_by": self._used_by, "answers": self._answers, "settled": self._settled},
            error=self._error,
            visits=self._visits,
            timeout_id=timeout_id,
            channel=self._before.channel,
            callback_url=self._before.callback_url,
            bot=self._before.bot,
        )
        return Outcome(state, tuple(self._effects), tuple(self._trace), None, self._contact_variables, self._bot_variables)


def _as_value(input: CustomerInput) -> dict[str, Any]:
    """What `message` is in an expression."""
    if isinstance(input, Message):
        return {"text": input.text, "language": input.language}
    if isinstance(input, Choice):
        return {"text": input.text or input.value, "value": input.value}
    if isinstance(input, Location):
        place = {"latitude": input.latitude, "longitude": input.longitude, "label": input.label}
        return {"text": input.text, "location": place}
    file = {"url": input.url, "media_type": input.media_type, "name": input.name, "size": input.size}
    return {"text": input.text, "attachments": [file]}
