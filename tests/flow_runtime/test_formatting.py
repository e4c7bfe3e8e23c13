"""Dates, money, numbers, lists and plural forms as the customer writes them at home."""

import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from flow_runtime import ConversationStarted, ExpressionError, Say, load_flow, start
from flow_runtime.budget import Budget
from flow_runtime.expressions import render
from flow_runtime.locales import Manner, fallbacks, find_zone, zone
from node_library import load_library

SCOPE: dict[str, Any] = {
    "day": "2026-03-31",
    "moment": "2026-03-31T22:05:00+00:00",
    "clock": "09:05",
    "price": 1234.5,
    "words": "1234.5",
    "share": 0.256,
    "names": ["Ada", "Bob", "Cem"],
}
ENGLISH = Manner("en", "Europe/London")
GERMAN = Manner("de-AT", "Europe/Vienna")


def _shown(text: str, manner: Manner) -> str:
    """The text with the spaces that do not break written as plain ones."""
    return render(text, SCOPE, Budget(manner=manner)).replace("\u202f", " ").replace("\xa0", " ")


@pytest.mark.parametrize(
    ("text", "manner", "shown"),
    [
        ("{{ day | format_date }}", ENGLISH, "Mar 31, 2026"),
        ("{{ day | format_date('full') }}", Manner("de"), "Dienstag, 31. März 2026"),
        ("{{ day | format_date('EEEE, d MMMM') }}", Manner("fr"), "mardi, 31 mars"),
        ("{{ moment | format_date('long') }}", Manner("en", "Asia/Tokyo"), "April 1, 2026"),
        ("{{ moment | format_time }}", ENGLISH, "11:05 PM"),
        ("{{ moment | format_time }}", GERMAN, "00:05"),
        ("{{ clock | format_time }}", GERMAN, "09:05"),
        ("{{ moment | format_datetime('short') }}", Manner("de", "Europe/Berlin"), "01.04.26, 00:05"),
        ("{{ '2026-03-31T08:00:00' | format_time }}", GERMAN, "08:00"),
        ("{{ price | format_money('EUR') }}", ENGLISH, "€1,234.50"),
        ("{{ price | format_money('eur') }}", Manner("de"), "1.234,50 €"),
        ("{{ price | format_money('JPY') }}", ENGLISH, "¥1,234"),
        (
            "{{ price | format_number }} {{ words | format_number(2) }} {{ price | format_number(0) }}",
            Manner("de"),
            "1.234,5 1.234,50 1.234",
        ),
        ("{{ share | format_percent }} {{ share | format_percent(1) }}", ENGLISH, "26% 25.6%"),
        ("{{ share | format_percent(1) }}", Manner("de"), "25,6 %"),
        ("{{ names | format_list }}; {{ names | format_list('or') }}", ENGLISH, "Ada, Bob, and Cem; Ada, Bob, or Cem"),
        ("{{ names | format_list }}|{{ [] | format_list }}|", Manner("de"), "Ada, Bob und Cem||"),
        ("{{ 1 | plural('one item', '# items') }}, {{ 1200 | plural('one item', '# items') }}", ENGLISH, "one item, 1,200 items"),
        ("{{ 0 | plural('# item', '# items', zero='nothing') }}", ENGLISH, "nothing"),
        ("{{ 3 | plural('# товар', '# товаров', few='# товара', many='# товаров') }}", Manner("ru"), "3 товара"),
        ("{{ missing | format_date }}{{ missing | format_money('EUR') }}{{ '' | format_number }}|", ENGLISH, "|"),
        ("{{ price | format_number }}", Manner("no language at all", "Nowhere/Land"), "1,234.5"),
        ("{{ moment | format_time('HH:mm') }}", Manner("xx-YY", "../../etc/passwd"), "22:05"),
    ],
)
def test_values_are_written_in_the_customers_manner(text: str, manner: Manner, shown: str) -> None:
    assert _shown(text, manner) == shown


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ 'soon' | format_date }}", "This is not a date"),
        ("{{ clock | format_date }}", "This is a time without a date"),
        ("{{ day | format_time }}", "This is a date without a time"),
        ("{{ names | format_money('EUR') }}", "A list is not a number that can be written out"),
        ("{{ price | format_money('euro') }}", "A currency has three letters, such as EUR"),
        ("{{ names | format_list('xor') }}", "A list is joined by and, or, unit"),
        ("{{ day | format_date('y' * 50) }}", "A text and a number cannot be calculated with '*'"),
        ("{{ day | format_date('" + "y" * 50 + "') }}", "A pattern for dates has at most 40 characters"),
        ("{{ 1e300 | format_number }}", "A number is not a number that can be written out"),
    ],
)
def test_what_cannot_be_written_is_said(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        _shown(text, ENGLISH)
    assert caught.value.message == message


def test_zones_come_from_the_package_and_languages_fall_back() -> None:
    assert find_zone("Europe/Berlin") is not None
    assert find_zone("Europe/Atlantis") is find_zone("../secret") is find_zone("Europe") is None
    assert str(zone("Europe/Atlantis")) == "UTC"
    assert fallbacks("zh-Hant-TW") == ["zh-Hant-TW", "zh-Hant", "zh"]


def test_the_runtime_loads_no_languages_before_they_are_needed() -> None:
    code = "import sys, flow_runtime, node_library; node_library.load_library(); print('babel' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"


def test_a_flow_writes_in_its_contacts_language() -> None:
    document = {
        "schema_version": 1,
        "name": "Price",
        "triggers": [{"id": "start", "type": "conversation_start", "node": "n"}],
        "nodes": {"n": {"type": "send_message", "settings": {"text": "{{ 1234.5 | format_money('EUR') }}"}}},
        "edges": {},
    }
    began = ConversationStarted(at=datetime(2026, 1, 1, tzinfo=UTC))
    outcome = start(load_flow(document, load_library()), began, conversation_id="c", contact={"language": "de"})
    said = [effect.text for effect in outcome.effects if isinstance(effect, Say)]
    assert said == ["1.234,50\xa0€"]
