"""Running the examples of a node's cases.json.

A case has a name, `settings`, what the conversation knows (`variables`, `scope`, `memory`, `open_message`, `language`, `time_zone`), one
input or none (`message`, `call_result` or `input`), and what to `expect`: either `problems` of the settings, or what the node does.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from flow_runtime.checks import problems_of
from flow_runtime.effects import Call, Card, Effect, HandOff, Say, SetTimer, Track
from flow_runtime.errors import NodeFailure
from flow_runtime.expressions import Texts
from flow_runtime.inputs import Input, input_from_json
from flow_runtime.nodes import FAILED, Step, Turn
from flow_runtime.records import encode
from flow_runtime.settings import complete, templates
from flow_runtime.values import size_of
from node_library.contract import FolderNode

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
CALL_ID = "conversation:1:node:1"
_ABOUT_SETTINGS = frozenset(
    (
        "missing_setting",
        "invalid_setting",
        "duplicate_port",
        "expression_error",
        "pattern_error",
        "reserved_variable",
        "unknown_node_version",
    )
)


def complaints_about(node: FolderNode, case: Mapping[str, Any]) -> Iterator[str]:
    """What the node does other than the case says."""
    name = f'case "{case["name"]}"'
    found = settings_problems(node, case)
    if "problems" in case["expect"]:
        if found != sorted(case["expect"]["problems"]):
            yield f"{name}: expected the problems {case['expect']['problems']}, found {found}"
        return
    if found:
        yield f"{name}: its settings have problems: {found}"
        return
    settings = complete(node.schema, case["settings"])
    before = json.dumps(settings)
    first, second = observed(node, case, settings), observed(node, case, settings)
    if first != case["expect"]:
        yield f"{name}: expected {case['expect']}, did {first}"
    if first != second:
        yield f"{name}: does not do the same twice"
    if json.dumps(settings) != before:
        yield f"{name}: changes its settings"


def settings_problems(node: FolderNode, case: Mapping[str, Any]) -> list[str]:
    """The problems of the settings as "code field", in a flow of this node alone."""
    document = {
        "schema_version": 1,
        "name": "Case",
        "variables": {name: {"type": "object"} for name in case.get("variables", {})},
        "triggers": [{"id": "start", "type": "conversation_start", "node": "node"}],
        "nodes": {"node": {"type": node.type, "type_version": node.version, "settings": case["settings"]}},
        "edges": {},
    }
    return sorted(
        {
            f"{problem.code} {problem.field or ''}".strip()
            for problem in problems_of(document, {node.type: node})
            if problem.code in _ABOUT_SETTINGS
        }
    )


def observed(node: FolderNode, case: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """What the node does, in the words of `expect`; only what is there is named."""
    input = _input(case)
    try:
        turn = _turn(node, case, settings)
        step = node.enter(settings, turn) if input is None else node.resume(settings, turn, input)
    except NodeFailure as failure:
        return {"fails": failure.kind}
    wrong = _wrong(node, settings, step)
    return {"wrong": wrong} if wrong else _in_words(step)


def _input(case: Mapping[str, Any]) -> Input | None:
    stamp = {"at": NOON.isoformat(), "seed": 1}
    if "message" in case:
        return input_from_json({"kind": "message", "text": case["message"], **stamp})
    if "call_result" in case:
        return input_from_json({"kind": "call_result", "call_id": CALL_ID, **case["call_result"], **stamp})
    return input_from_json({**case["input"], **stamp}) if "input" in case else None


def _turn(node: FolderNode, case: Mapping[str, Any], settings: Mapping[str, Any]) -> Turn:
    words = case.get("message", case.get("open_message"))
    scope = {
        "message": {"text": words or ""},
        "contact": {"name": None, "language": None, "attributes": {}},
        "conversation": {"id": "conversation"},
        "error": None,
        "now": NOON.isoformat(),
        **case.get("variables", {}),
        **case.get("scope", {}),
    }
    texts = Texts(text for _, text in templates(node.schema, settings))
    return Turn(
        scope=scope,
        texts=texts,
        now=NOON,
        memory=case.get("memory"),
        open_message=words,
        seed="1",
        call_id=CALL_ID,
        run_id=CALL_ID,
        language=case.get("language", "en"),
        time_zone=case.get("time_zone", "UTC"),
        returning=case.get("returning", False),
    )


def _wrong(node: FolderNode, settings: Mapping[str, Any], step: Step) -> str | None:
    """Why no node may return this step, or None."""
    if [step.go, step.wait_for, step.end, step.subflow, step.fork, step.jump].count(None) != 5:
        return "a step goes on, waits, ends, jumps, runs a flow or branches: exactly one of them"
    if step.fork is not None and not {port.name for port in node.ports(settings)}.issuperset(step.fork.ports):
        return "a branch has a port of its own"
    if step.go is not None and step.go not in {FAILED, *(port.name for port in node.ports(settings))}:
        return f'there is no port "{step.go}"'
    if step.wait_for is not None and step.wait_for not in node.waits:
        return f'node.json does not say that it waits for "{step.wait_for}"'
    if step.wait_for == "call" and sum(isinstance(effect, Call) for effect in step.effects) != 1:
        return "a wait for a call needs exactly one call"
    try:
        size_of(step.set)
        size_of(step.memory)
    except NodeFailure as failure:
        return failure.message
    return None


def _in_words(step: Step) -> dict[str, Any]:
    """The step in the words of `expect`."""
    did = {
        "says": [effect.text for effect in step.effects if isinstance(effect, Say)],
        "choices": [
            {"value": option.value, "label": option.label}
            for effect in step.effects
            if isinstance(effect, Say)
            for option in effect.choices
        ],
        "media": [encode(media) for effect in step.effects if isinstance(effect, Say) for media in effect.media],
        "cards": [_card(card) for effect in step.effects if isinstance(effect, Say) for card in effect.cards],
        "asks": [[effect.asks, effect.asks_about] for effect in step.effects if isinstance(effect, Say) and effect.asks],
        "typing_ms": [effect.typing_ms for effect in step.effects if isinstance(effect, Say) and effect.typing_ms],
        "templates": [effect.template for effect in step.effects if isinstance(effect, Say) and effect.template],
        "calls": [[effect.kind, effect.payload] for effect in step.effects if isinstance(effect, Call)],
        "tracks": [[effect.name, effect.props] for effect in step.effects if isinstance(effect, Track)],
        "timers": [(effect.due_at - NOON).total_seconds() for effect in step.effects if isinstance(effect, SetTimer)],
        "hand_offs": [[effect.reason, effect.queue] for effect in step.effects if isinstance(effect, HandOff)],
        "others": [_other(effect) for effect in step.effects if not isinstance(effect, (Say, Call, Track, SetTimer, HandOff))],
        "set": dict(step.set),
        "memory": dict(step.memory),
        "go": step.go,
        "wait_for": step.wait_for,
        "end": step.end,
        "event": step.event,
        "interruptible": step.interruptible,
        "error": None if step.error is None else step.error.kind,
        "language": step.language,
        "not_understood": not step.understood,
        "timeout_s": step.timeout_s,
        "subflow": None if step.subflow is None else _filled(step.subflow),
        "loop": None if step.loop is None else {"items": list(step.loop.items), **_filled(step.loop)},
        "fork": None if step.fork is None else _filled(step.fork),
        "jump": step.jump,
    }
    return {name: value for name, value in did.items() if value not in (None, False, [], {})}


def _filled(record: Any) -> dict[str, Any]:
    """The fields of a record that are not empty."""
    return {name: value for name, value in encode(record).items() if value}


def _card(card: Card) -> dict[str, Any]:
    """What there is of a card."""
    words = {"title": card.title, "text": card.text, "image_url": card.image_url, "alt": card.alt}
    shown: dict[str, Any] = {name: text for name, text in words.items() if text}
    return shown | ({"buttons": [encode(button) for button in card.buttons]} if card.buttons else {})


def _other(effect: Effect) -> str:
    return type(effect).__name__
