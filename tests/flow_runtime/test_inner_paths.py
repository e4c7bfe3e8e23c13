"""Problems of paths inside a node, and of what a channel cannot show: on nodes that stand for those of the library."""

from typing import Any

import pytest

from flow_runtime import ChannelLimits, Surroundings, problems_of
from node_library import load_library
from tests.flow_runtime.example_nodes import ExampleNode

ASK = {"type": "ask_question", "settings": {"text": "Name?", "save_as": "name"}}
SAY = {"type": "send_message", "settings": {"text": "Hi {{ contact.name }}"}}


def _problems(kind: ExampleNode, edges: list[tuple[str, str, str]], channel: ChannelLimits | None = None, **settings: Any) -> list[Any]:
    example = {"type": kind.type, "settings": {"ref": "x", **settings}}
    nodes = {"n": example, "m": example, "ask": ASK, "hi": SAY, "more": SAY}
    document = {
        "schema_version": 2,
        "name": "Inner",
        "triggers": [{"id": "start", "type": "conversation_start", "node": "n"}],
        "nodes": {name: node for name, node in nodes.items() if name == "n" or any(name in edge for edge in edges)},
        "edges": {f"e{i}": {"source": source, "port": port, "target": target} for i, (source, port, target) in enumerate(edges)},
    }
    around = Surroundings({}, channels=[channel]) if channel is not None else None
    found = problems_of(document, {**load_library(), kind.type: kind}, around)
    return [(problem.code, problem.node_id, problem.field) for problem in found]


BRANCHES = ExampleNode("run_parallel", "x", names=("a", "b", "done"))
EACH = ExampleNode("for_each", "x", names=("each", "done"))


def test_a_branch_that_waits_for_the_customer() -> None:
    asked = [("n", "a", "ask"), ("n", "b", "hi"), ("n", "done", "more"), ("ask", "next", "hi")]
    assert _problems(BRANCHES, asked) == [("waiting_branch", "ask", None)]
    assert _problems(BRANCHES, [("n", "a", "hi"), ("n", "b", "hi"), ("n", "done", "more")]) == []


def test_a_body_may_end_or_lead_back_to_its_list() -> None:
    assert _problems(EACH, [("n", "each", "hi"), ("n", "done", "more")]) == []
    assert _problems(EACH, [("n", "each", "hi"), ("hi", "next", "n"), ("n", "done", "more")]) == []


def test_an_inner_body_that_begins_the_outer_list_again() -> None:
    within = [("n", "each", "m"), ("n", "done", "more")]
    assert _problems(EACH, [*within, ("m", "each", "hi"), ("m", "done", "n")]) == []
    assert _problems(EACH, [*within, ("m", "each", "hi"), ("hi", "next", "n")]) == [("endless_body", "hi", None)]
    assert _problems(EACH, [*within, ("m", "each", "n")]) == [("endless_body", "m", "ports.each")]


CARDS = ExampleNode("cards", "x")
CARD = {"title": "Tea", "buttons": [{"label": "Buy"}, {"label": "More"}]}


@pytest.mark.parametrize(
    ("limits", "settings", "problem"),
    [
        ({"cards": 0}, {"cards": [CARD]}, ("card_not_shown", "n", "cards")),
        ({"cards": 1}, {"cards": [CARD, CARD]}, ("card_not_shown", "n", "cards")),
        ({"card_buttons": 1}, {"cards": [CARD]}, ("too_many_buttons", "n", "cards.0.buttons")),
        ({"media": frozenset(("image",))}, {"media": [{"kind": "video"}]}, ("media_not_shown", "n", "media.0")),
    ],
)
def test_what_a_channel_cannot_show(limits: dict[str, Any], settings: dict[str, Any], problem: tuple[str, str, str]) -> None:
    assert _problems(CARDS, [("n", "next", "hi")], ChannelLimits("sms", "SMS", **limits), **settings) == [problem]
    assert _problems(CARDS, [("n", "next", "hi")], ChannelLimits("web", "Web chat"), **settings) == []


def test_buttons_that_answer_are_counted_and_links_are_not() -> None:
    whatsapp = ChannelLimits("whatsapp", "WhatsApp", choices=10, buttons=1)
    buttons = [{"label": "Yes", "value": "y"}, {"label": "Our page", "url": "https://shop.example"}]
    document = {
        "schema_version": 1,
        "name": "Buttons",
        "triggers": [{"id": "start", "type": "conversation_start", "node": "n"}],
        "nodes": {"n": {"type": "send_message", "settings": {"text": "Good?", "buttons": buttons}}},
        "edges": {},
    }
    assert problems_of(document, load_library(), Surroundings({}, channels=[whatsapp])) == []
    buttons.insert(1, {"label": "No", "value": "n"})
    (problem,) = problems_of(document, load_library(), Surroundings({}, channels=[whatsapp]))
    assert (problem.code, problem.field) == ("buttons_become_list", "buttons")
    assert '"No" does not fit' in problem.message
