"""Static checks: each broken flow gives exactly its problem, on the right node and field, in words that help."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from flow_runtime import ChannelLimits, FlowInterface, InvalidFlow, Library, Surroundings, load_flow, problems_of
from node_library import load_library
from tests.flow_runtime.example_nodes import EXAMPLES

BROKEN = sorted((Path(__file__).parent / "broken_flows").glob("*.json"))
TWINS = [path for path in BROKEN if "clean" in json.loads(path.read_text())]
FLOWS = sorted((Path(__file__).parent.parent / "conversations" / "flows").glob("*.json"))
LIBRARY: Library = {**load_library(), **EXAMPLES}

KEEP_FROM_RUNNING = {
    *("missing_start", "several_starts", "unknown_node_type", "unknown_node_version", "upgrade_failed"),
    *("missing_setting", "invalid_setting", "duplicate_port", "expression_error", "pattern_error", "invalid_document", "newer_schema"),
}


def _surroundings(case: dict[str, Any]) -> Surroundings | None:
    if "surroundings" not in case:
        return None
    given = dict(case["surroundings"])
    given["channels"] = [ChannelLimits(**limits) for limits in given.get("channels", ())]
    for name in ("knowledge", "agents"):
        given[name] = frozenset(given[name]) if name in given else None
    if "subflows" in given:
        given["subflows"] = {
            ref: FlowInterface(**{**about, **{name: frozenset(about.get(name, ())) for name in ("outputs", "always_calls")}})
            for ref, about in given["subflows"].items()
        }
    return Surroundings(**given)


def _mended(document: dict[str, Any], changes: list[list[Any]]) -> dict[str, Any]:
    """The document with other values at dotted paths."""
    mended: dict[str, Any] = json.loads(json.dumps(document))
    for path, value in changes:
        *above, last = path.split(".")
        part: Any = mended
        for step in above:
            part = part[int(step)] if isinstance(part, list) else part.setdefault(step, {})
        part[int(last) if isinstance(part, list) else last] = value
    return mended


def _flow(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text())
    document.pop("intents", None)
    return document


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_a_broken_flow_gives_exactly_its_problem(path: Path) -> None:
    case = json.loads(path.read_text())
    problems = problems_of(case["document"], LIBRARY, _surroundings(case))
    found = [{"code": p.code, "severity": p.severity, "node_id": p.node_id, "field": p.field} for p in problems]
    assert found == [case["problem"]], problems
    problem = problems[0]
    assert problem.message.endswith((".", "!", "?"))
    assert problem.fix.endswith(".")
    assert problem.to_json()["message"] == problem.message


@pytest.mark.parametrize("path", TWINS, ids=lambda path: path.stem)
def test_its_mended_twin_has_none(path: Path) -> None:
    case = json.loads(path.read_text())
    assert problems_of(_mended(case["document"], case["clean"]), LIBRARY, _surroundings(case)) == []


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_a_flow_that_cannot_run_is_not_loaded_and_one_that_can_be_tried_is(path: Path) -> None:
    case = json.loads(path.read_text())
    of_flow = (case["problem"]["field"] or "").startswith(("triggers.", "languages."))
    if of_flow or case["problem"]["code"] not in KEEP_FROM_RUNNING:
        load_flow(case["document"], LIBRARY)
        return
    with pytest.raises(InvalidFlow) as caught:
        load_flow(case["document"], LIBRARY)
    assert [problem.code for problem in caught.value.problems] == [case["problem"]["code"]]


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
