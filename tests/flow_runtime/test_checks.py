"""Static checks: each broken flow gives exactly its problem, on the right node and field, in words that help."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from flow_runtime import InvalidFlow, Surroundings, load_flow, problems_of
from node_library import load_library

DATA = Path(__file__).parent.parent / "data"
BROKEN = sorted((DATA / "broken_flows").glob("*.json"))
FLOWS = sorted((Path(__file__).parent.parent / "conversations" / "flows").glob("*.json"))
LIBRARY = load_library()

DRAFTS_THAT_CAN_BE_TRIED = {
    *("dangling_edge", "unknown_port", "duplicate_edge", "unconnected_port", "endless_loop", "unknown_variable"),
    *("reserved_variable", "wrong_default", "unknown_intent"),
}


def _flow(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text())
    document.pop("intents", None)
    return document


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_a_broken_flow_gives_exactly_its_problem(path: Path) -> None:
    case = json.loads(path.read_text())
    surroundings = Surroundings(**case["surroundings"]) if "surroundings" in case else None
    problems = problems_of(case["document"], LIBRARY, surroundings)
    found = [{"code": p.code, "severity": p.severity, "node_id": p.node_id, "field": p.field} for p in problems]
    assert found == [case["problem"]], problems
    problem = problems[0]
    assert problem.message.endswith((".", "!", "?"))
    assert problem.fix.endswith(".")
    assert problem.to_json()["message"] == problem.message


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_a_flow_that_cannot_run_is_not_loaded_and_one_that_can_be_tried_is(path: Path) -> None:
    case = json.loads(path.read_text())
    if case["problem"]["severity"] == "warning" or case["problem"]["code"] in DRAFTS_THAT_CAN_BE_TRIED:
        load_flow(case["document"], LIBRARY)
        return
    with pytest.raises(InvalidFlow) as caught:
        load_flow(case["document"], LIBRARY)
    assert [problem.code for problem in caught.value.problems] == [case["problem"]["code"]]


def test_every_problem_has_a_flow_that_shows_it() -> None:
    shown = {json.loads(path.read_text())["problem"]["code"] for path in BROKEN}
    checks = Path(__file__).parent.parent.parent / "flow_runtime" / "checks"
    source = "".join(path.read_text() for path in checks.glob("*.py"))
    named = {word for word in source.replace("(", " ").replace(",", " ").replace('"', " ").split() if word in shown}
    assert named == shown
    written = {line.split('Problem("')[1].split('"')[0] for line in source.splitlines() if 'Problem("' in line}
    assert written - shown == {"unreadable_document", "too_many_nodes"}, "those two are shown in test_hostile_documents"


@pytest.mark.parametrize("path", FLOWS, ids=lambda path: path.stem)
def test_a_good_flow_has_no_errors(path: Path) -> None:
    assert [problem for problem in problems_of(_flow(path), LIBRARY) if problem.severity == "error"] == []


def _several_problems() -> dict[str, Any]:
    return {
        "schema_version": 1,
        "name": "Many",
        "triggers": [{"id": "start", "type": "conversation_start", "node": "z"}],
        "nodes": {
            "z": {"type": "ask_question", "settings": {"text": "Hi {{ x", "save_as": "a b"}},
            "m": {"type": "send_message", "settings": {"text": "{{ nobody }}"}},
            "a": {"type": "wait", "settings": {"seconds": 0}},
            "lost": {"type": "send_message", "settings": {"text": ""}},
        },
        "edges": {"1": {"source": "z", "port": "next", "target": "m"}, "2": {"source": "m", "port": "next", "target": "a"}},
    }


def test_problems_stand_in_the_order_a_conversation_meets_them_whatever_the_order_of_the_document() -> None:
    document = _several_problems()
    expected = problems_of(document, LIBRARY)
    assert [problem.node_id for problem in expected] == ["z", "z", "z", "m", "a", "a", "lost", "lost"]
    for seed in range(10):
        nodes, edges = list(document["nodes"].items()), list(document["edges"].items())
        random.Random(seed).shuffle(nodes)
        random.Random(seed).shuffle(edges)
        assert problems_of({**document, "nodes": dict(nodes), "edges": dict(edges)}, LIBRARY) == expected


def test_checking_changes_nothing() -> None:
    document = _several_problems()
    before = json.dumps(document)
    problems_of(document, LIBRARY)
    assert json.dumps(document) == before


def test_sentences_name_the_fields_as_the_form_does() -> None:
    sentences = {problem.code: problem.message for problem in problems_of(_several_problems(), LIBRARY)}
    assert sentences["missing_setting"] == '"Message" is empty.'
    assert sentences["unknown_variable"] == 'Nothing sets "nobody", so it is always empty.'
    assert sentences["unconnected_port"] == 'Nothing follows "Time is up" of "Wait": the customer would get no answer.'
    assert sentences["unreachable_node"] == 'No conversation can get to "Send a message".'


def test_a_large_flow_is_checked_again_quickly() -> None:
    nodes = {f"n{i}": {"type": "send_message", "settings": {"text": f"Step {i}, {{{{ contact.name }}}}"}} for i in range(500)}
    edges = {f"e{i}": {"source": f"n{i}", "port": "next", "target": f"n{i + 1}"} for i in range(499)}
    start = [{"id": "start", "type": "conversation_start", "node": "n0"}]
    document = {"schema_version": 1, "name": "Large", "triggers": start, "nodes": nodes, "edges": edges}
    assert problems_of(document, LIBRARY) == []
    nodes["n250"]["settings"] = {"text": ""}
    assert [problem.node_id for problem in problems_of(document, LIBRARY)] == ["n250"]
