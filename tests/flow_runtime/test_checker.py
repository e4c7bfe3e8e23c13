"""Checking a flow again after an edit: the same problems, for the work of what was touched."""

import random
import sys
from copy import deepcopy
from typing import Any

import pytest

from flow_runtime import Checker, Surroundings, problems_of
from node_library import load_library
from tests.flow_runtime.example_nodes import EXAMPLES

LIBRARY = {**load_library(), **EXAMPLES}
AROUND = Surroundings({"refund": 9})
KINDS: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({"type": "send_message", "settings": {"text": "Step {i}, {{ contact.name }}, you have {{ v1 | upper }}"}}, ("next",)),
    ({"type": "ask_question", "settings": {"text": "Question {i}?", "save_as": "v{i}"}}, ("next",)),
    (
        {
            "type": "branch",
            "settings": {
                "branches": [
                    {"name": "a", "title": "A", "when": {"match": "all", "rows": [{"variable": "v1", "operator": "is", "value": "{i}"}]}}
                ]
            },
        },
        ("a", "otherwise"),
    ),
    ({"type": "set_variables", "settings": {"assignments": [{"variable": "w{i}", "value": "{{ v1 }}"}]}}, ("next",)),
    ({"type": "http_request", "settings": {"url": "https://a.example/{i}/{{ v1 }}", "save_as": "r{i}"}}, ("ok", "failed")),
]


def _numbered(value: Any, number: int) -> Any:
    if isinstance(value, dict):
        return {name: _numbered(item, number) for name, item in value.items()}
    if isinstance(value, list):
        return [_numbered(item, number) for item in value]
    return value.replace("{i}", str(number)) if isinstance(value, str) else value


def large_flow(count: int) -> dict[str, Any]:
    """A flow of that many nodes, no two alike, in one long path with branches."""
    nodes, edges = {}, {}
    for number in range(count):
        node, ports = KINDS[number % len(KINDS)]
        nodes[f"n{number}"] = {**_numbered(node, number), "title": f"Node {number}", "position": {"x": number, "y": 0}, "note": ""}
        for port in ports if number + 1 < count else ():
            edges[f"e{number}{port}"] = {"source": f"n{number}", "port": port, "target": f"n{number + 1}"}
    start = [{"id": "start", "type": "conversation_start", "node": "n0"}]
    variables = {"v1": {"type": "text", "default": "x"}}
    return {"schema_version": 2, "name": "Large", "variables": variables, "triggers": start, "nodes": nodes, "edges": edges}


def _edit(document: dict[str, Any], dice: random.Random) -> None:
    """Something a person does in the editor."""
    nodes, edges = document["nodes"], document["edges"]
    node_id = dice.choice(sorted(nodes))
    match dice.randrange(7):
        case 0:
            nodes[node_id] = {"type": "send_message", "settings": {"text": dice.choice(["", "Hi", "{{ x", "{{ v1 + 1 }}", "{{ w3 }}"])}}
        case 1:
            nodes.pop(node_id)
        case 2:
            edges.pop(dice.choice(sorted(edges)), None)
        case 3:
            edges[f"x{dice.randrange(99)}"] = {"source": node_id, "port": "next", "target": dice.choice(sorted(nodes))}
        case 4:
            document["variables"] = {"v1": {"type": dice.choice(["text", "number", "date"]), "default": None}}
        case 5:
            nodes[node_id] = {**nodes[node_id], "type": dice.choice(["end", "nosuch", "send_message"])}
        case _:
            nodes[node_id]["settings"]["give_up"] = dice.choice([True, 1, 1.0, "yes"])


@pytest.mark.parametrize("seed", range(6))
def test_a_checker_finds_after_each_edit_what_a_fresh_look_finds(seed: int) -> None:
    dice = random.Random(seed)
    document = large_flow(30)
    checker = Checker(LIBRARY)
    for _ in range(25):
        _edit(document, dice)
        assert checker.problems(deepcopy(document), AROUND) == problems_of(document, LIBRARY, AROUND)


def test_an_edit_pays_for_what_it_touched() -> None:
    document = large_flow(500)
    checker = Checker(LIBRARY)
    checker.problems(document)
    assert checker.examined == 500 + len(document["edges"])
    edited = deepcopy(document)
    edited["nodes"]["n250"]["settings"]["text"] = ""
    assert "n250" in [problem.node_id for problem in checker.problems(edited)]
    assert checker.examined == 1
    checker.problems(edited)
    assert checker.examined == 0


def test_garbage_between_two_looks_is_forgotten() -> None:
    document = large_flow(10)
    checker = Checker(LIBRARY)
    expected = checker.problems(document)
    for garbage in (None, [], {"nodes": {"n0": {1: 2}}}, {**document, "nodes": {"n0": set()}}):
        assert checker.problems(garbage)
        assert checker.problems(document) == expected


def _calls(count: int) -> int:
    """How many Python functions a first look at a flow of so many nodes calls."""
    document = large_flow(count)
    calls = 0

    def count_one(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(count_one)
    try:
        problems_of(document, LIBRARY, AROUND)
    finally:
        sys.setprofile(before)
    return calls


def test_the_work_grows_with_the_flow_and_no_faster() -> None:
    _calls(10)
    small, large = _calls(100), _calls(400)
    assert large < 4.5 * small
