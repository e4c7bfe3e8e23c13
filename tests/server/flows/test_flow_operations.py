"""Operations on the flow as a whole: variables, triggers, languages, settings, inputs and outputs, failures."""

from typing import Any

import msgspec
import pytest

from flow_runtime import problems_of
from server.flows.document import Document, apply, new_document, take_back
from server.flows.edit import operate
from server.flows.error_policy import SetErrorPolicy
from server.flows.flow_settings import Input, Output, SetInterface, SetSettings
from server.flows.languages import SetLanguages, SetTranslation, customer_texts, missing
from server.flows.library import KINDS, library
from server.flows.operations import Operation
from server.flows.problems import SHAPE
from server.flows.refusal import EditRefused
from server.flows.triggers import DeleteTrigger, SetTrigger
from server.flows.variables import DeleteVariable, RenameVariable, SetVariable, uses


@pytest.fixture
def flow() -> Document:
    """Asks for a city, then says its name."""
    document = new_document("Test")
    for name, kind, settings in (
        ("ask", "ask_question", {"text": "Which city?", "save_as": "city"}),
        ("say", "send_message", {"text": "{{ city }} is nice. {{ city.name }}"}),
        ("test", "branch", {"branches": [branch("city"), branch("city.name"), branch("other")]}),
        ("call", "http_request", {"url": "https://shop.example/{{ city }}", "save_as": "shop"}),
    ):
        step = {"type": kind, "title": name.title(), "settings": settings, "position": {"x": 0, "y": 0}, "on_error": {"do": "stop"}}
        document["nodes"][name] = step
    document["triggers"] = [{"id": "start", "type": "conversation_start", "node": "ask"}]
    return document


def branch(variable: str) -> dict[str, Any]:
    return {"name": variable, "title": variable, "when": {"rows": [{"variable": variable, "operator": "is", "value": "city"}]}}


def done(document: Document, *operations: Operation) -> Document:
    """The document after them, each taken back and done again on the way, and a document still."""
    for operation in operations:
        command = operate(document, operation, KINDS)
        after = apply(document, command.after)
        back = apply(after, take_back(after, command.after, command.before))
        assert without_empty(back) == without_empty(document)
        assert [problem for problem in problems_of(after, library()) if problem.code in SHAPE] == []
        document = after
    return document


def without_empty(value: Any) -> Any:
    """The document without the maps that undoing leaves empty."""
    if not isinstance(value, dict):
        return value
    left = {name: without_empty(part) for name, part in value.items()}
    return {name: part for name, part in left.items() if part != {}}


def refused(document: Document, operation: Operation) -> tuple[str, str]:
    """The field and the words of the refusal."""
    with pytest.raises(EditRefused) as refusal:
        operate(document, operation, KINDS)
    return refusal.value.field, str(refusal.value)


def test_a_variable_is_declared_changed_and_taken_away(flow: Document) -> None:
    document = done(flow, SetVariable("city", scope="contact", personal=True), SetVariable("city", type="list", default=["Rome"]))
    assert document["variables"]["city"] == {"type": "list", "scope": "flow", "default": ["Rome"], "personal": False, "description": ""}
    assert done(document, SetInterface([Input("city")]), DeleteVariable("city"))["interface"]["inputs"] == []
    assert refused(flow, SetVariable("2x"))[0] == "name"
    assert "Chatloom uses itself" in refused(flow, SetVariable("message"))[1]


def test_where_a_variable_is_set_and_read(flow: Document) -> None:
    found = uses(done(flow, SetVariable("unused"), SetSettings({"fallback_text": "Sorry, {{ city }}"})), KINDS)
    assert found.keys() == {"city", "shop", "other", "unused"}
    assert [place.node for place in found["city"].set] == ["ask"]
    assert [place.node for place in found["city"].read] == ["say", "test", "call", None]
    assert (found["unused"].set, found["unused"].read) == ([], [])


def test_a_variable_is_renamed_wherever_it_stands(flow: Document) -> None:
    document = done(
        flow,
        SetVariable("city"),
        SetLanguages("en", ["de"]),
        SetTranslation("de", {"{{ city }} is nice. {{ city.name }}": "{{ city }} ist schön."}),
        SetTrigger({"id": "t", "type": "event", "name": "moved", "save_as": "city", "node": "say"}),
        SetInterface([Input("city", True)], [Output("city")]),
        SetSettings({"fallback_text": "Sorry, {{ city }}"}),
        RenameVariable("city", "town"),
    )
    settings = {name: step["settings"] for name, step in document["nodes"].items()}
    assert settings["ask"]["save_as"] == "town"
    assert settings["say"]["text"] == "{{ town }} is nice. {{ town.name }}"
    rows = [one["when"]["rows"][0] for one in settings["test"]["branches"]]
    assert [row["variable"] for row in rows] == ["town", "town.name", "other"]
    assert {row["value"] for row in rows} == {"city"}
    assert settings["call"]["url"] == "https://shop.example/{{ town }}"
    assert document["variables"].keys() == {"town"}
    assert document["languages"]["texts"]["de"] == {"{{ town }} is nice. {{ town.name }}": "{{ town }} ist schön."}
    assert document["triggers"][1]["save_as"] == "town"
    assert document["interface"] == {"inputs": [{"name": "town", "required": True}], "outputs": [{"name": "town"}]}
    assert document["settings"]["fallback_text"] == "Sorry, {{ town }}"
    assert uses(document, KINDS).keys() == {"town", "shop", "other"}


def test_a_variable_does_not_get_a_name_that_is_taken(flow: Document) -> None:
    assert "already" in refused(flow, RenameVariable("city", "shop"))[1]
    assert operate(flow, RenameVariable("city", "city"), KINDS).is_empty


GOOD_TRIGGERS: list[dict[str, Any]] = [
    {"type": "intent", "intents": ["refund"], "when": "always", "returns": True},
    {"type": "keyword", "words": ["help me", "hilfe"], "match": "contains", "returns": False},
    {"type": "command", "command": "human", "words": ["agent"], "returns": True},
    {"type": "command", "command": "restart", "words": ["restart"]},
    {"type": "postback", "value": "menu", "returns": True},
    {"type": "event", "name": "paid", "save_as": "payment", "returns": True},
    {"type": "schedule", "cron": "0 9 * * 1-5", "audience": "open", "time_zone": "Europe/Berlin", "returns": True},
    {"type": "inactivity", "after_s": 600, "times": 2, "returns": True},
    {"type": "error"},
]


@pytest.mark.parametrize("trigger", GOOD_TRIGGERS, ids=lambda trigger: trigger["type"])
def test_a_trigger_is_set_changed_and_taken_away(flow: Document, trigger: dict[str, Any]) -> None:
    whole = {"id": "t-1", "node": "say", **trigger}
    document = done(flow, SetTrigger(whole))
    assert document["triggers"] == [flow["triggers"][0], whole]
    moved = done(document, SetTrigger({**whole, "node": "ask"}))
    assert [one["node"] for one in moved["triggers"]] == ["ask", "ask"]
    assert done(moved, DeleteTrigger("t-1"))["triggers"] == flow["triggers"]


BAD_TRIGGERS: list[tuple[dict[str, Any], str]] = [
    ({"type": "telepathy"}, "type"),
    ({"type": "conversation_start"}, "type"),
    ({"type": "intent", "intents": []}, "intents"),
    ({"type": "keyword", "words": ["  "]}, "words"),
    ({"type": "keyword", "words": ["("], "match": "pattern"}, "words"),
    ({"type": "keyword", "words": ["a"], "match": "sounds like"}, "match"),
    ({"type": "command", "command": "dance", "words": ["a"]}, "command"),
    ({"type": "postback"}, "value"),
    ({"type": "event", "name": "x", "save_as": "1"}, "save_as"),
    ({"type": "schedule", "cron": "0 25 * * *"}, "cron"),
    ({"type": "schedule", "cron": "0 9 * *"}, "cron"),
    ({"type": "schedule", "cron": "0 9 * * *", "time_zone": "Mars/Olympus"}, "time_zone"),
    ({"type": "inactivity", "after_s": 0}, "after_s"),
    ({"type": "inactivity", "after_s": 60, "times": 99}, "times"),
    ({"type": "error", "node": "gone"}, "node"),
    ({"type": "error", "id": "a b"}, "id"),
]


@pytest.mark.parametrize(("trigger", "field"), BAD_TRIGGERS, ids=lambda part: str(part))
def test_a_trigger_that_cannot_be_is_refused_at_its_field(flow: Document, trigger: dict[str, Any], field: str) -> None:
    assert refused(flow, SetTrigger({"id": "t-1", "node": "say", **trigger}))[0] == field


def test_a_step_that_goes_takes_its_triggers_along(flow: Document) -> None:
    document = done(flow, SetTrigger({"id": "t", "type": "error", "node": "say"}))
    deleted = operate(document, msgspec.convert({"op": "delete", "nodes": ["say"]}, Operation), KINDS)  # type: ignore[call-overload]
    assert apply(document, deleted.after)["triggers"] == flow["triggers"]


def test_languages_and_translations(flow: Document) -> None:
    document = done(flow, SetLanguages("en", ["de", "pt_br", "en"]), SetTranslation("de", {"Which city?": "Welche Stadt?"}))
    assert document["languages"]["others"] == ["de", "pt-BR"]
    texts = customer_texts(document, KINDS)
    assert [text.text for text in texts][:2] == ["Which city?", "{{ city }} is nice. {{ city.name }}"]
    assert "Which city?" in missing(document, "pt-BR", texts)
    assert "Which city?" not in missing(document, "de", texts)
    emptied = done(document, SetTranslation("de", {"Which city?": "  "}))
    assert "Which city?" in missing(emptied, "de", texts)
    assert "texts" not in done(document, SetLanguages("en", ["pt-BR"]))["languages"]
    assert refused(document, SetTranslation("fr", {"a": "b"}))[0] == "language"
    assert refused(document, SetLanguages("not a language"))[0] == "language"


def test_a_text_that_is_changed_takes_its_translation_along(flow: Document) -> None:
    from server.flows.edit import save_step

    document = done(flow, SetLanguages("en", ["de"]), SetTranslation("de", {"Which city?": "Welche Stadt?"}))
    command = save_step(document, "ask", {"settings": {"text": "Which town?", "save_as": "city"}}, KINDS)
    assert apply(document, command.after)["languages"]["texts"]["de"] == {"Which town?": "Welche Stadt?"}
    twice = {**document, "nodes": {**document["nodes"], "again": document["nodes"]["ask"]}}
    command = save_step(twice, "ask", {"settings": {"text": "Which town?", "save_as": "city"}}, KINDS)
    assert apply(twice, command.after)["languages"]["texts"]["de"] == {"Which city?": "Welche Stadt?"}


def test_settings(flow: Document) -> None:
    quiet = {"from": "22:00", "to": "07:00"}
    given = {"typing_ms": 800, "turn_budget_usd": 0.05, "time_zone": "Europe/Berlin", "quiet_hours": quiet, "fallback_text": "Oh."}
    document = done(flow, SetSettings(given))
    assert document["settings"] == given
    assert done(document, SetSettings(dict.fromkeys(given)))["settings"] == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("typing_ms", 60_000),
        ("typing_ms", True),
        ("turn_budget_usd", 0),
        ("turn_budget_usd", "much"),
        ("time_zone", "Nowhere"),
        ("quiet_hours", {"from": "22:00"}),
        ("quiet_hours", {"from": "7:00", "to": "9:00"}),
        ("quiet_hours", {"from": "07:00", "to": "07:00"}),
        ("fallback_text", "x" * 2001),
        ("colour", "red"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(flow: Document, name: str, value: Any) -> None:
    assert refused(flow, SetSettings({name: value}))[0] == name


def test_inputs_and_outputs_are_declared_variables(flow: Document) -> None:
    document = done(flow, SetVariable("city"), SetInterface([Input("city", True)], [Output("city")]))
    assert document["interface"]["inputs"] == [{"name": "city", "required": True}]
    assert refused(document, SetInterface([Input("shop")]))[0] == "inputs"
    assert refused(document, SetInterface([], [Output("city"), Output("city")]))[0] == "outputs"


def test_what_a_step_does_when_something_goes_wrong(flow: Document) -> None:
    document = done(flow, SetErrorPolicy("call", "default", "none", 3, 2.5, 20))
    step = document["nodes"]["call"]
    assert step["on_error"] == {"do": "default", "value": "none", "retry": {"times": 3, "pause_s": 2.5}}
    assert step["timeout_s"] == 20
    assert "timeout_s" not in done(document, SetErrorPolicy("call"))["nodes"]["call"]
    assert refused(flow, SetErrorPolicy("call", retry_times=9))[0] == "step_retry_times"
    assert refused(flow, SetErrorPolicy("call", retry_pause_s=999))[0] == "step_retry_pause"
    assert refused(flow, SetErrorPolicy("call", timeout_s=-1))[0] == "step_timeout"


def test_two_variables_of_two_people_do_not_touch(flow: Document) -> None:
    one, other = (operate(flow, SetVariable(name), KINDS).after for name in ("one", "other"))
    whole = operate(flow, RenameVariable("city", "town"), KINDS).after
    assert not one.touches(other)
    assert one.touches(operate(flow, SetVariable("one", type="list"), KINDS).after)
    assert not one.touches(whole)
    assert operate(flow, SetLanguages("en", ["de"]), KINDS).after.touches(
        operate(done(flow, SetLanguages("en", ["de"])), SetTranslation("de", {"a/b~": "c"}), KINDS).after
    )
