"""Start and resume: who gets an input, and what the state is afterwards.

A customer's words go to a trigger that knows them, else to the node that waits, else, when that does not understand, to a trigger that
knows their intent. Finding out an intent is a call of the interpreter's own: the words are kept in the state until its result decides.
"""

from collections.abc import Mapping
from typing import Any

from flow_runtime.effects import Call, End, Say
from flow_runtime.errors import InvalidInput, InvalidState, NodeFailure, NotExpected
from flow_runtime.flow import Flow
from flow_runtime.frames import Strand, WaitingFor
from flow_runtime.inputs import (
    AgentDone,
    CallResult,
    Choice,
    ConversationStarted,
    CustomerInput,
    EventReceived,
    Input,
    Message,
    TimerFired,
    Triggered,
    input_from_json,
    input_to_json,
)
from flow_runtime.names import as_value
from flow_runtime.outcome import Failure, Outcome
from flow_runtime.running import Stop
from flow_runtime.silence import after_input, keep
from flow_runtime.sprint import Sprint
from flow_runtime.state import State
from flow_runtime.triggers import Trigger

INTENT_CONFIDENCE = 0.4
"""How sure the classifier must be before a trigger leads elsewhere."""

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
    hears = flow.triggers.hears
    state = State(conversation_id, contact=who, channel=channel, callback_url=callback_url, bot=dict(bot or {}), hears=hears)
    if not state.accepts(input):
        raise NotExpected(f"A conversation cannot start with {type(input).__name__}")
    return _Turn(flow, state, input).take()


def resume(flow: Flow, state: State, input: Input) -> Outcome:
    """Wake a waiting conversation. One that has ended begins again with the customer's message."""
    if not state.accepts(input):
        raise NotExpected(f"{type(input).__name__} does not answer a wait for {state.waiting_for}")
    return _Turn(flow, state, input).take()


class _Turn:
    """One input on its way to whoever it is for."""

    def __init__(self, flow: Flow, before: State, input: Input) -> None:
        self._flow = flow
        self._before = before
        self._input = input
        self._fired = input.timer_id if isinstance(input, TimerFired) else None
        self._new = not isinstance(input, (CallResult, AgentDone))
        self._number = before.turn + self._new
        self._sprint = Sprint(flow, before, input, self._number)
        self._waited: WaitingFor = before.waiting_for
        self._wait = Strand(before.at or "", before.waiting_for, before.wait_id, before.memory, timeout_id=before.timeout_id)
        self._pending: Mapping[str, Any] = _NOTHING
        self._silence: Mapping[str, Any] = _NOTHING

    def take(self) -> Outcome:
        """Run the flow as far as it goes."""
        try:
            return self._outcome(self._follow())
        except Stop as stop:
            return self._stopped(stop.failure)

    def _follow(self) -> Strand | None:
        input, before = self._input, self._before
        if before.silence:
            self._sprint.output.cancel(tuple(before.silence.get("timers", ())), self._fired)
            self._silence = after_input(before.silence, self._fired, customer=isinstance(input, CustomerInput))
        if not self._new:
            return self._classified(input) if before.pending else self._woken()
        self._sprint.names.new_turn(self._sprint.frames)
        if isinstance(input, CustomerInput):
            return self._heard(input)
        trigger = self._trigger_of(input)
        return self._woken() if trigger is None else self._led(trigger)

    def _trigger_of(self, input: Input) -> Trigger | None:
        """The trigger that an input from elsewhere names; none when a node waits for it."""
        triggers, before = self._flow.triggers, self._before
        if isinstance(input, Triggered):
            return triggers.get(input.trigger_id)
        if isinstance(input, EventReceived):
            return None if input.name in before.awaited_events else triggers.events.get(input.name)
        if self._fired is not None and before.silence:
            return triggers.get(before.silence.get("timers", {}).get(self._fired))
        if isinstance(input, ConversationStarted):
            self._sprint.names.hear(None)
        return None

    def _heard(self, input: CustomerInput) -> Strand | None:
        """The customer's words: to a trigger, or to whoever waits."""
        self._sprint.names.hear(as_value(input))
        self._sprint.running.heard.clear()
        triggers = self._flow.triggers
        if triggers.any and not self._is_offered(input):
            trigger = triggers.by_value(input.value) if isinstance(input, Choice) else None
            trigger = trigger or triggers.by_words(_words(input))
            if trigger is not None:
                return self._led(trigger)
            if triggers.know_intents(only_always=self._waited != "ended") and _words(input):
                return self._ask_intent(input, late=False)
        return self._answered(input)

    def _is_offered(self, input: CustomerInput) -> bool:
        return isinstance(input, Choice) and input.value in self._before.offers

    def _answered(self, input: Input, *, intent: str | None = None, is_known: bool = False) -> Strand | None:
        """The node that waits gets the words. One that does not understand them lets the triggers know their intent first."""
        if self._waited == "ended":
            return self._begin()
        if not self._flow.triggers.know_intents(only_always=False) or not _words(input):
            return self._woken()
        self._end_wait()
        node, run_id, step = self._sprint.woken(self._wait)
        if not step.understood:
            trigger = self._flow.triggers.by_intent(intent, only_always=False)
            if trigger is not None:
                return self._led(trigger)
            if not is_known:
                self._sprint.running.uncount(node)
                return self._ask_intent(input, late=True)
        return self._sprint.go_on(node, run_id, step)

    def _ask_intent(self, input: Input, *, late: bool) -> Strand:
        """Have the words classified, and keep them until then. `late`: the node that waits has not understood them."""
        before, call_id = self._before, f"{self._before.conversation_id}:{self._number}:@intent"
        self._end_wait()
        payload = {"text": _words(input), "minimum_confidence": INTENT_CONFIDENCE}
        self._sprint.output.effects.append(Call("llm.classify", payload, call_id=call_id))
        self._pending = {"input": input_to_json(input), "waiting_for": self._waited, "wait_id": before.wait_id, "late": late}
        return Strand(before.at or "", "call", call_id, before.memory)

    def _classified(self, result: Input) -> Strand | None:
        """The intent of the kept words is known, or cannot be found out: then they go to the node that waits."""
        pending = self._before.pending
        try:
            input = input_from_json(pending["input"])
            self._waited = pending["waiting_for"]
            self._wait = Strand(self._wait.at, self._waited, pending["wait_id"], self._wait.memory)
        except (InvalidInput, KeyError) as error:
            raise InvalidState(f"The stored state cannot be read: {error}") from None
        self._sprint.running.take_up(input)
        value = result.value if isinstance(result, CallResult) and result.ok and isinstance(result.value, dict) else {}
        intent = value.get("intent") if isinstance(value.get("intent"), str) else None
        trigger = self._flow.triggers.by_intent(intent, only_always=not (pending["late"] or self._waited == "ended"))
        if trigger is not None:
            return self._led(trigger)
        return self._answered(input, intent=intent, is_known=True)

    def _begin(self) -> Strand | None:
        """The flow from its start."""
        self._sprint.leave_all()
        self._sprint.names.begin()
        return self._sprint.run(self._sprint.node(self._flow.start)) if self._flow.start else None

    def _woken(self) -> Strand | None:
        """What waits for this input gets it."""
        if self._waited == "ended":
            return self._begin()
        for index, wait in enumerate(self._before.strands):
            if self._is_for(wait):
                return self._sprint.wake_branch(self._wait.at, index, self._fired)
        self._end_wait()
        return self._sprint.resume(self._wait)

    def _is_for(self, wait: Strand) -> bool:
        input = self._input
        if isinstance(input, (CallResult, AgentDone)):
            return wait.waiting_for == "call" and wait.wait_id == input.call_id
        if isinstance(input, EventReceived):
            return wait.waiting_for == "event" and wait.wait_id == input.name
        return self._fired in wait.timers

    def _end_wait(self) -> None:
        """The wait is over, and its timers with it."""
        if self._before.pending:
            return
        self._sprint.output.cancel(self._wait.timers, self._fired)

    def _led(self, trigger: Trigger) -> Strand | None:
        """A trigger leads elsewhere. What it interrupts runs again when its path has ended, if it returns."""
        sprint, names = self._sprint, self._sprint.names
        if self._waited != "ended":
            self._end_wait()
        if self._waited == "ended" or trigger.restarts:
            sprint.leave_all()
            names.begin()
        elif trigger.returns:
            sprint.digress(trigger.id, self._wait.at, self._wait.memory)
        else:
            sprint.leave_all()
        sprint.running.heard.answered()
        sprint.running.led_by = trigger.id
        node = sprint.node(trigger.node)
        if trigger.save_as and isinstance(self._input, EventReceived):
            try:
                names.store({trigger.save_as: dict(self._input.payload)})
            except NodeFailure as failure:
                raise Stop.at(node, failure.kind, failure.message) from None
        return sprint.run(node)

    def _outcome(self, wait: Strand | None, failure: Failure | None = None) -> Outcome:
        """What came of it: the state in which `wait` waits, or in which all has ended."""
        sprint, before = self._sprint, self._before
        running, output, triggers = sprint.running, sprint.output, self._flow.triggers
        silence: Mapping[str, Any] = _NOTHING
        offers: tuple[str, ...] = ()
        if wait is None:
            output.effects.append(End(sprint.end_reason))
            wait = Strand("", "ended")
            running.visits = {}
        elif triggers.any:
            offers = before.offers if self._pending else output.offers()
            silence = self._silence
            if wait.waiting_for == "message" and triggers.silences:
                silence, due = keep(silence, triggers, self._input.at, f"{before.conversation_id}:{self._number}:")
                for timer_id, due_at in due.items():
                    output.set_timer(due_at, timer_id)
        state = State(
            conversation_id=before.conversation_id,
            waiting_for=wait.waiting_for,
            at=wait.at or None,
            wait_id=wait.wait_id,
            interruptible=wait.interruptible,
            turn=self._number,
            memory=wait.memory,
            variables=sprint.names.shared,
            contact=sprint.names.person,
            message=sprint.names.message,
            heard=running.heard.to_json(),
            error=sprint.names.error,
            visits=running.visits,
            timeout_id=wait.timeout_id,
            channel=before.channel,
            callback_url=before.callback_url,
            bot=before.bot,
            frames=tuple(sprint.frames),
            strands=tuple(sprint.strands),
            join=sprint.join,
            rounds=running.rounds,
            pending=self._pending,
            hears=triggers.hears,
            offers=offers,
            silence=silence,
        )
        return Outcome(state, tuple(output.effects), tuple(output.trace), failure, sprint.names.contact, sprint.names.bot)

    def _stopped(self, failure: Failure) -> Outcome:
        """An error nobody caught: the flow's error trigger goes on, or else the bot says so kindly and ends."""
        sprint = self._sprint
        sprint.running.note_failure(failure)
        sprint.leave_all()
        trigger = self._flow.triggers.error
        if trigger is not None:
            sprint.running.begin_again()
            sprint.running.led_by = trigger.id
            try:
                return self._outcome(sprint.run(sprint.node(trigger.node)), failure)
            except Stop as stop:
                sprint.running.note_failure(stop.failure)
                sprint.leave_all()
        sprint.output.effects.append(Say(sprint.running.fallback()))
        sprint.end_reason = "error"
        return self._outcome(None, failure)


def _words(input: Input) -> str:
    """What the customer said in words, or by the label of a button."""
    if isinstance(input, Message):
        return input.text.strip()
    return (input.text or input.value).strip() if isinstance(input, Choice) else ""
