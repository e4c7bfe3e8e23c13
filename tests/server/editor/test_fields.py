"""Every widget: what its controls send becomes the setting it stands for."""

from typing import Any

import pytest
from litestar.datastructures import FormMultiDict

from node_library.widgets import SHAPES, with_shapes
from server.editor.fields import check, fields_of, read, split_duration


def schema(widget: str, **more: Any) -> dict[str, Any]:
    """Settings with one field `f` of this widget."""
    return with_shapes({"properties": {"f": {"x-widget": widget, **more}}})


def sent(**values: Any) -> FormMultiDict:
    """A form with names that start with `f`: `f__key` is `f.key`."""
    pairs = [(name.replace("__", "."), value) for name, value in values.items()]
    return FormMultiDict([(name, one) for name, value in pairs for one in (value if isinstance(value, list) else [value])])


TABLE = {
    "items": {
        "required": ["name"],
        "properties": {
            "name": {"title": "Name", "x-widget": "variable"},
            "kind": {"title": "Kind", "enum": ["text", "number"], "default": "text", "x-widget": "select"},
            "most": {"type": "integer", "title": "At most", "x-widget": "number"},
        },
    }
}


def test_a_table_has_rows_of_what_was_written() -> None:
    cells = {"f__name": ["age ", "", "city"], "f__kind": ["number", "text", "text"], "f__most": ["120", "", ""]}
    rows = [{"name": "age", "kind": "number", "most": 120}, {"name": "city", "kind": "text"}]
    assert read(schema("rows", **TABLE), sent(**cells), {}) == {"f": rows}
    assert check(schema("rows", **TABLE), {"f": rows}) == {}
    assert check(schema("rows", title="Fields", **TABLE), {"f": [{"name": "not a name"}]})["f"].startswith('"Fields, row 1"')


def test_a_table_is_drawn_by_its_columns() -> None:
    (table,) = fields_of(schema("rows", **TABLE), {})
    assert [(column.name, column.widget, column.value, column.required) for column in table.columns] == [
        ("name", "variable", None, True),
        ("kind", "select", "text", False),
        ("most", "number", None, False),
    ]


@pytest.mark.parametrize(
    ("widget", "form", "value"),
    [
        ("text", {"f": "a\r\nb"}, "a\nb"),
        ("rich", {"f": "Hi {{ name }}"}, "Hi {{ name }}"),
        ("code", {"f": "x = 1"}, "x = 1"),
        ("variable", {"f": "order_id"}, "order_id"),
        ("number", {"f": "2,5"}, 2.5),
        ("number", {"f": "many"}, "many"),
        ("number", {"f": "nan"}, "nan"),
        ("switch", {"f": "true"}, True),
        ("switch", {}, False),
        ("duration", {"f__amount": "2", "f__unit": "hours"}, 7_200),
        ("list", {"f": ["a", " ", "b"]}, ["a", "b"]),
        ("intents", {"f": ["a", "b", "a"]}, ["a", "b"]),
        ("key_value", {"f__key": ["a", "", "c"], "f__value": ["1", "2", ""]}, {"a": "1", "c": ""}),
        ("pick", {"f__variable": ["x", ""], "f__path": ["a.b", ""]}, [{"variable": "x", "path": "a.b"}]),
        ("assignments", {"f__variable": ["x"], "f__value": ["{{ y }}"]}, [{"variable": "x", "value": "{{ y }}"}]),
        (
            "buttons",
            {
                "f__label": ["Yes", "Site", "More", ""],
                "f__does": ["answers", "opens", "answers", "answers"],
                "f__target": ["", "https://a.example", "more", " "],
            },
            [{"label": "Yes"}, {"label": "Site", "url": "https://a.example"}, {"label": "More", "value": "more"}],
        ),
        (
            "cards",
            {
                "f__key": ["1", "r2", "r3"],
                "f__title": ["Red", "", ""],
                "f__text": ["49", "", ""],
                "f__image_url": ["", "", ""],
                "f__alt": ["", "", ""],
                "f__buttons__of": ["1", "1", "r2"],
                "f__buttons__label": ["Take", "", "See"],
                "f__buttons__does": ["answers", "answers", "opens"],
                "f__buttons__target": ["red", "", ""],
            },
            [
                {"title": "Red", "text": "49", "buttons": [{"label": "Take", "value": "red"}]},
                {"title": "", "buttons": [{"label": "See", "url": ""}]},
            ],
        ),
        (
            "choices",
            {"f__value": ["", ""], "f__label": ["Yes", "Yes"]},
            [{"value": "yes", "label": "Yes"}, {"value": "yes_2", "label": "Yes"}],
        ),
        (
            "conditions",
            {"f__match": "any", "f__variable": ["x", ""], "f__operator": ["is_empty", "is"], "f__value": ["", ""]},
            {"match": "any", "rows": [{"variable": "x", "operator": "is_empty", "value": ""}]},
        ),
    ],
)
def test_what_is_sent_is_what_is_meant(widget: str, form: dict[str, Any], value: Any) -> None:
    assert read(schema(widget), sent(**form), {}) == {"f": value}


def test_an_empty_field_that_is_not_needed_is_left_out() -> None:
    assert read(schema("text"), sent(f=""), {}) == {}
    assert read({**schema("text"), "required": ["f"]}, sent(f=""), {}) == {"f": ""}
    assert read(schema("text", default="x"), sent(f=""), {}) == {"f": ""}


def test_a_field_that_was_not_sent_stays() -> None:
    assert read(schema("text"), sent(), {"f": "kept"}) == {"f": "kept"}


def test_whole_numbers_and_options_keep_their_type() -> None:
    assert read(schema("number", type="integer"), sent(f="3"), {}) == {"f": 3}
    assert read(schema("number", type="integer"), sent(f="3.5"), {}) == {"f": 3.5}
    assert read(schema("select", enum=[1, 2]), sent(f="2"), {}) == {"f": 2}


def test_empty_is_a_problem_for_later_and_wrong_is_one_now() -> None:
    needed = {**schema("rich", pattern=r"\S"), "required": ["f"]}
    assert check(needed, {"f": ""}) == {}
    assert check(needed, {}) == {}
    assert check(schema("number", title="Tries", maximum=5), {"f": 9}) == {"f": '"Tries" must be 5 or less.'}
    assert list(check(schema("variable"), {"f": "not a name!"})) == ["f"]
    assert check(schema("choices", title="Choices"), {"f": [{"label": "x" * 300}]})["f"].startswith('"Choices, row 1"')


def test_every_widget_has_a_field() -> None:
    for widget in SHAPES:
        (field,) = fields_of(schema(widget), {})
        assert field.widget == widget


def test_durations_are_said_as_people_say_them() -> None:
    assert split_duration(5) == (5, "seconds")
    assert split_duration(90) == (90, "seconds")
    assert split_duration(120) == (2, "minutes")
    assert split_duration(86_400) == (1, "days")
    assert split_duration(None) == ("", "seconds")
    assert split_duration("x") == ("x", "seconds")
