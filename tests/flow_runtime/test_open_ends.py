"""Where a path may just end because something goes on by itself, and where it must not."""

from typing import Any

from flow_runtime import problems_of
from tests.flow_runtime.playing import OURS, ask, document, say

SET = ("set_variables", {"assignments": [{"variable": "x", "value": "1"}]})
"""A node whose way out is required."""


def _open_ends(found: dict[str, Any]) -> list[str | None]:
    return [problem.node_id for problem in problems_of(found, OURS) if problem.code == "unconnected_port"]


def test_a_path_must_not_just_end() -> None:
    assert _open_ends(document({"set": SET})) == ["set"]


def test_the_path_of_an_item_and_of_a_branch_may_end() -> None:
    loop = ("for_each", {"list": "{{ [1] }}"})
    assert _open_ends(document({"loop": loop, "set": SET}, [("loop", "each", "set")])) == []
    fork = ("run_parallel", {"branches": [{"title": "A"}, {"title": "B"}]})
    branches = [("fork", "a", "one"), ("fork", "b", "two")]
    assert _open_ends(document({"fork": fork, "one": SET, "two": SET}, branches)) == []


def test_an_item_without_a_path_is_a_problem_all_the_same() -> None:
    outer, inner = ("for_each", {"list": "{{ [1] }}"}), ("for_each", {"list": "{{ [2] }}"})
    assert _open_ends(document({"outer": outer, "inner": inner}, [("outer", "each", "inner")])) == ["inner"]


def test_a_digression_may_end_when_it_comes_back() -> None:
    nodes = {"ask": ask("Name?", "name"), "say": say("Hi {{ name }}{{ x }}"), "set": SET}
    trigger = {"id": "t", "type": "keyword", "words": ["set"], "node": "set"}
    edges = [("ask", "next", "say")]
    assert _open_ends(document(nodes, edges, triggers=[trigger])) == []
    assert _open_ends(document(nodes, edges, triggers=[{**trigger, "returns": False}])) == ["set"]


def test_a_flow_that_others_run_may_end_anywhere() -> None:
    found = document({"set": SET}, variables={"x": {}}, interface={"outputs": [{"name": "x"}]})
    assert _open_ends(found) == []
