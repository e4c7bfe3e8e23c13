"""What each filter and function of an expression takes and gives, with a sentence and an example: for completion, types and docs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Type = Literal["text", "number", "boolean", "date", "datetime", "list", "object", "file", "nothing", "any"]

WRITTEN: frozenset[Type] = frozenset(("text", "number", "boolean", "date", "datetime", "nothing"))
COUNTED: frozenset[Type] = frozenset(("number", "nothing"))
MOMENTS: frozenset[Type] = frozenset(("date", "datetime", "text", "nothing"))
LISTED: frozenset[Type] = frozenset(("list", "nothing"))
KEYED: frozenset[Type] = frozenset(("object", "file", "nothing"))
HELD: frozenset[Type] = LISTED | KEYED | {"text"}
ANYTHING: frozenset[Type] = WRITTEN | LISTED | KEYED


@dataclass(frozen=True, slots=True)
class Signature:
    """A filter or function: the arguments as written, the types it takes, the type it gives, what it is for and an example.

    `strict`: a value of another type makes it fail; otherwise the result only makes little sense.
    """

    name: str
    arguments: str
    takes: frozenset[Type]
    gives: Type
    help: str
    example: str
    shows: str
    strict: bool = False

    def to_json(self) -> dict[str, Any]:
        """For the editor's completion."""
        return {
            "name": self.name,
            "arguments": self.arguments,
            "takes": sorted(self.takes - {"nothing"}),
            "gives": self.gives,
            "help": self.help,
            "example": self.example,
            "shows": self.shows,
        }


EXAMPLE_SCOPE: Mapping[str, Any] = {
    "name": "ada",
    "price": 1234.5,
    "share": 0.25,
    "count": 3,
    "day": "2026-03-31",
    "moment": "2026-03-31T09:05:00+00:00",
    "tags": ["red", "blue"],
    "items": [{"name": "Pot", "price": 20}, {"name": "Tea", "price": 4}],
    "order": {"id": 7, "status": "sent"},
}
"""The variables that the examples use."""


def _texts() -> tuple[Signature, ...]:
    return (
        Signature("upper", "", WRITTEN, "text", "In capital letters.", "{{ name | upper }}", "ADA"),
        Signature("lower", "", WRITTEN, "text", "In small letters.", "{{ 'ADA' | lower }}", "ada"),
        Signature("capitalize", "", WRITTEN, "text", "With a capital first letter.", "{{ name | capitalize }}", "Ada"),
        Signature("title", "", WRITTEN, "text", "With a capital letter at each word.", "{{ 'ada king' | title }}", "Ada King"),
        Signature("trim", "", WRITTEN, "text", "Without spaces at both ends.", "{{ ' ada ' | trim }}", "ada"),
        Signature("replace", "(old, new)", WRITTEN, "text", "With one text in place of another.", "{{ 'a-b' | replace('-', '+') }}", "a+b"),
        Signature(
            "truncate", "(length, end='…')", WRITTEN, "text", "At most so many characters.", "{{ 'chatloom' | truncate(4) }}", "chat…"
        ),
        Signature("split", "(separator)", WRITTEN, "list", "The parts between the separators.", "{{ 'a,b' | split(',') | last }}", "b"),
        Signature("startswith", "(start)", WRITTEN, "boolean", "Whether it begins so.", "{{ name | startswith('a') }}", "true"),
        Signature("endswith", "(end)", WRITTEN, "boolean", "Whether it ends so.", "{{ name | endswith('x') }}", "false"),
        Signature("string", "", ANYTHING, "text", "As text.", "{{ count | string ~ '!' }}", "3!"),
        Signature("json", "", ANYTHING, "text", "As JSON.", "{{ tags | json }}", '["red", "blue"]'),
    )


def _numbers() -> tuple[Signature, ...]:
    return (
        Signature("int", "(default=0)", WRITTEN, "number", "The whole number in a text.", "{{ '7' | int + 1 }}", "8"),
        Signature("float", "(default=0)", WRITTEN, "number", "The number in a text.", "{{ '2.5' | float * 2 }}", "5"),
        Signature("round", "(digits=0)", COUNTED, "number", "Rounded to so many digits.", "{{ 2.345 | round(2) }}", "2.35"),
        Signature("abs", "", COUNTED, "number", "Without its sign.", "{{ -3 | abs }}", "3", strict=True),
    )


def _lists() -> tuple[Signature, ...]:
    return (
        Signature("length", "", HELD, "number", "How many items or characters.", "{{ tags | length }}", "2"),
        Signature("count", "", HELD, "number", "The same as length.", "{{ items | count }}", "2"),
        Signature("first", "", HELD, "any", "The first item.", "{{ tags | first }}", "red"),
        Signature("last", "", HELD, "any", "The last item.", "{{ tags | last }}", "blue"),
        Signature(
            "join", "(separator=', ')", HELD, "text", "The items in one text.", "{{ tags | join(' & ') }}", "red & blue", strict=True
        ),
        Signature(
            "sort",
            "(field, reverse=false)",
            HELD,
            "list",
            "In order.",
            "{{ items | sort('price') | pluck('name') }}",
            "Tea, Pot",
            strict=True,
        ),
        Signature("unique", "", HELD, "list", "Each item once.", "{{ [1, 1, 2] | unique }}", "1, 2", strict=True),
        Signature("list", "", HELD, "list", "As a list.", "{{ range(3) | list }}", "0, 1, 2", strict=True),
        Signature("pluck", "(field)", HELD, "list", "One field of each item.", "{{ items | pluck('name') }}", "Pot, Tea", strict=True),
        Signature(
            "where",
            "(field, value)",
            HELD,
            "list",
            "The items with that field.",
            "{{ items | where('name', 'Tea') | length }}",
            "1",
            strict=True,
        ),
        Signature("sum", "", LISTED, "number", "The numbers added up.", "{{ items | pluck('price') | sum }}", "24", strict=True),
        Signature("min", "", HELD, "any", "The smallest item.", "{{ [3, 1] | min }}", "1", strict=True),
        Signature("max", "", HELD, "any", "The largest item.", "{{ [3, 1] | max }}", "3", strict=True),
        Signature("contains", "(part)", ANYTHING, "boolean", "Whether it is in there.", "{{ tags | contains('red') }}", "true"),
        Signature("keys", "", KEYED, "list", "The names of the fields.", "{{ order | keys }}", "id, status"),
        Signature("values", "", KEYED, "list", "The values of the fields.", "{{ order | values }}", "7, sent"),
        Signature("pairs", "", KEYED, "list", "Names and values.", "{{ order | pairs | last | first }}", "status"),
        Signature("get", "(field, default)", KEYED, "any", "One field.", "{{ order | get('status') }}", "sent"),
        Signature(
            "default", "(other)", ANYTHING, "any", "Something else when it is empty.", "{{ nickname | default('friend') }}", "friend"
        ),
        Signature("d", "(other)", ANYTHING, "any", "The same as default.", "{{ nickname | d('friend') }}", "friend"),
    )


def _formats() -> tuple[Signature, ...]:
    amounts: frozenset[Type] = frozenset(("number", "text", "nothing"))
    return (
        Signature(
            "date", "(pattern='%Y-%m-%d')", MOMENTS, "text", "A day in a form of your own.", "{{ day | date('%d.%m.%Y') }}", "31.03.2026"
        ),
        Signature(
            "format_date",
            "(style='medium')",
            MOMENTS,
            "text",
            "A day as the customer writes it: short, medium, long, full.",
            "{{ day | format_date('long') }}",
            "March 31, 2026",
        ),
        Signature(
            "format_time",
            "(style='short')",
            MOMENTS,
            "text",
            "The time on the customer's clock.",
            "{{ moment | format_time('HH:mm') }}",
            "09:05",
        ),
        Signature(
            "format_datetime",
            "(style='medium')",
            MOMENTS,
            "text",
            "Day and time on the customer's clock.",
            "{{ moment | format_datetime('d MMM, HH:mm') }}",
            "31 Mar, 09:05",
        ),
        Signature(
            "format_money",
            "(currency)",
            amounts,
            "text",
            "An amount with its currency.",
            "{{ price | format_money('EUR') }}",
            "€1,234.50",
            strict=True,
        ),
        Signature(
            "format_number",
            "(digits)",
            amounts,
            "text",
            "A number with the customer's separators.",
            "{{ price | format_number(2) }}",
            "1,234.50",
            strict=True,
        ),
        Signature(
            "format_percent", "(digits=0)", amounts, "text", "A share in percent.", "{{ share | format_percent }}", "25%", strict=True
        ),
        Signature(
            "format_list",
            "(join='and')",
            HELD,
            "text",
            'The items with "and" or "or" before the last.',
            "{{ tags | format_list('or') }}",
            "red or blue",
            strict=True,
        ),
        Signature(
            "plural",
            "(one, other, zero=, two=, few=, many=)",
            amounts,
            "text",
            "The form for that many; # becomes the number.",
            "{{ count | plural('# item', '# items') }}",
            "3 items",
            strict=True,
        ),
    )


FILTER_SIGNATURES: Mapping[str, Signature] = {signature.name: signature for signature in (*_texts(), *_numbers(), *_lists(), *_formats())}
"""What stands behind a `|`."""

FUNCTION_SIGNATURES: Mapping[str, Signature] = {
    signature.name: signature
    for signature in (
        Signature("range", "(count)", COUNTED, "list", "The numbers from 0 up.", "{{ range(3) | join(' ') }}", "0 1 2"),
        Signature("min", "(a, b, ...)", ANYTHING, "any", "The smallest.", "{{ min(3, 1) }}", "1"),
        Signature("max", "(a, b, ...)", ANYTHING, "any", "The largest.", "{{ max(3, 1) }}", "3"),
    )
}
"""What may be called by name."""
