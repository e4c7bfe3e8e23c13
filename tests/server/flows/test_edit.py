"""Operations on a draft: what they change, and that undoing them brings everything back."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.flows.document import Change, Command, Document, apply, new_document, start_of, take_back
from server.flows.edit import operate, replace_all, save_step
from server.flows.library import KINDS
from server.flows.operations import Add, Connect, Delete, Move, Operation, Paste, Start
from server.flows.refusal import EditRefused


def drawn(*operations: Operation) -> Document:
    """A new flow after these operations."""
    document = new_document("Test")
    for operation in operations:
        document = apply(document, operate(document, operation, KINDS).after)
    return document


def done(document: Document, operation: Operation) -> Document:
    return apply(document, operate(document, operation, KINDS).after)


def message(name: str, x: int = 0, y: int = 0, **more: Any) -> Add:
    return Add(name, "send_message", x, y, **more)


@pytest.fixture
def pair() -> Document:
    """Two messages, one after the other."""
    return drawn(message("a"), message("b", 300), Connect("e", "a", "next", "b"))


def test_the_first_step_is_the_start_and_the_second_is_not() -> None:
    assert start_of(drawn(message("a"), message("b"))) == "a"


def test_a_new_step_has_its_types_title_and_defaults() -> None:
    step = drawn(Add("w", "wait", 10.4, 20.6))["nodes"]["w"]
    assert step["title"] == "Wait"
    assert step["settings"]["seconds"] == 5
    assert step["position"] == {"x": 10, "y": 21}


def test_a_step_pulled_from_an_output_is_connected() -> None:
    document = drawn(message("a"), message("b", source="a", port="next", edge="e"))
    assert document["edges"] == {"e": {"source": "a", "port": "next", "target": "b"}}


def test_a_step_put_on_a_connection_stands_between(pair: Document) -> None:
    document = done(pair, message("m", split="e", edge2="f"))
    assert document["edges"] == {
        "e": {"source": "a", "port": "next", "target": "m"},
        "f": {"source": "m", "port": "next", "target": "b"},
    }


def test_connecting_an_output_again_replaces_its_connection(pair: Document) -> None:
    document = done(pair, Connect("f", "a", "next", "a"))
    assert document["edges"] == {"f": {"source": "a", "port": "next", "target": "a"}}


def test_a_deleted_step_takes_its_connections_along(pair: Document) -> None:
    document = done(pair, Delete(nodes=["b"]))
    assert list(document["nodes"]) == ["a"]
    assert document["edges"] == {}


def test_when_the_start_goes_the_step_after_it_is_the_start(pair: Document) -> None:
    assert start_of(done(pair, Delete(nodes=["a"]))) == "b"
    assert start_of(done(pair, Delete(nodes=["a", "b"]))) is None


def test_pasting_copies_steps_and_what_joins_them(pair: Document) -> None:
    document = done(pair, Paste("f", ["a", "b"], {"a": "a2", "b": "b2"}, 40, 40))
    assert document["nodes"]["b2"]["position"] == {"x": 340, "y": 40}
    assert [(one["source"], one["target"]) for one in document["edges"].values()] == [("a", "b"), ("a2", "b2")]
    assert start_of(document) == "a"


def test_pasting_from_another_flow_takes_its_steps(pair: Document) -> None:
    command = operate(new_document("Other"), Paste("f", ["b"], {"b": "c"}), KINDS, copied_from=pair)
    assert command.after.nodes["c"]["type"] == "send_message"


def test_a_conversation_can_start_anywhere(pair: Document) -> None:
    assert start_of(done(pair, Start("b"))) == "b"


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        (Add("x", "no_such_type", 0, 0), "no step of the type"),
        (Add("a", "wait", 0, 0), "taken"),
        (Add("<script>", "wait", 0, 0), "letters, digits"),
        (Add("x", "wait", 1e12, 0), "too far out"),
        (Add("x", "wait", float("nan"), 0), "too far out"),
        (Add("x", "wait", 0, 0, source="a", port="gone", edge="g"), "no longer has that output"),
        (Add("x", "wait", 0, 0, split="gone", edge2="g"), "connection is gone"),
        (Connect("g", "a", "nope", "b"), "no longer has that output"),
        (Connect("g", "a", "next", "gone"), "step is gone"),
        (Connect("e", "a", "next", "a"), "taken"),
        (Paste("f", ["gone"], {"gone": "x"}), "no longer there"),
        (Paste("f", ["a", "b"], {"a": "x", "b": "x"}), "id of its own"),
        (Start("gone"), "step is gone"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(pair: Document, operation: Operation, words: str) -> None:
    with pytest.raises(EditRefused, match=words):
        operate(pair, operation, KINDS)


def test_moving_a_step_that_is_gone_changes_nothing(pair: Document) -> None:
    assert operate(pair, Move([("gone", 1, 2)]), KINDS).is_empty


def test_a_choice_that_goes_takes_its_connection_along() -> None:
    document = drawn(Add("c", "offer_choices", 0, 0), message("b"))
    choices = [{"value": "yes", "label": "Yes"}, {"value": "no", "label": "No"}]
    document = apply(document, save_step(document, "c", {"settings": {"text": "?", "choices": choices}}, KINDS).after)
    document = done(done(document, Connect("y", "c", "yes", "b")), Connect("n", "c", "no", "b"))
    command = save_step(document, "c", {"settings": {"text": "?", "choices": choices[:1]}}, KINDS)
    assert list(apply(document, command.after)["edges"]) == ["y"]
    assert apply(apply(document, command.after), command.before) == document


def test_replacing_the_whole_draft_can_be_taken_back(pair: Document) -> None:
    command = replace_all(pair, drawn(message("z")), "Restore")
    replaced = apply(pair, command.after)
    assert list(replaced["nodes"]) == ["z"]
    assert apply(replaced, command.before) == pair


def test_taking_back_leaves_what_somebody_else_changed(pair: Document) -> None:
    mine = operate(pair, Move([("a", 8, 8), ("b", 8, 8)]), KINDS)
    document = done(apply(pair, mine.after), Move([("b", 99, 99)]))
    change = take_back(document, mine.after, mine.before)
    assert list(change.nodes) == ["a"]


def test_taking_back_a_new_step_takes_the_connections_to_it_too(pair: Document) -> None:
    add = operate(pair, message("c"), KINDS)
    document = done(apply(pair, add.after), Connect("x", "b", "next", "c"))
    assert take_back(document, add.after, add.before) == Change({"c": None}, {"x": None}, {})


def test_a_connection_to_a_step_that_is_gone_does_not_come_back(pair: Document) -> None:
    cut = operate(pair, Delete(edges=["e"]), KINDS)
    document = done(apply(pair, cut.after), Delete(nodes=["b"]))
    assert take_back(document, cut.after, cut.before).edges == {}


names = st.sampled_from(["a", "b", "c", "d", "e1", "e2", "e3"])
operations = st.one_of(
    st.builds(message, names, st.integers(-99, 99), st.integers(-99, 99)),
    st.builds(Connect, names, names, st.just("next"), names),
    st.builds(Delete, st.lists(names, max_size=3), st.lists(names, max_size=3)),
    st.builds(lambda name, x: Move([(name, x, x)]), names, st.integers(-99, 99)),
    st.builds(Start, names),
    st.builds(lambda old, new: Paste("f", [old], {old: new}), names, names),
)


@given(st.lists(operations, max_size=25))
def test_undoing_everything_brings_the_first_document_back(todo: list[Operation]) -> None:
    documents, commands = [new_document("Test")], list[Command]()
    for operation in todo:
        try:
            command = operate(documents[-1], operation, KINDS)
        except EditRefused:
            continue
        commands.append(command)
        documents.append(apply(documents[-1], command.after))
        assert all({one["source"], one["target"]} <= documents[-1]["nodes"].keys() for one in documents[-1]["edges"].values())
        outputs = [(one["source"], one["port"]) for one in documents[-1]["edges"].values()]
        assert len(outputs) == len(set(outputs))
    for before, command in zip(reversed(documents[:-1]), reversed(commands), strict=True):
        change = take_back(apply(before, command.after), command.after, command.before)
        assert apply(apply(before, command.after), change) == before
