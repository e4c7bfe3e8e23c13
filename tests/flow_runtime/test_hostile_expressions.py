"""Texts that attack: each is refused when it is written, or gives harmless text in bounded time and memory."""

import gc
import json
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flow_runtime import ExpressionError, problems_of
from flow_runtime.budget import Budget
from flow_runtime.expressions import evaluate, reading, render
from node_library import load_library

DATA = Path(__file__).parent.parent / "data"
LIBRARY = load_library()
LONGEST_S = 0.1
MOST_KIB = 64 * 1024


def _rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / name).read_text().splitlines()]


ROWS = _rows("expressions.jsonl")
ATTACKS = _rows("expression_attacks.jsonl")
NESTED = {
    "nested brackets": "{{ " + "(" * 20000 + "1" + ")" * 20000 + " }}",
    "nested lists": "{{ " + "[" * 3000 + "]" * 3000 + " }}",
    "a long chain of not": "{{ " + "not " * 4000 + "1 }}",
    "a long chain of or": "{{ " + " or ".join(["0"] * 4000) + " }}",
    "a long chain of minus": "{{ " + "-" * 4000 + "1 }}",
    "a long chain of ~": "{{ " + "~".join(["'a'"] * 4000) + " }}",
    "a long chain of filters": "{{ 'a'" + "|upper" * 2000 + " }}",
    "a long chain of dots": "{{ a" + ".b" * 4000 + " }}",
    "a long chain of items": "{{ a" + "[0]" * 4000 + " }}",
    "nested ifs": "{% if 1 %}" * 300 + "{% endif %}" * 300,
}
FORBIDDEN_IN_RESULT = ("class", "subclass", "os.", "module", "root:", "<function", "<bound", "builtin", "Popen")


@pytest.fixture(autouse=True)
def collector_at_rest() -> Iterator[None]:
    """What the whole suite has left in memory is not collected at the expense of the text that is measured."""
    gc.disable()
    yield
    gc.enable()


def _problems(text: str) -> list[str]:
    document = {
        "schema_version": 1,
        "name": "Attack",
        "variables": {"input": {}, "user": {"type": "object"}, "x": {}, "d": {"type": "object"}, "u": {"type": "object"}},
        "triggers": [{"id": "start", "type": "conversation_start", "node": "n"}],
        "nodes": {"n": {"type": "send_message", "settings": {"text": text}}},
        "edges": {},
    }
    return [problem.message for problem in problems_of(document, LIBRARY) if problem.severity == "error"]


def _render(text: str, scope: dict[str, Any]) -> str:
    try:
        return render(text, scope)
    except ExpressionError as error:
        return f"refused: {error.message}"


@pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
def test_a_bad_text_is_refused_when_it_is_written_or_is_only_text(row: dict[str, Any]) -> None:
    text, scope = row["input"]["expr"], row["input"]["ctx"]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()
    problems = _problems(text) if text.strip() else ["empty"]
    result = _render(text, scope)
    assert time.process_time() - began < LONGEST_S
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_KIB
    if "{{" in text or "{%" in text:
        assert problems or result == "abc where abc = '{{ 7*7 }}'" or "where input" in result
    else:
        assert result == text, "without braces it is plain text"
    assert not any(word in result for word in FORBIDDEN_IN_RESULT) or result == text or result.startswith("refused")


@pytest.mark.parametrize(
    "row", [row for row in ROWS if "{{" not in row["input"]["expr"] and "{%" not in row["input"]["expr"]], ids=lambda row: row["id"]
)
def test_a_bad_expression_is_refused(row: dict[str, Any]) -> None:
    with pytest.raises(ExpressionError):
        evaluate(row["input"]["expr"], row["input"]["ctx"])


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack["name"])
def test_an_attack_is_refused_or_harmless(attack: dict[str, Any]) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()
    result = _render(attack["text"], {"u": {"a": 1}, "d": {}})
    assert time.process_time() - began < LONGEST_S
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_KIB
    assert result.startswith("refused") or len(result) < 200
    assert not any(word in result for word in FORBIDDEN_IN_RESULT) or result.startswith("refused")


@pytest.mark.parametrize("attack", [attack for attack in ATTACKS if attack["text"].startswith("{{")], ids=lambda attack: attack["name"])
def test_an_attack_as_a_bare_expression_is_refused_or_harmless(attack: dict[str, Any]) -> None:
    began = time.process_time()
    try:
        result = str(evaluate(attack["text"][2:-2], {"u": {"a": 1}, "d": {}}))
    except ExpressionError:
        result = ""
    assert time.process_time() - began < LONGEST_S
    assert len(result) < 200
    assert not any(word in result for word in FORBIDDEN_IN_RESULT)


@pytest.mark.parametrize("text", NESTED.values(), ids=NESTED.keys())
def test_deep_nesting_is_refused_in_no_time(text: str) -> None:
    began = time.process_time()
    assert reading(text).error is not None
    with pytest.raises(ExpressionError):
        render(text, {"a": {}})
    assert time.process_time() - began < 1


BIG = "lorem ipsum " * 20000
SCOPE = {"big": BIG, "l": list(range(9000)), "rows": [{"a": i, "s": "x" * 50} for i in range(5000)], "d": {"n": {"n": {"n": 1}}}}
HEAVY = {
    "nested loops": "{% for i in range(1000) %}{% for j in range(1000) %}{{ i*j }}{% endfor %}{% endfor %}",
    "empty loops": "{% for i in range(1000) %}{% for j in range(1000) %}{% endfor %}{% endfor %}",
    "looking in a long text": "{% for i in range(1000) %}{% if 'zzz' in big %}1{% endif %}{% endfor %}",
    "testing a long text": "{% for i in range(1000) %}{% if 'zzz' is in big %}1{% endif %}{% endfor %}",
    "comparing lists": "{% for i in range(1000) %}{% if l == l %}1{% endif %}{% endfor %}",
    "comparing lists by test": "{% for i in range(1000) %}{% if l is eq(l) %}1{% endif %}{% endfor %}",
    "replacing": "{% for i in range(1000) %}{{ big|replace('q','w')|length }}{% endfor %}",
    "sorting": "{% for i in range(1000) %}{{ rows|sort('a')|length }}{% endfor %}",
    "writing JSON": "{% for i in range(1000) %}{{ rows|json|length }}{% endfor %}",
    "printing a lot": "{% for i in range(1000) %}{{ big }}{% endfor %}",
    "printing rows": "{% for i in range(1000) %}{{ rows }}{% endfor %}",
    "doubling a text": "{% set a='aaaaaaaaaaaaaaaa' %}" + "{% set a=a~a %}" * 200 + "{{ a|length }}",
    "doubling a list": "{% set a=[1,2,3] %}" + "{% set a=a+a %}" * 100 + "{{ a|length }}",
    "a list that holds itself twice": "{% set a=[1] %}" + "{% set a=[a,a] %}" * 60 + "{{ a }}",
    "a list that holds itself twice, compared": "{% set a=[1] %}" + "{% set a=[a,a] %}" * 60 + "{{ a == a }}",
    "a list that holds itself twice, as text": "{% set a=[1] %}" + "{% set a=[a,a] %}" * 60 + "{{ a|string|length }}{{ (a ~ a)|length }}",
    "a list that holds itself twice, in a list": "{% set a=[1] %}" + "{% set a=[a,a] %}" * 60 + "{{ a in [a] }}",
    "growing numbers": "{% set a=3 %}" + "{% set a=a*a %}" * 100 + "{{ a }}",
    "wide dates": "{{ '2026-01-01' | date('%1000000000d') }}",
    "the largest": "{% for i in range(1000) %}{{ max(l) }}{% endfor %}",
    "unhashable": "{{ [[1], [1]] | unique }}{{ {[1]: 2} }}",
}


@pytest.mark.parametrize("text", HEAVY.values(), ids=HEAVY.keys())
def test_heavy_work_stops_early(text: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()
    _render(text, SCOPE)
    assert time.process_time() - began < LONGEST_S
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_KIB


def test_a_list_that_holds_itself_is_never_handed_on() -> None:
    source = "{{ a }}"
    value: list[Any] = [1]
    for _ in range(60):
        value = [value, value]
    with pytest.raises(ExpressionError, match="too much work"):
        evaluate("a", {"a": value})
    with pytest.raises(ExpressionError, match="too much work"):
        render(source, {"a": value})


def test_all_expressions_of_one_run_share_a_budget() -> None:
    budget = Budget()
    text = "{% for i in range(1000) %}{% for j in range(1000) %}{% endfor %}{% endfor %}"
    began = time.process_time()
    for _ in range(50):
        with pytest.raises(ExpressionError):
            render(text, {}, budget)
    assert budget.total == 0
    assert time.process_time() - began < 1


def test_what_a_customer_wrote_is_never_computed() -> None:
    wrote = "{{ 7 * 7 }}{% for i in range(9) %}x{% endfor %}"
    assert render("You said: {{ message.text }}", {"message": {"text": wrote}}) == f"You said: {wrote}"
    assert render("{{ a ~ b }}", {"a": "{{", "b": " 7 * 7 }}"}) == "{{ 7 * 7 }}"
