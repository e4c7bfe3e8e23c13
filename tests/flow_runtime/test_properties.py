"""Random flows over the whole library, random customers and random answers: what must hold for every conversation there can be."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flow_runtime import (
    Attachment,
    Call,
    CallError,
    CallResult,
    Choice,
    ConversationStarted,
    EventReceived,
    Flow,
    HandOff,
    Input,
    Location,
    Message,
    NotExpected,
    Outcome,
    Say,
    State,
    TimerFired,
    Triggered,
    effect_to_json,
    load_flow,
    problems_of,
    resume,
    start,
)
from flow_runtime.checks.drawing import DrawnNode, draw
from flow_runtime.checks.order import guarded_names
from flow_runtime.checks.variables import node_reads
from flow_runtime.flow import BUILT_IN_NAMES
from node_library import load_library

LIBRARY = load_library()
AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
TURNS = 14
BOUNDED = settings(max_examples=100, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
WORDS = [*("yes", "no", "help", "status", "Ada", "7", "12.5", "tomorrow", "a@b.example", "+49 30 1234567"), "", "{{ 7 * 7 }}", "x" * 500]
MISSING_SAY = {"dead_end", "no_fallback", "no_error_branch", "unreachable_intent"}
MISSING_VALUE = {"read_before_set", "unknown_variable"}


@cache
def _examples() -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """(type, settings, variables) of every good case of every node."""
    return [
        (kind.type, case["settings"], case.get("variables", {}))
        for kind in LIBRARY.values()
        for case in kind.cases
        if "problems" not in case["expect"]
    ]


def _type_of(value: Any) -> str:
    kinds: list[tuple[type, str]] = [(bool, "boolean"), (int, "number"), (float, "number"), (list, "list"), (dict, "object")]
    return next((name for kind, name in kinds if isinstance(value, kind)), "text")


def _document(dice: random.Random) -> dict[str, Any]:
    """A flow of up to twelve nodes, most of their ways out connected: forward, or back to a node that waits for the customer."""
    nodes: dict[str, Any] = {}
    variables: dict[str, Any] = {}
    for number in range(dice.randint(1, 12)):
        kind, given, known = dice.choice(_examples())
        nodes[f"n{number}"] = {"type": kind, "type_version": LIBRARY[kind].version, "settings": given, "on_error": _on_error(dice)}
        for name, value in known.items():
            if name not in variables and dice.random() < 0.8 and name not in BUILT_IN_NAMES:
                scope = dice.choice(["flow", "turn", "conversation", "contact", "bot"])
                variables[name] = {"type": _type_of(value), "default": value, "scope": scope}
    return {
        "schema_version": 2,
        "name": "Random",
        "variables": variables,
        "triggers": [{"id": "start", "type": "conversation_start", "node": "n0"}, *_triggers(dice, sorted(nodes))],
        "nodes": nodes,
        "edges": dict(_edges(dice, nodes)),
        "languages": {"default": "en", "others": ["de"], "texts": {"de": {"Hello": "Hallo {{ contact.name }}"}}},
        "settings": {"time_zone": dice.choice(["UTC", "Europe/Berlin", "Asia/Kolkata"])},
    }


def _on_error(dice: random.Random) -> dict[str, Any]:
    return {"do": dice.choice(["stop", "branch", "branch", "default"]), "value": None, "retry": {"times": dice.randint(0, 2), "pause_s": 1}}


def _triggers(dice: random.Random, names: list[str]) -> Iterator[dict[str, Any]]:
    some: list[dict[str, Any]] = [
        {"type": "keyword", "words": ["status"]},
        {"type": "command", "command": "help", "words": ["help"]},
        {"type": "command", "command": "restart", "words": ["again"], "returns": False},
        {"type": "postback", "value": "buy"},
        {"type": "event", "name": "paid", "save_as": "payment"},
        {"type": "schedule", "cron": "0 9 * * *"},
        {"type": "inactivity", "after_s": 600},
        {"type": "error"},
    ]
    for number, trigger in enumerate(dice.sample(some, dice.choice([0, 0, 1, 2, 4]))):
        yield {"id": f"t{number}", "node": dice.choice(names), **trigger}


def _edges(dice: random.Random, nodes: dict[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    names = list(nodes)
    waiting = [name for name in names if "message" in LIBRARY[nodes[name]["type"]].waits]
    for place, name in enumerate(names):
        ports = LIBRARY.ports_of(nodes[name]["type"], nodes[name]["settings"], nodes[name]["on_error"]["do"])
        for number, port in enumerate(ports):
            targets = [*names[place + 1 :], *waiting]
            if targets and dice.random() < 0.97:
                yield f"e{place}_{number}", {"source": name, "port": port.name, "target": dice.choice(targets)}


def _good_flow(seed: int) -> tuple[dict[str, Any], set[str]]:
    """A flow without errors, and the codes of its warnings: the first that this seed leads to."""
    dice = random.Random(seed)
    while True:
        document = _document(dice)
        problems = problems_of(document, LIBRARY)
        if not any(problem.severity == "error" for problem in problems):
            return document, {problem.code for problem in problems}


def _value(dice: random.Random, depth: int = 0) -> Any:
    """An answer that another system might give, sensible or not."""
    plain = [None, True, 0, 7, -1.5, "", "text", "2026-01-02", "refund"]
    if depth > 2 or dice.random() < 0.4:
        return dice.choice(plain)
    if dice.random() < 0.3:
        return [_value(dice, depth + 1) for _ in range(dice.randint(0, 3))]
    names = [
        *("text", "values", "found", "intent", "confidence", "language", "label", "score", "status", "body", "rows", "answer", "sources")
    ]
    names += ["flagged", "categories", "matches", "value", "model", "content", "decision", "number", "id"]
    return {name: _value(dice, depth + 1) for name in dice.sample(names, dice.randint(0, 6))}


def _input(dice: random.Random, outcome: Outcome, calls: list[str], at: datetime) -> Input:
    seed = dice.randrange(2**32)
    state = outcome.state
    if state.open_calls and dice.random() < 0.8:
        call_id = dice.choice(state.open_calls)
        if dice.random() < 0.3:
            error = CallError(dice.choice(["timeout", "not_available", "status"]), "It did not work")
            return CallResult(call_id, False, None, error, at=at, seed=seed)
        return CallResult(call_id, True, _value(dice), at=at, seed=seed)
    if state.open_timers and dice.random() < 0.4:
        return TimerFired(dice.choice(state.open_timers), at=at, seed=seed)
    return dice.choice(
        [
            Message(dice.choice(WORDS), dice.choice([None, "de", "xx"]), at=at, seed=seed),
            Message(dice.choice(WORDS), at=at, seed=seed),
            Choice(dice.choice(state.offers or ("buy",)), at=at, seed=seed),
            Choice("buy", "Buy", at=at, seed=seed),
            Attachment("https://a.example/f", dice.choice(["image/png", "text/html"]), "f", 12, at=at, seed=seed),
            Location(52.5, 13.4, at=at, seed=seed),
            EventReceived(dice.choice([*state.awaited_events, "paid"]), {"amount": 3}, at=at, seed=seed),
            Triggered(dice.choice(["t0", "t1"]), at=at, seed=seed),
            ConversationStarted(at=at, seed=seed),
            CallResult(calls[-1] if calls else "none", True, 1, at=at, seed=seed),
        ]
    )


def _conversation(flow: Flow, dice: random.Random) -> Iterator[tuple[Input, State | None, Outcome]]:
    """Inputs with the state before them and what came of them; those that are not expected are refused and change nothing."""
    contact = {"name": "Ada", "language": dice.choice([None, "de", "en-GB"]), "time_zone": dice.choice([None, "Asia/Tokyo", "Nowhere"])}
    first: Input = dice.choice([ConversationStarted(at=AT, seed=1), Message("status", at=AT, seed=1)])
    outcome = start(flow, first, conversation_id="c", contact=contact)
    yield first, None, outcome
    calls: list[str] = []
    for number in range(1, TURNS):
        calls += [effect.call_id for effect in outcome.effects if isinstance(effect, Call)]
        input = _input(dice, outcome, calls, AT + timedelta(minutes=number))
        state = State.from_json(json.loads(json.dumps(outcome.state.to_json())))
        assert state.to_json() == outcome.state.to_json()
        assert state == outcome.state
        try:
            outcome = resume(flow, state, input)
        except NotExpected:
            assert not state.accepts(input)
            continue
        yield input, state, outcome


def _as_json(outcome: Outcome) -> str:
    effects = [effect_to_json(effect) for effect in outcome.effects]
    return json.dumps([outcome.state.to_json(), effects, [visit.to_json() for visit in outcome.trace]], sort_keys=True)


@BOUNDED
@given(st.integers(0, 2**32))
def test_every_conversation_ends_its_turns_keeps_its_state_and_replays(seed: int) -> None:
    document, _ = _good_flow(seed)
    flow = load_flow(document, LIBRARY)
    for input, state, outcome in _conversation(flow, random.Random(seed)):
        if state is not None:
            assert _as_json(resume(load_flow(json.loads(json.dumps(document)), LIBRARY), state, input)) == _as_json(outcome)
        assert outcome.failure is None or outcome.failure.kind != "node", outcome.failure
        json.dumps(_as_json(outcome), allow_nan=False)


def _names_read(node: DrawnNode) -> set[str]:
    """What the node must find: not what it sets itself, nor what it says another word for."""
    return {path[0] for _, path in node_reads(node)} - guarded_names(node) - {name for _, name in node.sets}


@BOUNDED
@given(st.integers(0, 2**32))
def test_a_flow_that_passes_the_checks_answers_and_knows_its_variables(seed: int) -> None:
    document, warnings = _good_flow(seed)
    flow = load_flow(document, LIBRARY)
    reads = {node.id: _names_read(node) for node in draw(document, LIBRARY).nodes.values()}
    heard = answered = False
    for input, _, outcome in _conversation(flow, random.Random(seed)):
        if isinstance(input, Message | Choice | Attachment | Location):
            heard, answered = True, False
        elif not isinstance(input, CallResult):
            heard = False
        answered = answered or any(isinstance(effect, Say | HandOff) for effect in outcome.effects)
        if heard and outcome.waiting_for == "ended" and not warnings & MISSING_SAY:
            assert answered, "the customer wrote, and the conversation ended without a word"
        if not warnings & MISSING_VALUE:
            for visit in outcome.trace:
                unknown = reads.get(visit.node_id, set()) - outcome.state.variables.keys() - BUILT_IN_NAMES - {"item", "index"}
                assert unknown == set(), f"{visit.node_id} reads what nothing has set"


def test_enough_of_these_flows_pass_the_checks() -> None:
    warnings = [_good_flow(seed)[1] for seed in range(40)]
    assert sum(not found & MISSING_SAY for found in warnings) >= 8
    assert sum(not found & MISSING_VALUE for found in warnings) >= 8
