"""Dates, times, money, numbers, lists and plural forms as the customer writes them at home."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any, Literal

from jinja2 import ChainableUndefined

from flow_runtime.budget import current_manner
from flow_runtime.conditions import as_number
from flow_runtime.errors import ExpressionError
from flow_runtime.locales import locale, zone
from flow_runtime.printing import as_text, described, finished, items_of

STYLES = frozenset(("short", "medium", "long", "full"))
_PATTERN_CHARACTERS = 40
_CURRENCY = re.compile(r"[A-Z]{3}")
_JOINS: Mapping[str, Literal["standard", "or", "unit"]] = {"and": "standard", "or": "or", "unit": "unit"}


def _is_empty(value: Any) -> bool:
    return value is None or value == "" or isinstance(value, ChainableUndefined)


def _moment(value: Any) -> date | datetime | time:
    """A date, a moment on the customer's clock, or a time of day; one without a zone is on the customer's clock already."""
    words = as_text(value).strip()[:40]
    for read in (date.fromisoformat, _local, time.fromisoformat):
        try:
            return read(words)
        except ValueError:
            continue
    raise ExpressionError("This is not a date")


def _local(words: str) -> datetime:
    moment = datetime.fromisoformat(words)
    return moment if moment.tzinfo is None else moment.astimezone(zone(current_manner().time_zone))


def _style(style: Any) -> str:
    words = as_text(style)
    if len(words) > _PATTERN_CHARACTERS:
        raise ExpressionError(f"A pattern for dates has at most {_PATTERN_CHARACTERS} characters")
    return words


def format_date(value: Any, style: Any = "medium") -> str:
    """The day: "short", "medium", "long", "full" or a CLDR pattern such as "EEEE, d MMMM"."""
    from babel.dates import format_date

    if _is_empty(value):
        return ""
    moment = _moment(value)
    if isinstance(moment, time):
        raise ExpressionError("This is a time without a date")
    return format_date(moment, _style(style), locale(current_manner().language))


def format_time(value: Any, style: Any = "short") -> str:
    """The time of day on the customer's clock."""
    from babel.dates import format_time

    if _is_empty(value):
        return ""
    moment = _moment(value)
    if not isinstance(moment, (datetime, time)):
        raise ExpressionError("This is a date without a time")
    clock = moment.replace(tzinfo=None) if isinstance(moment, datetime) else moment
    return format_time(clock, _style(style), locale=locale(current_manner().language))


def format_datetime(value: Any, style: Any = "medium") -> str:
    """Day and time on the customer's clock."""
    from babel.dates import format_datetime

    if _is_empty(value):
        return ""
    moment = _moment(value)
    if isinstance(moment, time):
        raise ExpressionError("This is a time without a date")
    whole = moment if isinstance(moment, datetime) else datetime.combine(moment, time())
    return format_datetime(whole.replace(tzinfo=None), _style(style), locale=locale(current_manner().language))


def _decimal(value: Any) -> Decimal:
    number = as_number(value)
    if number is None or not isfinite(number) or abs(number) >= 1e24:
        raise ExpressionError(f"{described(value)} is not a number that can be written out")
    try:
        return Decimal(str(number))
    except InvalidOperation:
        raise ExpressionError("This is not a number") from None


def format_money(value: Any, currency: Any) -> str:
    """An amount with its currency (three letters, ISO 4217)."""
    from babel.numbers import format_currency

    if _is_empty(value):
        return ""
    code = as_text(currency).strip().upper()
    if not _CURRENCY.fullmatch(code):
        raise ExpressionError("A currency has three letters, such as EUR")
    return str(format_currency(_decimal(value), code, locale=locale(current_manner().language)))


def format_number(value: Any, digits: Any = None) -> str:
    """A number with the customer's separators; `digits` after the point, up to 12, as many as it has when left out."""
    from babel.numbers import format_decimal

    if _is_empty(value):
        return ""
    return str(format_decimal(_decimal(value), _pattern("#,##0", digits, 12), locale(current_manner().language)))


def format_percent(value: Any, digits: Any = 0) -> str:
    """A share: 0.25 is 25 %."""
    from babel.numbers import format_percent

    if _is_empty(value):
        return ""
    spoken = locale(current_manner().language)
    whole, _, sign = spoken.percent_formats[None].pattern.rpartition("0")
    return str(format_percent(_decimal(value), _pattern(f"{whole}0", digits, 0) + sign, spoken))


def _places(digits: Any) -> int:
    number = as_number(digits)
    return 0 if number is None else max(0, min(12, int(number)))


def _pattern(whole: str, digits: Any, most: int) -> str:
    if digits is None:
        return f"{whole}.{'#' * most}" if most else whole
    places = _places(digits)
    return f"{whole}.{'0' * places}" if places else whole


def format_list(value: Any, join: Any = "and") -> str:
    """The items with the customer's word for "and" (or "or") before the last."""
    from babel.lists import format_list

    style = _JOINS.get(as_text(join))
    if style is None:
        raise ExpressionError(f"A list is joined by {', '.join(_JOINS)}")
    texts = [finished(item) for item in items_of(value)]
    return format_list(texts, style, locale(current_manner().language)) if texts else ""


def plural(value: Any, one: Any, other: Any, *, zero: Any = None, two: Any = None, few: Any = None, many: Any = None) -> str:
    """The form for that many, by the rules of the customer's language; # in it becomes the number. `zero` is for exactly none."""
    number = _decimal(0 if _is_empty(value) else value)
    if number == 0 and zero is not None:
        form = zero
    else:
        forms: Mapping[str, Any] = {"one": one, "two": two, "few": few, "many": many}
        form = forms.get(locale(current_manner().language).plural_form(abs(number)))
    chosen = as_text(other if form is None else form)
    return chosen.replace("#", format_number(value if not _is_empty(value) else 0)) if "#" in chosen else chosen


FORMATTERS: Mapping[str, Callable[..., Any]] = {
    "format_date": format_date,
    "format_time": format_time,
    "format_datetime": format_datetime,
    "format_money": format_money,
    "format_number": format_number,
    "format_percent": format_percent,
    "format_list": format_list,
    "plural": plural,
}
"""Filters whose result depends on the customer's language and time zone."""
