"""The form of a step: made from the JSON Schema of its settings, read back from what the browser sends, checked against the schema.

A field's widget (`x-widget`) decides which controls it has and what their names are. Lists are parallel: `rows.variable` comes once for
each row, in the order of the rows on the page, so that sorting rows needs no new names.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jsonschema
import msgspec
from litestar.datastructures import FormMultiDict

from flow_runtime.checks.wording import lacks_value, sentence
from flow_runtime.nodes import slug

OPERATORS = (
    ("is", "is"),
    ("is_not", "is not"),
    ("contains", "contains"),
    ("not_contains", "does not contain"),
    ("starts_with", "starts with"),
    ("ends_with", "ends with"),
    ("matches", "matches the pattern"),
    ("is_empty", "is empty"),
    ("is_not_empty", "is not empty"),
    ("greater", "is greater than"),
    ("greater_or_equal", "is at least"),
    ("less", "is less than"),
    ("less_or_equal", "is at most"),
    ("is_one_of", "is one of"),
)
ALWAYS_SENT = frozenset(("text", "multiline", "rich", "code", "variable", "number", "select", "duration"))
"""Widgets of which a browser always sends something; of the others nothing means empty."""

_WIDGETS_BY_TYPE = {"boolean": "switch", "number": "number", "integer": "number", "array": "list", "object": "key_value"}
UNITS = (("seconds", 1), ("minutes", 60), ("hours", 3_600), ("days", 86_400))


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form, as the macros draw it."""

    name: str
    widget: str
    title: str
    value: Any
    required: bool
    help: str = ""
    group: str = ""
    placeholder: str = ""
    show_if: str = ""
    options: Sequence[tuple[Any, str]] = ()
    minimum: float | None = None
    maximum: float | None = None
    step: str = "any"
    max_length: int | None = None
    language: str = ""
    item_title: str = ""
    error: str = ""
    problem: str = ""
    item: Mapping[str, Any] = field(default_factory=dict)
    columns: Sequence["Field"] = ()


def fields_of(
    schema: Mapping[str, Any],
    settings: Mapping[str, Any],
    errors: Mapping[str, str] | None = None,
    problems: Mapping[str, str] | None = None,
) -> list[Field]:
    """The fields of a form, in the order of the schema."""
    required = set(schema.get("required", ()))
    wrong, unfinished = errors or {}, problems or {}
    return [
        _field(name, part, settings.get(name, part.get("default")), name in required, wrong.get(name, ""), unfinished.get(name, ""))
        for name, part in schema.get("properties", {}).items()
    ]


def _field(name: str, part: Mapping[str, Any], value: Any, required: bool, error: str, problem: str) -> Field:
    condition = part.get("x-show-if")
    return Field(
        name=name,
        widget=widget_of(part),
        title=part.get("title", name.replace("_", " ").capitalize()),
        value=value,
        required=required,
        help=part.get("x-help", ""),
        group=part.get("x-group", ""),
        placeholder=part.get("x-placeholder", ""),
        show_if=msgspec.json.encode(condition).decode() if condition else "",
        options=_options(part),
        minimum=part.get("minimum"),
        maximum=part.get("maximum"),
        step="1" if part.get("type") == "integer" else "any",
        max_length=part.get("maxLength"),
        language=part.get("x-language", ""),
        item_title=part.get("x-item-title", "row"),
        error=error,
        problem=problem,
        item=part.get("items", {}),
        columns=fields_of(part.get("items", {}), {}) if widget_of(part) == "rows" else (),
    )


def widget_of(part: Mapping[str, Any]) -> str:
    """The widget a schema asks for, or the one its type suggests."""
    if "x-widget" in part:
        return str(part["x-widget"])
    if "enum" in part or "oneOf" in part:
        return "select"
    return _WIDGETS_BY_TYPE.get(part.get("type", ""), "text")


def _options(part: Mapping[str, Any]) -> list[tuple[Any, str]]:
    if "oneOf" in part:
        return [(option["const"], option.get("title", str(option["const"]))) for option in part["oneOf"]]
    titles = part.get("x-labels", {})
    return [(value, titles.get(str(value)) or _titled(str(value))) for value in part.get("enum", ())]


def _titled(value: str) -> str:
    """ "ask_again" is "Ask again"; "GET" stays."""
    return value.replace("_", " ").capitalize() if value.islower() else value


def read(schema: Mapping[str, Any], form: FormMultiDict, before: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that a form holds; a number that is none stays text, so that the check can say so. A field that was not sent stays."""
    required = set(schema.get("required", ()))
    settings: dict[str, Any] = {}
    value: Any
    for name, part in schema.get("properties", {}).items():
        if widget_of(part) in ALWAYS_SENT and name not in form and f"{name}.amount" not in form:
            settings |= {name: before[name]} if name in before else {}
            continue
        if widget_of(part) == "choices":
            value = _choices(name, form, before.get(name, ()))
        else:
            value = READERS.get(widget_of(part), _text)(name, part, form)
        if value in ("", None) and name not in required and not part.get("default"):
            continue
        settings[name] = value
    return settings


def _text(name: str, part: Mapping[str, Any], form: FormMultiDict) -> Any:
    return str(_one(form, name)).replace("\r\n", "\n")


def _one(form: FormMultiDict, name: str) -> str:
    values = form.getall(name, [])
    return str(values[-1]) if values else ""


def _all(form: FormMultiDict, name: str) -> list[str]:
    return [str(value) for value in form.getall(name, [])]


def _rows(form: FormMultiDict, name: str, *columns: str) -> Iterator[tuple[str, ...]]:
    """The rows of parallel lists; a row whose cells are all empty is one that is not filled in yet."""
    for row in zip(*(_all(form, f"{name}.{column}") for column in columns), strict=False):
        if any(cell.strip() for cell in row):
            yield row


def _number(name: str, part: Mapping[str, Any], form: FormMultiDict) -> Any:
    return as_number(_one(form, name), whole=part.get("type") == "integer")


def as_number(text: str, *, whole: bool) -> Any:
    """The number in `text`, None when it is empty, the text itself when it is none."""
    cleaned = text.strip().replace(",", ".")
    if not cleaned:
        return None
    try:
        number = float(cleaned)
    except ValueError:
        return text
    if number != number or abs(number) > 1e15:
        return text
    return int(number) if whole and number.is_integer() else number


def _switch(name: str, part: Mapping[str, Any], form: FormMultiDict) -> bool:
    return bool(form.getall(name, []))


def _select(name: str, part: Mapping[str, Any], form: FormMultiDict) -> Any:
    chosen = _one(form, name)
    return next((value for value, _ in _options(part) if str(value) == chosen), chosen)


def _choices(name: str, form: FormMultiDict, before: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """Choices keep the value they were given; a new one is named after its label.

    A row made since the form was shown sends no value: it is the stored choice with its label, or the stored choice that nobody else is.
    """
    rows = [(value.strip(), label.strip()) for value, label in _rows(form, name, "value", "label") if label.strip()]
    sent = {value for value, _ in rows if value}
    free = [choice for choice in before if choice.get("value") not in sent]
    by_label = {choice["label"]: choice["value"] for choice in free if choice.get("value")}
    named = [(value or by_label.pop(label, ""), label) for value, label in rows]
    taken = {value for value, _ in named if value}
    left = [choice["value"] for choice in free if choice.get("value") and choice["value"] not in taken]
    renamed = iter(left if len(left) == sum(not value for value, _ in named) else ())
    return [{"value": value or next(renamed, "") or _free_name(label, taken), "label": label} for value, label in named]


def _free_name(label: str, taken: set[str]) -> str:
    base = slug(label)
    name = next(candidate for candidate in _numbered(base) if candidate not in taken)
    taken.add(name)
    return name


def _numbered(base: str) -> Iterator[str]:
    yield base
    number = 2
    while True:
        yield f"{base}_{number}"
        number += 1


def _conditions(name: str, part: Mapping[str, Any], form: FormMultiDict) -> dict[str, Any]:
    rows = [_condition(*row) for row in _rows(form, name, "variable", "operator", "value") if row[0].strip() or row[2].strip()]
    return {"match": _one(form, f"{name}.match") or "all", "rows": rows}


def _condition(variable: str, operator: str, value: str) -> dict[str, str]:
    return {"variable": variable.strip(), "operator": operator, "value": value}


def _branches(name: str, part: Mapping[str, Any], form: FormMultiDict) -> list[dict[str, Any]]:
    """Branches with their rows; each row says in `of` which branch it belongs to."""
    rows: dict[str, list[dict[str, str]]] = {}
    for of, variable, operator, value in _rows(form, f"{name}.when", "of", "variable", "operator", "value"):
        if variable.strip() or value.strip():
            rows.setdefault(of, []).append(_condition(variable, operator, value))
    branches = zip(_all(form, f"{name}.name"), _all(form, f"{name}.title"), _all(form, f"{name}.match"), strict=False)
    return [
        {"name": key, "title": title.strip() or f"Branch {number}", "when": {"match": match, "rows": rows.get(key, [])}}
        for number, (key, title, match) in enumerate(branches, 1)
    ]


def _assignments(name: str, part: Mapping[str, Any], form: FormMultiDict) -> list[dict[str, str]]:
    return [{"variable": variable.strip(), "value": value} for variable, value in _rows(form, name, "variable", "value")]


def _key_value(name: str, part: Mapping[str, Any], form: FormMultiDict) -> dict[str, str]:
    return {key.strip(): value for key, value in _rows(form, name, "key", "value") if key.strip()}


def _pick(name: str, part: Mapping[str, Any], form: FormMultiDict) -> list[dict[str, str]]:
    return [{"variable": variable.strip(), "path": path.strip()} for variable, path in _rows(form, name, "variable", "path")]


def _buttons(name: str, part: Mapping[str, Any], form: FormMultiDict) -> list[dict[str, str]]:
    rows = _rows(form, name, "label", "does", "target")
    return [_button(label, does, target) for label, does, target in rows if label.strip() or target.strip()]


def _button(label: str, does: str, target: str) -> dict[str, str]:
    """A button that opens a page has its address, one that answers may have an answer of its own."""
    button = {"label": label.strip()}
    if does == "opens":
        return {**button, "url": target.strip()}
    return {**button, "value": target.strip()} if target.strip() else button


def _cards(name: str, part: Mapping[str, Any], form: FormMultiDict) -> list[dict[str, Any]]:
    """Cards with their buttons; each button says in `of` which card it belongs to. A card in which nothing was written is left out."""
    buttons: dict[str, list[dict[str, str]]] = {}
    for of, label, does, target in _rows(form, f"{name}.buttons", "of", "label", "does", "target"):
        if label.strip() or target.strip():
            buttons.setdefault(of, []).append(_button(label, does, target))
    columns = ("title", "text", "image_url", "alt")
    found = []
    for key, *cells in zip(*(_all(form, f"{name}.{column}") for column in ("key", *columns)), strict=False):
        card: dict[str, Any] = {column: cell.strip() for column, cell in zip(columns, cells, strict=True) if cell.strip()}
        if key in buttons:
            card["buttons"] = buttons[key]
        if card:
            found.append({"title": "", **card})
    return found


def _table(name: str, part: Mapping[str, Any], form: FormMultiDict) -> list[dict[str, Any]]:
    """Rows of several columns. An empty cell is left out; a row in which nothing was written is not filled in yet."""
    columns: Mapping[str, Mapping[str, Any]] = part.get("items", {}).get("properties", {})
    found = []
    for cells in _rows(form, name, *columns):
        sent = zip(columns.items(), cells, strict=True)
        row = {column: value for (column, about), cell in sent if (value := _cell(about, cell)) not in ("", None)}
        if any(widget_of(columns[column]) != "select" for column in row):
            found.append(row)
    return found


def _cell(part: Mapping[str, Any], text: str) -> Any:
    kind = widget_of(part)
    if kind == "number":
        return as_number(text, whole=part.get("type") == "integer")
    return next((value for value, _ in _options(part) if str(value) == text), text) if kind == "select" else text.strip()


def _names(name: str, part: Mapping[str, Any], form: FormMultiDict) -> list[str]:
    return list(dict.fromkeys(_all(form, name)))


def _list(name: str, part: Mapping[str, Any], form: FormMultiDict) -> list[Any]:
    items = [value.strip() for value in _all(form, name) if value.strip()]
    kind = part.get("items", {}).get("type")
    return [as_number(item, whole=kind == "integer") for item in items] if kind in ("integer", "number") else items


def _duration(name: str, part: Mapping[str, Any], form: FormMultiDict) -> Any:
    amount = as_number(_one(form, f"{name}.amount"), whole=False)
    unit = dict(UNITS).get(_one(form, f"{name}.unit"), 1)
    return round(amount * unit) if isinstance(amount, float) else amount


READERS: Mapping[str, Callable[[str, Mapping[str, Any], FormMultiDict], Any]] = {
    "number": _number,
    "switch": _switch,
    "select": _select,
    "conditions": _conditions,
    "branches": _branches,
    "assignments": _assignments,
    "key_value": _key_value,
    "pick": _pick,
    "rows": _table,
    "buttons": _buttons,
    "cards": _cards,
    "intents": _names,
    "list": _list,
    "duration": _duration,
}


def split_duration(seconds: Any) -> tuple[Any, str]:
    """Seconds as people say them: 7200 is (2, "hours")."""
    if not isinstance(seconds, int | float) or seconds <= 0:
        return ("" if seconds is None else seconds), "seconds"
    name, size = next((name, size) for name, size in reversed(UNITS) if seconds % size == 0 or size == 1)
    return round(seconds / size), name


def check(schema: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, str]:
    """A sentence for each field whose value cannot be stored. An empty field is not refused: it is a problem to mend before publishing."""
    errors: dict[str, str] = {}
    for error in jsonschema.Draft202012Validator(schema).iter_errors(dict(settings)):
        if error.absolute_path and not lacks_value(error):
            errors.setdefault(str(error.absolute_path[0]), _sentence(schema, error))
    return errors


def _sentence(schema: Mapping[str, Any], error: jsonschema.ValidationError) -> str:
    """What is wrong with a value, in words for the person who filled it in."""
    path = list(error.absolute_path)
    title = schema["properties"][path[0]].get("title", str(path[0]))
    row = next((part for part in path[1:] if isinstance(part, int)), None)
    return sentence(error, title if row is None else f"{title}, row {row + 1}")
