"""A taken turn as rows of one commit."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from flow_runtime import Call, CallResult, CancelTimer, End, HandOff, Say, SetTimer, State, Track, effect_to_json, input_to_json
from server.flows.due import quiet_until
from server.kit.calls import OpenCall
from server.kit.ids import uuid7
from server.turns.commit import Commit
from server.turns.fast_lane import Rule
from server.turns.kinds import performer_of
from server.turns.take_turn import Person, Taken, body_of_input, body_of_say, digest_of, encode, outcome_of

LEASE_S = 30.0
GRACE = timedelta(seconds=2)
PERFORM_JOB = "turns.perform_call"


@dataclass(frozen=True, slots=True)
class Source:
    """Where the turn's input came from: a row that waits in the inbox already, or a message that is stored with the turn."""

    inbox_id: UUID
    key: str | None
    stored: bool
    client_message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Saved:
    """What follows a turn once it is committed."""

    taken: Taken
    inbox_id: UUID
    turn: int
    last_seq: int
    messages: list[dict[str, Any]]
    calls: list[OpenCall] = field(default_factory=list)
    jobs: list[UUID] = field(default_factory=list)
    pushes: bool = False
    early_events: bool = False
    fast: bool = False


def add_turn(
    commit: Commit, tenant_id: UUID, taken: Taken, source: Source, *, pushes: bool, known_contact: bool, lane: Rule | None = None
) -> Saved:
    """Put every row of the turn into the commit. `lane` says whether the conversation goes first from now on."""
    saved = _Writer(commit, tenant_id, taken, source, pushes).write(known_contact)
    return saved if lane is None else replace(saved, fast=lane.takes(taken.attributes))


class _Writer:
    def __init__(self, commit: Commit, tenant_id: UUID, taken: Taken, source: Source, pushes: bool) -> None:
        self.tenant_id = tenant_id
        self.commit = commit
        self.taken = taken
        self.source = source
        self.pushes = pushes and not taken.conversation.is_test
        self.conversation = taken.conversation
        self.id = taken.conversation.id
        self.at = taken.at
        self.state = encode(taken.state.to_json())
        self.turn = taken.conversation.turn + 1
        self.seq = taken.conversation.last_seq
        self.saved = Saved(taken, source.inbox_id, self.turn, 0, [], [], [], self.pushes)

    def write(self, known_contact: bool) -> Saved:
        if self.conversation.state is None:
            self._event("conversation.started", {})
        self._contact(known_contact)
        self._inputs()
        self._effects()
        self._turn()
        self._bot_variables()
        self._conversation()
        early = self._early_events()
        return replace(self.saved, turn=self.turn, last_seq=self.seq, early_events=early)

    def _contact(self, known: bool) -> None:
        person = self.conversation.contact
        learned = any(outcome.contact_variables for outcome in self.taken.outcomes)
        language = self._language()
        if known and not learned and language == person.language:
            return
        attributes = encode(self.taken.attributes).decode()
        if not known:
            self.commit.add("contacts", person.id, self.conversation.channel_id, person.external_id, person.name, language, attributes)
        else:
            self.commit.add("contact_changes", person.id, person.name, language, attributes)

    def _language(self) -> str | None:
        """What the contact is spoken to in from now on: the flow may have changed it in this turn."""
        before, after = self.conversation.state, self.taken.state.contact.get("language")
        person = self.conversation.contact
        was = person.language if before is None else before.contact.get("language")
        return person.language if after == was else after

    def _inputs(self) -> None:
        given, *answers = self.taken.inputs
        if self.source.stored:
            self.commit.add("used_inputs", self.id, self.source.inbox_id, "processed", self.turn, None, self.at)
        else:
            self._input(self.source.inbox_id, self.source.key, given, 0)
        if (body := body_of_input(given)) is not None:
            self._message("in", body, self.source.client_message_id)
        for order, answer in enumerate(answers, start=1):
            assert isinstance(answer, CallResult)
            self._input(uuid7(), f"call:{answer.call_id}", answer, order)
            if answer.ok and "in_scope" in answer.value:
                self._event("intent.classified", {name: answer.value[name] for name in ("intent", "confidence", "in_scope")})

    def _input(self, inbox_id: UUID, key: str | None, given: Any, order: int) -> None:
        text = encode(input_to_json(given)).decode()
        self.commit.add("inputs", self.id, inbox_id, self.conversation.channel_id, key, text, self.turn, order, self.at)

    def _message(self, direction: str, body: dict[str, Any], client_message_id: str | None = None) -> None:
        self.seq += 1
        self.commit.add("messages", self.id, self.seq, self.turn, direction, encode(body).decode(), client_message_id, self.at)
        self._event("message.received" if direction == "in" else "message.sent", {"turn": self.turn, "seq": self.seq})
        message = {"seq": self.seq, "direction": direction, "body": body, "at": self.at, "client_message_id": client_message_id}
        self.saved.messages.append(message)

    def _effects(self) -> None:
        for effect in self.taken.effects:
            if isinstance(effect, Say):
                self._message("out", body_of_say(effect))
                if self.pushes:
                    self.commit.add("outbox", self.id, self.seq, self.conversation.channel_id, self.at)
            elif isinstance(effect, Call):
                if (performing := performer_of(effect.kind)) is not None:
                    self._call(effect, performing.in_process)
            elif isinstance(effect, SetTimer):
                self.commit.add("timers", self.id, effect.timer_id, self._due_at(effect))
            elif isinstance(effect, CancelTimer):
                self.commit.add("cancelled_timers", self.id, effect.timer_id)
            elif isinstance(effect, Track):
                self._event("tracked", {"name": effect.name, "props": dict(effect.props)})
            else:
                assert isinstance(effect, HandOff | End)

    def _due_at(self, timer: SetTimer) -> datetime:
        """When the timer fires. One that breaks a silence keeps the flow's quiet hours."""
        quiet = self.conversation.quiet
        if quiet is None or timer.timer_id not in self.taken.state.silence.get("timers", ()):
            return timer.due_at
        return quiet_until(quiet, timer.due_at) or timer.due_at

    def _call(self, call: Call, here: bool) -> None:
        node_id = next((visit.node_id for visit in self.taken.visits if visit.call_id == call.call_id), "")
        seconds = call.timeout_s * (1 + call.retry_times) + call.retry_pause_s * call.retry_times
        due_at = self.at + timedelta(seconds=seconds) + GRACE
        lease_until = self.at + timedelta(seconds=LEASE_S) if here else None
        self.commit.add(
            "calls",
            self.id,
            call.call_id,
            self.turn,
            node_id,
            call.kind,
            encode(call.payload).decode(),
            call.timeout_s,
            "running" if here else "pending",
            due_at,
            lease_until,
            self.at,
            call.retry_times,
            call.retry_pause_s,
        )
        if here:
            open_call = OpenCall(
                self.tenant_id,
                call.call_id,
                self.id,
                call.kind,
                call.payload,
                call.timeout_s,
                due_at,
                retry_times=call.retry_times,
                retry_pause_s=call.retry_pause_s,
            )
            self.saved.calls.append(open_call)
        else:
            job_id = uuid7()
            self.saved.jobs.append(job_id)
            self.commit.add("jobs", self.id, job_id, PERFORM_JOB, encode({"call_id": call.call_id}).decode(), self.at)

    def _turn(self) -> None:
        taken = self.taken
        visits = [visit.to_json() for visit in taken.visits]
        effects = [effect_to_json(effect) for effect in taken.effects]
        failure = next((outcome.failure for outcome in taken.outcomes if outcome.failure is not None), None)
        why = None if failure is None else {"node_id": failure.node_id, "kind": failure.kind, "message": failure.message}
        self.commit.add(
            "turns",
            self.id,
            self.turn,
            taken.flow_version,
            encode(visits).decode(),
            encode(effects).decode(),
            digest_of(self.state),
            taken.state.waiting_for,
            None if why is None else encode(why).decode(),
            taken.ms,
            self.at,
        )
        path = [[visit.node_id, visit.port] for visit in taken.visits if visit.flow is None]
        self._event("turn.taken", {"turn": self.turn, "ms": round(taken.ms, 3), "path": path, "nodes": len(taken.visits)})

    def _bot_variables(self) -> None:
        """What was used, for replay; and what was set, for all conversations. A trial conversation sets nothing for the others."""
        bot = self.conversation.bot
        if bot is None:
            return
        self.commit.add("bot_variables_used", self.id, self.turn, encode(bot).decode())
        changed: dict[str, Any] = {}
        for outcome in self.taken.outcomes:
            changed.update(outcome.bot_variables)
        if changed and not self.conversation.is_test:
            self.commit.add("bot_variables", self.id, self.conversation.flow_id, encode(changed).decode(), self.at)

    def _early_events(self) -> bool:
        """What came before the flow listened to it is heard now. Whether there may be something."""
        before, after = self.conversation.state, self.taken.state
        if before is None or not (after.hears or after.strands or after.waiting_for == "event"):
            return False
        names = _heard(after) - _heard(before)
        for name in names:
            self.commit.add("heard_events", self.id, name)
        return bool(names)

    def _conversation(self) -> None:
        taken, before = self.taken, self.conversation
        outcome = outcome_of(taken)
        ended = taken.state.waiting_for == "ended"
        if ended and before.ended_at is None:
            self._event("conversation.ended", {"outcome": outcome})
        status = "ended" if ended else "open"
        state = self.state.decode()
        wait = taken.state.waiting_for
        listens = taken.state.interruptible or wait in ("message", "ended")
        if not before.stored:
            self.commit.add(
                "started",
                self.id,
                before.channel_id,
                before.contact.id,
                before.flow_id,
                taken.flow_version,
                before.is_test,
                state,
                self.turn,
                self.seq,
                wait,
                listens,
                status,
                outcome,
                self.at,
            )
        else:
            self.commit.add(
                "continued",
                self.id,
                before.state_version,
                before.lease_no,
                state,
                self.turn,
                self.seq,
                wait,
                listens,
                status,
                outcome,
                taken.flow_version,
                self.at,
            )

    def _event(self, type: str, props: dict[str, Any]) -> None:
        before = self.conversation
        if not before.is_test:
            text = encode(props).decode()
            self.commit.add("events", self.id, type, text, before.flow_id, self.taken.flow_version, before.channel_id, self.at)


def _heard(state: State) -> set[str]:
    """The events and triggers from outside that the conversation would take now."""
    names = set(state.awaited_events)
    if state.hears and state.waiting_for != "call" and not state.strands:
        names.update(*state.hears.values())
    return names


def person(row: Any, fallback: Person | None = None) -> Person | None:
    """The contact in a row of the turn's statements."""
    if row["contact"] is None:
        return fallback
    attributes = msgspec.json.decode(row["contact_attributes"])
    return Person(row["contact"], row["contact_external_id"], row["contact_name"], row["contact_language"], attributes)
