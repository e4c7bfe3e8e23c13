"""What the expression language does for honest authors."""

from typing import Any

import pytest

from flow_runtime import ExpressionError
from flow_runtime.budget import Budget
from flow_runtime.expressions import ANY_ITEM, Texts, evaluate, reading, render

SCOPE: dict[str, Any] = {
    "name": "Ada",
    "count": 3,
    "price": 4.5,
    "flag": True,
    "nothing": None,
    "tags": ["red", "blue"],
    "order": {"id": 7, "items": [{"name": "Tea", "price": 4}, {"name": "Pot", "price": 20}]},
    "now": "2026-03-31T09:05:00+00:00",
}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Hi {{ name }}!", "Hi Ada!"),
        ("{{ count + 1 }}", "4"),
        ("{{ count * price }}", "13.5"),
        ("{{ 10 / 4 }} {{ 10 / 5 }} {{ 7 // 2 }} {{ 7 % 4 }} {{ 2 ** 10 }}", "2.5 2 3 3 1024"),
        ("{{ order.items[0].name }} and {{ order['items'][1]['name'] }}", "Tea and Pot"),
        ("{{ order.items | pluck('price') | sum }}", "24"),
        ("{{ order.items | where('name', 'Pot') | length }}", "1"),
        ("{{ order.items | sort('price', true) | first | get('name') }}", "Pot"),
        ("{{ tags }} {{ tags | join(' & ') }} {{ tags | last }}", "red, blue red & blue blue"),
        ("{{ order }}", '{"id": 7, "items": [{"name": "Tea", "price": 4}, {"name": "Pot", "price": 20}]}'),
        ("{{ flag }} {{ nothing }} {{ missing }} {{ missing.deeper.still }}|", "true   |"),
        ("{{ missing | default('friend') }} {{ nothing | d('x') }} {{ '' | default('y') }}", "friend x y"),
        ("{{ name.upper() }} {{ name | lower }} {{ ' a ' | trim }} {{ 'ada' | capitalize }} {{ 'a b' | title }}", "ADA ada a Ada A B"),
        ("{{ 'a-b' | replace('-', '+') }} {{ 'abcdef' | truncate(3) }} {{ 'a,b' | split(',') }}", "a+b abc… a, b"),
        ("{{ price | round }} {{ 2.345 | round(2) }} {{ '7' | int + 1 }} {{ '2.5' | float }} {{ -3 | abs }}", "4 2.35 8 2.5 3"),
        ("{% if count > 2 and name == 'Ada' %}many{% elif count %}few{% else %}none{% endif %}", "many"),
        ("{% for item in order.items %}{{ loop.index }}. {{ item.name }}{% if not loop.last %}, {% endif %}{% endfor %}", "1. Tea, 2. Pot"),
        ("{% set total = count * 2 %}{{ total }}", "6"),
        ("{{ 'yes' if flag else 'no' }} {{ name ~ ' ' ~ count }}", "yes Ada 3"),
        ("{{ 'red' in tags }} {{ 'x' not in tags }} {{ 'd' in name }} {{ 'id' in order }}", "true true true true"),
        ("{{ 1 < count <= 3 }} {{ count is even }} {{ missing is defined }} {{ name is string }}", "true false false true"),
        ("{{ min(3, 1, 2) }} {{ max(tags) }} {{ range(3) | list }}", "1 red 0, 1, 2"),
        ("{{ now | date }} {{ now | date('%d.%m.%Y %H:%M') }}", "2026-03-31 31.03.2026 09:05"),
        ("{{ order | json | length > 10 }} {{ order.keys() }} {{ {'a': 1}.items() }} {{ {'a': 1}.values() }}", "true id, items a, 1 1"),
        ("{{ [1, 1, 2] | unique }} {{ ['b', 'a'] | sort }} {{ [3, 1] | min }} {{ [] | max }}|", "1, 2 a, b 1 |"),
        ("{{ 'Hello' | startswith('He') }} {{ 'Hello'.endswith('lo') }} {{ tags.contains('red') }}", "true true true"),
        ("{# a remark #}plain {% raw %}{{ left alone }}{% endraw %}", "plain {{ left alone }}"),
        ("no braces at all", "no braces at all"),
        ("{{ 12345678901234567890 }} {{ 1e20 }} {{ 3.0 }}", "12345678901234567890 1e+20 3"),
        ("line\n{{ name }}\n", "line\nAda\n"),
    ],
)
def test_texts(text: str, shown: str) -> None:
    assert render(text, SCOPE) == shown


@pytest.mark.parametrize(
    "comparison", ["missing > 3", "missing < 3", "missing >= missing", "nothing > 3", "3 <= nothing", "missing == 3", "3 in missing"]
)
def test_a_missing_value_compares_as_false(comparison: str) -> None:
    assert evaluate(comparison, SCOPE) is False


@pytest.mark.parametrize("comparison", ["missing == none", "missing != 3", "3 not in missing", "not missing", "nothing == missing"])
def test_a_missing_value_is_empty(comparison: str) -> None:
    assert evaluate(comparison, SCOPE) is True


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("count + 1", 4),
        ("tags", ["red", "blue"]),
        ("range(2)", [0, 1]),
        ("missing", None),
        ("order.items[1]", {"name": "Pot", "price": 20}),
        ("'a'", "a"),
    ],
)
def test_a_bare_expression_keeps_its_type(expression: str, value: Any) -> None:
    assert evaluate(expression, SCOPE) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ name + 1 }}", "A text and a number cannot be added; join texts with ~"),
        ("{{ missing + 1 }}", "An empty value and a number cannot be added; join texts with ~"),
        ("{{ name * 2 }}", "A text and a number cannot be calculated with '*'"),
        ("{{ name > 3 }}", "A text cannot be compared with a number"),
        ("{{ 1 / 0 }}", "This cannot be computed: division by zero"),
        ("{{ 'x' | date }}", "This is not a date"),
        ("{{ tags | sum }}", "A text cannot be added up"),
        ("{{ 3 | join }}", "A number has no items"),
        ("{{ name | abs }}", "A text has no absolute value"),
        ("{{ name | nosuch }}", "There is no filter 'nosuch' (character 11)"),
        ("{{ name is nosuch }}", "There is no test 'nosuch' (character 9)"),
        ("{{ name", "unexpected end of template, expected 'end of print statement' (character 4)"),
        ("\n\n{{ name | nosuch }}", "There is no filter 'nosuch' (line 3, character 11)"),
        ("{{ 1e308 * 10 }}", "The number becomes too large"),
        ("{{ '%s' % name }}", "A text and a text cannot be calculated with '%'"),
        ("{{ tags[5:] }}", "'slice' is not allowed (character 9)"),
        ("{{ name(1) }}", "Only max, min, range can be called (character 8)"),
        ("{{ range(*tags) }}", "* arguments are not allowed (character 9)"),
        ("{{ tags | join(*tags) }}", "* arguments are not allowed (character 11)"),
    ],
)
def test_mistakes_are_said_in_plain_words(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        render(text, SCOPE)
    assert caught.value.message == message
    assert caught.value.kind == "expression"


def test_an_empty_expression_is_a_mistake() -> None:
    with pytest.raises(ExpressionError, match="empty"):
        evaluate("  ", {})
    with pytest.raises(ExpressionError, match="after the end"):
        evaluate("1 2", {})
    with pytest.raises(ExpressionError, match="longer than"):
        evaluate("1 + " * 2000 + "1", {})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ count + 1 }}", 4),
        (" {{ tags }} ", ["red", "blue"]),
        ("{{ missing }}", None),
        ("{{ count }} items", "3 items"),
        ("{% if flag %}x{% endif %}", "x"),
        ("plain", "plain"),
    ],
)
def test_a_single_expression_keeps_its_type(text: str, value: Any) -> None:
    assert Texts([text]).value(text, SCOPE, Budget()) == value


def test_only_texts_of_the_flow_are_computed() -> None:
    texts = Texts(["{{ name }}"])
    assert texts.render("{{ name }}", SCOPE, Budget()) == "Ada"
    assert texts.render("a customer's words", SCOPE, Budget()) == "a customer's words"
    for work in (texts.render, texts.value, texts.render_url):
        with pytest.raises(ExpressionError, match="Only texts of the flow itself"):
            work("{{ count }}", SCOPE, Budget())


def test_values_in_an_address_cannot_change_it() -> None:
    text = "https://shop.example/{{ part }}/{{ part | upper }}?q={{ part }}"
    shown = Texts([text]).render_url(text, {"part": "../a b?x=1&y#z"}, Budget())
    assert shown == "https://shop.example/..%2Fa%20b%3Fx%3D1%26y%23z/..%2FA%20B%3FX%3D1%26Y%23Z?q=..%2Fa%20b%3Fx%3D1%26y%23z"


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("{{ a.b['c'].d }} {{ e[f].g }}", {("a", "b", "c", "d"), ("e", ANY_ITEM, "g"), ("f",)}),
        ("{% for x in xs %}{{ x.y }}{{ loop.index }}{% endfor %}{{ z | default(w) }}", {("xs",), ("z",), ("w",)}),
        ("{% set a = b %}{{ a }}{{ range(c) }}", {("b",), ("c",)}),
        ("{{ (a | first).b }}", {("a",)}),
        ("no names", set()),
    ],
)
def test_reading_names_what_a_text_reads(text: str, paths: set[tuple[str, ...]]) -> None:
    assert reading(text).paths == paths
