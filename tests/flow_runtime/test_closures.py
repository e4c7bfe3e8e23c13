"""A closure computes what the sandbox computes: the same value or the same error, for the same price."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flow_runtime import ExpressionError
from flow_runtime.budget import Budget
from flow_runtime.closures import closure_of
from flow_runtime.expressions import Compute, computing, in_sandbox, reading, single_expression
from flow_runtime.limits import STEPS_PER_SPRINT
from flow_runtime.sandbox import Sandbox

DATA = Path(__file__).parent.parent / "data"
SANDBOX = Sandbox()
WRITTEN = [json.loads(line) for line in (DATA / "expressions.jsonl").read_text().splitlines()]
ATTACKS = [json.loads(line) for line in (DATA / "expression_attacks.jsonl").read_text().splitlines()]
ROWS = [
    *((row["input"]["expr"], row["input"]["ctx"]) for row in WRITTEN if not reading(row["input"]["expr"]).error),
    *((row["text"], {"u": {"a": 1}, "d": {}}) for row in ATTACKS if not reading(row["text"]).error),
]
OPERATORS = ("+", "-", "*", "/", "//", "%", "**", "~", "and", "or", "in", "not in", "<", "<=", ">", ">=", "==", "!=")
NAMES = ("a", "b", "text", "items", "person", "result", "self", "range", "nothing")
FILTERS = (
    "upper",
    "int",
    "length",
    "first",
    "sum",
    "trim",
    "join",
    "default(1)",
    "round(1)",
    "sort",
    "json",
    "list",
    "title",
    "default(d=2)",
)
TESTS = ("defined", "none", "number", "string", "even", "divisibleby(2)", "eq(1)", "in(items)", "mapping", "true")


def _deeper(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    two = st.tuples(inner, inner)
    return st.one_of(
        st.tuples(two, st.sampled_from(OPERATORS)).map(lambda made: f"({made[0][0]} {made[1]} {made[0][1]})"),
        st.tuples(inner, st.sampled_from(FILTERS)).map(lambda made: f"({made[0]} | {made[1]})"),
        st.tuples(inner, st.sampled_from(TESTS)).map(lambda made: f"({made[0]} is {made[1]})"),
        st.tuples(st.sampled_from(("not ", "-", "+")), inner).map(lambda made: f"({made[0]}{made[1]})"),
        st.tuples(inner, inner, inner).map(lambda made: f"({made[0]} if {made[1]} else {made[2]})"),
        st.tuples(inner, st.sampled_from((".name", ".first", "[0]", "['name']", "[-1]", ".name.first", ".upper()"))).map("".join),
        two.map(lambda made: f"[{made[0]}, {made[1]}]"),
        two.map(lambda made: f"{{'name': {made[0]}, {made[1]}: 2}}"),
        two.map(lambda made: f"max({made[0]}, {made[1]})"),
        inner.map(lambda made: f"range({made})"),
    )


EXPRESSIONS = st.recursive(
    st.one_of(st.sampled_from(NAMES), st.integers(-3, 40).map(str), st.sampled_from(("0.5", "'x'", "'12'", "''", "none", "true", "1e999"))),
    _deeper,
    max_leaves=8,
)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**64), 2**64),
    st.floats(allow_nan=False),
    st.text(max_size=200),
    st.lists(st.one_of(st.integers(-9, 9), st.text(max_size=3)), max_size=4),
    st.dictionaries(st.sampled_from(("name", "first", "x")), st.one_of(st.integers(), st.text(max_size=5)), max_size=3),
)
SCOPES = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=len(NAMES))


def _told(compute: Compute, scope: dict[str, Any], steps: int) -> tuple[str, int]:
    """The value or the error in words, and what was left of the budget."""
    budget = Budget(steps)
    try:
        told = repr(compute(scope, budget))
    except Exception as error:
        told = f"{type(error).__name__}: {error}"
    return told, budget.total


def _both(source: str, scope: dict[str, Any], steps: int = STEPS_PER_SPRINT) -> tuple[object, object] | None:
    """What the short way and the sandbox tell of a text that is one expression; None for another text."""
    ways = []
    for make in (computing, in_sandbox):
        expression = single_expression(SANDBOX.template_tree(source))
        if expression is None:
            return None
        try:
            ways.append(make(expression, SANDBOX))
        except ExpressionError as error:
            ways.append(lambda scope, budget, told=str(error): told)
    quick, slow = (_told(way, scope, steps) for way in ways)
    return quick, slow


@pytest.mark.parametrize(("source", "scope"), ROWS, ids=[str(number) for number in range(len(ROWS))])
def test_every_row_of_the_attacks(source: str, scope: dict[str, Any]) -> None:
    told = _both(source, scope)
    assert told is None or told[0] == told[1]


@settings(max_examples=200, deadline=None)
@given(EXPRESSIONS, SCOPES, st.sampled_from((STEPS_PER_SPRINT, 3, 12)))
def test_random_expressions(source: str, scope: dict[str, Any], steps: int) -> None:
    told = _both(f"{{{{ {source} }}}}", scope, steps)
    assert told is not None
    assert told[0] == told[1]


def test_usual_expressions_have_a_closure() -> None:
    for source in (
        "{{ (count or 0) + 1 }}",
        "{{ order['items'][0].price * 2 | round(1) }}",
        "{{ 'a' if x > 3 and y is defined else b | upper }}",
    ):
        expression = single_expression(SANDBOX.template_tree(source))
        assert expression is not None
        assert closure_of(expression, SANDBOX) is not None
