"""The types of expressions at edit time, and where two of them do not go together."""

import pytest

from flow_runtime.expressions import render
from flow_runtime.filters import FILTERS, FUNCTIONS
from flow_runtime.inference import Types, comparable, fits, infer
from flow_runtime.signatures import EXAMPLE_SCOPE, FILTER_SIGNATURES, FUNCTION_SIGNATURES, Signature

TYPES: Types = (
    ("name", "text"),
    ("count", "number"),
    ("flag", "boolean"),
    ("day", "date"),
    ("moment", "datetime"),
    ("tags", "list"),
    ("order", "object"),
    ("contact", "object"),
    ("contact.name", "text"),
)
SIGNATURES = [*FILTER_SIGNATURES.values(), *FUNCTION_SIGNATURES.values()]


@pytest.mark.parametrize(
    ("text", "type"),
    [
        ("{{ count + 1 }}", "number"),
        ("{{ count * 2 - 1 }}", "number"),
        ("{{ name + '!' }}", "text"),
        ("{{ name }} ", "text"),
        ("Hi {{ count }}", "text"),
        ("{{ tags }}", "list"),
        ("{{ tags + [1] }}", "list"),
        ("{{ order.items }}", "any"),
        ("{{ contact.name }}", "text"),
        ("{{ name[0] }}", "text"),
        ("{{ count > 1 and flag }}", "boolean"),
        ("{{ not name }}", "boolean"),
        ("{{ name is string }}", "boolean"),
        ("{{ tags | length }}", "number"),
        ("{{ name.upper() }}", "text"),
        ("{{ order.keys() }}", "list"),
        ("{{ day | format_date }}", "text"),
        ("{{ 'a' if flag else 'b' }}", "text"),
        ("{{ 'a' if flag else 1 }}", "any"),
        ("{{ none | default(3) }}", "number"),
        ("{{ range(3) }}", "list"),
        ("{{ {'a': 1} }}", "object"),
        ("{{ -count }}", "number"),
        ("{% set x = count %}{{ x }}", "any"),
        ("{{ unknown.thing }}", "any"),
        ("{{ name | nosuch }}", "any"),
        ("plain", "text"),
    ],
)
def test_types(text: str, type: str) -> None:
    found = infer(text, TYPES)
    assert found.type == type or (text.startswith("{%") and found.type == "text")
    assert found.mismatches == ()


@pytest.mark.parametrize(
    ("text", "message", "at", "certain"),
    [
        ("{{ day > 3 }}", "A date is compared with a number", "3", True),
        ("{{ 3 < day }}", "A number is compared with a date", "day", True),
        ("{{ day < moment and day > flag }}", "A date is compared with a yes/no value", "flag", True),
        ("{{ name > count }}", "A text is compared with a number", "count", True),
        ("{{ tags > 3 }}", "A list is compared with a number", "3", True),
        ("{{ count == 'three' }}", "A number is never equal to a text", "'three'", False),
        ("Hello {{ name | round }}", '"round" takes a number, not a text', "name", False),
        ("{{ name | abs }}", '"abs" takes a number, not a text', "name", False),
        ("{{ tags | upper }}", '"upper" takes a text or a number or a yes/no value, not a list', "tags", False),
        ("{{ count | sum }}", '"sum" takes a list, not a number', "count", True),
        ("{{ count | join }}", '"join" takes a text or a list or an object, not a number', "count", True),
        ("{{ count | format_date }}", '"format_date" takes a text or a date or a date with a time, not a number', "count", False),
        ("{{ order | format_money('EUR') }}", '"format_money" takes a text or a number, not an object', "order", True),
        ("{{ name + count }}", "A text and a number cannot be added; join texts with ~", "name", True),
        ("{{ day - 1 }}", "A date and a number cannot be calculated with '-'", "day", True),
        ("{{ count.value }}", "A number has no parts, so this is always empty", "count", False),
        ("{% for x in count %}{{ x }}{% endfor %}", "A number has no items to go through", "count", True),
        ("{% if 1 %}\n{{ -name }}{% endif %}", "A text has no sign", "-name", True),
        ("{% set total = count %}{{ total + name }}", "A number and a text cannot be added; join texts with ~", "total + name", True),
    ],
)
def test_types_that_do_not_go_together(text: str, message: str, at: str, certain: bool) -> None:
    (mismatch,) = infer(text, TYPES).mismatches
    assert (mismatch.message, mismatch.certain) == (message, certain)
    assert text[mismatch.position :].lstrip("|> ").startswith(at)


def test_what_may_be_kept_as_what() -> None:
    assert fits("text", "number")
    assert fits("number", "text")
    assert fits("any", "date")
    assert fits("date", "datetime")
    assert not fits("number", "date")
    assert not fits("list", "text")
    assert not fits("date", "number")
    assert not fits("text", "list")
    assert comparable("date", "text")
    assert not comparable("date", "number")
    assert not comparable("list", "list")


def test_every_filter_and_function_is_described() -> None:
    assert FILTER_SIGNATURES.keys() == FILTERS.keys()
    assert FUNCTION_SIGNATURES.keys() == FUNCTIONS.keys()


@pytest.mark.parametrize("signature", SIGNATURES, ids=lambda signature: signature.name)
def test_examples_show_what_they_say(signature: Signature) -> None:
    assert render(signature.example, EXAMPLE_SCOPE) == signature.shows
    assert signature.help.endswith(".")
    assert signature.to_json()["name"] == signature.name
