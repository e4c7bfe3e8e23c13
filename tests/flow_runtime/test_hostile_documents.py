"""Documents that are no flows give problems, never another exception, whatever is in them."""

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flow_runtime import InvalidFlow, Surroundings, load_flow, problems_of
from node_library import load_library

LIBRARY = load_library()
GOOD = json.loads((Path(__file__).parent.parent / "conversations" / "flows" / "menu.json").read_text())
SURROUNDINGS = Surroundings({"track": 5}, has_model=False)


def _nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"a": value}
    return value


def _with(**changes: Any) -> dict[str, Any]:
    return {**GOOD, **changes}


def _node(**changes: Any) -> dict[str, Any]:
    return _with(nodes={**GOOD["nodes"], "menu": {**GOOD["nodes"]["menu"], **changes}})


GARBAGE: dict[str, Any] = {
    "nothing": None,
    "a number": 7,
    "a text": "{}",
    "a list": [GOOD],
    "an empty object": {},
    "nodes as a list": _with(nodes=[{"id": "a", "type": "end"}]),
    "nodes as a text": _with(nodes="menu"),
    "a node that is a number": _with(nodes={"menu": 5}),
    "edges as a list": _with(edges=[]),
    "an edge that is a text": _with(edges={"e": "menu -> track"}),
    "an edge to a list": _with(edges={"e": {"source": ["menu"], "port": "track", "target": {}}}),
    "no triggers": {name: value for name, value in GOOD.items() if name != "triggers"},
    "triggers as an object": _with(triggers={"id": "start"}),
    "a trigger of another kind": _with(triggers=[{"id": "start", "type": "full_moon", "node": "menu"}]),
    "an old version": _with(schema_version=0),
    "a version that is a text": _with(schema_version="1"),
    "a version that is true": _with(schema_version=True),
    "a version that is not whole": _with(schema_version=1.5),
    "a version from far away": _with(schema_version=10**30),
    "variables as a list": _with(variables=["a"]),
    "a variable with a bad name": _with(variables={"1 bad": {}}),
    "a variable with a line break": _with(variables={"bad\n": {}}),
    "a variable of an unknown type": _with(variables={"a": {"type": "colour"}}),
    "settings as a text": _with(settings="x"),
    "a fallback that is a list": _with(settings={"fallback_text": ["x"]}),
    "languages as a text": _with(languages="en"),
    "a name that is too long": _with(name="x" * 201),
    "an id that is too long": _with(nodes={"n" * 65: GOOD["nodes"]["menu"]}),
    "an id with a line break": _with(nodes={"menu\n": GOOD["nodes"]["menu"]}),
    "NUL in an id": _with(nodes={"n1\0": GOOD["nodes"]["menu"]}),
    "NUL in a text": _node(settings={"text": "a\0b", "choices": []}),
    "half a character": _node(settings={"text": "\ud800", "choices": []}),
    "a number that is none": _node(position={"x": float("nan"), "y": 0}),
    "an endless number": _node(position={"x": float("inf"), "y": 0}),
    "a huge number": _node(position={"x": 10**400, "y": 0}),
    "bytes": _node(note=b"x"),
    "a set": _node(settings={"text": {1, 2}}),
    "a name that is a number": _with(nodes={1: GOOD["nodes"]["menu"]}),
    "settings that are a list": _node(settings=[]),
    "choices that are numbers": _node(settings={"text": "x", "choices": [1, 2, None, [], {}]}),
    "choices that are a text": _node(settings={"text": "x", "choices": "Red"}),
    "a text that is an object": _node(settings={"text": {"en": "x"}, "choices": [{"label": "a"}]}),
    "on_error that is a text": _node(on_error="stop"),
    "on_error that does magic": _node(on_error={"do": "magic"}),
    "a type that is a list": _node(type=["send_message"]),
    "a type version that is a text": _node(type_version="1"),
    "a depth bomb": _node(settings=_nested(100_000)),
    "a depth bomb at the top": _nested(100_000),
    "a long text": _node(settings={"text": "x" * (5 << 20)}),
    "many values": _node(settings={"text": "x", "choices": [0] * 300_000}),
    "many nodes": _with(nodes={f"n{i}": {"type": "end", "settings": {}} for i in range(20_001)}),
    "more nodes than allowed": _with(nodes={f"n{i}": {"type": "end", "settings": {}} for i in range(2_001)}),
    "many faults": _with(nodes={f"n{i}": {} for i in range(2_000)}),
}


@pytest.mark.parametrize("document", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_gives_problems_in_no_time(document: Any) -> None:
    began = time.process_time()
    problems = problems_of(document, LIBRARY, SURROUNDINGS)
    with pytest.raises(InvalidFlow) as caught:
        load_flow(document, LIBRARY)
    assert time.process_time() - began < 2
    assert 1 <= len(problems) <= 500
    assert caught.value.problems
    assert all(problem.message and len(problem.message) < 1000 for problem in problems)
    json.dumps([problem.to_json() for problem in problems])


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("nothing", "unreadable_document"),
        ("a depth bomb", "unreadable_document"),
        ("a long text", "unreadable_document"),
        ("many nodes", "too_many_nodes"),
        ("more nodes than allowed", "too_many_nodes"),
        ("nodes as a list", "invalid_document"),
        ("a version from far away", "unreadable_document"),
    ],
)
def test_garbage_is_called_what_it_is(name: str, code: str) -> None:
    assert [problem.code for problem in problems_of(GARBAGE[name], LIBRARY)] == [code]


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["{{ x", "{{ 1/0 }}", "menu", "track", "start"])
)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4), max_leaves=12
)
FIELDS = st.sampled_from(sorted(LIBRARY)).flatmap(
    lambda type: st.fixed_dictionaries(
        {
            "type": st.just(type),
            "settings": st.fixed_dictionaries({}, optional=dict.fromkeys(LIBRARY[type].schema["properties"], JSON)),
        },
        optional={
            "on_error": st.sampled_from([{"do": "stop"}, {"do": "branch"}, {"do": "default", "value": 1}]),
            "type_version": st.integers(0, 3),
        },
    )
)
EDGES = st.fixed_dictionaries(
    {
        "source": st.sampled_from("abcd"),
        "port": st.sampled_from(["next", "ok", "failed", "otherwise", "track"]),
        "target": st.sampled_from("abcde"),
    }
)
DOCUMENTS = st.fixed_dictionaries(
    {
        "schema_version": st.just(1),
        "name": st.just("Fuzz"),
        "triggers": st.just([{"id": "start", "type": "conversation_start", "node": "a"}]),
        "nodes": st.dictionaries(st.sampled_from("abcd"), FIELDS, max_size=4),
        "edges": st.dictionaries(st.text("xyz", min_size=1, max_size=3), EDGES, max_size=6),
    },
    optional={"variables": st.dictionaries(st.sampled_from(["x", "contact", "n"]), JSON, max_size=2), "settings": JSON},
)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(DOCUMENTS)
def test_any_settings_give_problems_and_never_an_exception(document: dict[str, Any]) -> None:
    _check(document)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(JSON)
def test_any_json_gives_problems_and_never_an_exception(document: Any) -> None:
    _check(document)


def _check(document: Any) -> None:
    problems = problems_of(document, LIBRARY, SURROUNDINGS)
    assert problems == problems_of(document, LIBRARY, SURROUNDINGS)
    with suppress(InvalidFlow):
        load_flow(document, LIBRARY)
