"""Triggers: who hears what first, where they lead from, and how the flow comes back."""

from datetime import timedelta
from typing import Any

import pytest

from flow_runtime import (
    CallError,
    CallResult,
    ConversationStarted,
    EventReceived,
    Flow,
    Input,
    Message,
    NodeFailure,
    NotExpected,
    Step,
    TimerFired,
    Triggered,
    Turn,
)
from tests.flow_runtime.playing import AT, OURS, Chat, Scripted, ask, flow_of, say, scripted

NODES: dict[str, Any] = {
    "ask": ask("Order number?", "order", answer="number", retry_text="A number, please."),
    "thanks": say("Order {{ order }}."),
    "extra": say("Extra."),
    "more": ask("Which extra?", "which"),
    "noted": say("Noted: {{ which }}."),
}
EDGES = [("ask", "next", "thanks"), ("extra", "next", "more"), ("more", "next", "noted")]


def _flow(*triggers: dict[str, Any], **more: Any) -> Flow:
    """Asks for an order number; its triggers lead to "extra" unless they say otherwise, which says something and asks something."""
    drawn = [{"id": f"t{number}", "node": "extra", **trigger} for number, trigger in enumerate(triggers)]
    return flow_of(NODES | more.pop("nodes", {}), [*EDGES, *more.pop("edges", ())], triggers=drawn, **more)


HELP = {"type": "command", "command": "help", "words": ["help", "Help me!"]}


def test_a_digression_comes_back_to_the_question() -> None:
    chat = Chat(_flow(HELP))
    assert chat.opens() == ["Order number?"]
    assert chat.hears("help") == ["Extra.", "Which extra?"]
    assert chat.came.trace[0].trigger == "t0"
    assert chat.hears("blue") == ["Noted: blue.", "Order number?"]
    assert chat.hears("7") == ["Order 7."]
    assert chat.state.waiting_for == "ended"


def test_the_same_digression_is_not_piled_up() -> None:
    chat = Chat(_flow(HELP))
    chat.opens()
    for _ in range(30):
        assert chat.hears("help me") == ["Extra.", "Which extra?"]
    assert len(chat.state.frames) == 1
    assert chat.hears("blue") == ["Noted: blue.", "Order number?"]


def test_digressions_within_digressions_come_back_one_by_one() -> None:
    keyword = {"type": "keyword", "words": ["price"], "node": "price"}
    nodes = {"price": say("Ten euros."), "sure": ask("Sure?", "sure")}
    chat = Chat(_flow(HELP, keyword, nodes=nodes, edges=[("price", "next", "sure")]))
    chat.opens()
    chat.hears("help")
    assert chat.hears("price") == ["Ten euros.", "Sure?"]
    assert len(chat.state.frames) == 2
    assert chat.hears("yes") == ["Which extra?"]
    assert chat.hears("blue") == ["Noted: blue.", "Order number?"]


def test_a_node_knows_that_it_asks_again_and_what_it_remembered() -> None:
    seen: list[Any] = []

    def does(turn: Turn, input: Input | None = None) -> Step:
        seen.append((type(input).__name__, turn.returning, dict(turn.memory), turn.open_message))
        return Step(wait_for="message", memory={"tries": len(seen)})

    flow = flow_of(
        {"n": ("scripted", {}), "help": say("Help.")},
        triggers=[{"id": "h", "type": "keyword", "words": ["help"], "node": "help"}],
        library={**OURS, "scripted": Scripted(does)},
    )
    chat = Chat(flow)
    chat.opens()
    chat.hears("one")
    chat.hears("help")
    assert seen == [
        ("NoneType", False, {}, None),
        ("Message", False, {"tries": 1}, "one"),
        ("NoneType", True, {"tries": 2}, None),
    ]


@pytest.mark.parametrize(
    ("trigger", "fires", "does_not"),
    [
        (HELP, ["help", "HELP", " help me ", "Help."], ["help you", "helpme", "please help", "12"]),
        ({"type": "keyword", "words": ["refund"]}, ["Refund!", "refund"], ["a refund", "refunds"]),
        (
            {"type": "keyword", "words": ["art", "60 days"], "match": "contains"},
            ["modern ART.", "art?", "in 60  days"],
            ["start", "60days"],
        ),
        ({"type": "keyword", "words": ["返品"], "match": "contains"}, ["商品を返品したい"], ["商品"]),
        ({"type": "keyword", "words": [r"^ORD-\d{4}$"], "match": "pattern"}, ["ORD-1234"], ["ord-1234", "ORD-12345"]),
        ({"type": "postback", "value": "more"}, [], ["more"]),
    ],
)
def test_words_that_a_trigger_knows(trigger: dict[str, Any], fires: list[str], does_not: list[str]) -> None:
    for text in fires + does_not:
        chat = Chat(_flow(trigger))
        chat.opens()
        chat.hears(text)
        assert ("extra" in chat.path) is (text in fires), text


def test_triggers_are_asked_in_their_order() -> None:
    chat = Chat(
        _flow(
            {"type": "keyword", "words": ["help"], "node": "thanks"},
            HELP,
            {"type": "intent", "intents": ["help"], "when": "always", "node": "noted"},
        )
    )
    chat.opens()
    chat.hears("help")
    assert chat.path[0] == "extra"
    assert chat.calls == []


def test_a_button_that_nobody_offers_leads_to_its_trigger() -> None:
    flow = flow_of(
        {"menu": ("offer_choices", {"text": "Menu", "choices": [{"label": "Call me", "value": "call"}]}), "extra": say("Extra.")},
        triggers=[
            {"id": "more", "type": "postback", "value": "more", "node": "extra"},
            {"id": "call", "type": "postback", "value": "call", "node": "extra"},
        ],
    )
    chat = Chat(flow)
    chat.opens()
    assert chat.picks("more") == ["Extra.", "Menu"]
    assert chat.picks("call") == []
    assert chat.path == ["menu"]
    assert chat.picks("call") == ["Extra."]


@pytest.mark.parametrize("before", ["new", "ended"])
def test_triggers_work_while_nothing_waits(before: str) -> None:
    chat = Chat(_flow(HELP))
    if before == "ended":
        chat.opens()
        chat.hears("7")
    assert chat.hears("help") == ["Extra.", "Which extra?"]
    assert chat.state.frames == ()
    assert chat.hears("blue") == ["Noted: blue."]
    assert chat.state.waiting_for == "ended"


def test_restart_forgets_everything_of_this_run() -> None:
    restart = {"type": "command", "command": "restart", "words": ["restart"], "node": "ask"}
    flow = _flow(HELP, restart, variables={"order": {"type": "number"}, "which": {"scope": "conversation"}})
    chat = Chat(flow)
    chat.opens()
    chat.hears("help")
    chat.hears("blue")
    chat.hears("help")
    assert chat.hears("restart") == ["Order number?"]
    assert chat.state.frames == ()
    assert chat.state.variables == {"order": None, "which": "blue"}


def test_a_trigger_that_does_not_return_gives_up_what_was_interrupted() -> None:
    chat = Chat(_flow({**HELP, "command": "human", "returns": False}))
    chat.opens()
    chat.hears("help")
    assert chat.hears("blue") == ["Noted: blue."]
    assert chat.state.waiting_for == "ended"


def _intent(chat: Chat, intent: str | None) -> list[str]:
    return chat.answers({"intent": intent, "confidence": 0.9, "in_scope": intent is not None})


REFUND = {"type": "intent", "intents": ["refund"]}


def test_what_the_node_understands_is_never_classified() -> None:
    chat = Chat(_flow(REFUND))
    chat.opens()
    assert chat.hears("7") == ["Order 7."]
    assert chat.calls == []


def test_what_the_node_does_not_understand_may_be_an_intent() -> None:
    chat = Chat(_flow(REFUND))
    chat.opens()
    assert chat.hears("I want my money back") == []
    (call,) = chat.calls
    assert (call.kind, call.payload["text"]) == ("llm.classify", "I want my money back")
    assert not chat.state.accepts(Message("hello?", at=AT))
    assert _intent(chat, "refund") == ["Extra.", "Which extra?"]
    assert chat.hears("blue") == ["Noted: blue.", "Order number?"]


@pytest.mark.parametrize("intent", [None, "weather"])
def test_what_nobody_understands_is_asked_again(intent: str | None) -> None:
    chat = Chat(_flow(REFUND))
    chat.opens()
    chat.hears("soon")
    assert _intent(chat, intent) == ["A number, please."]
    assert chat.state.memory["tries"] == 1
    assert chat.state.turn == 2
    assert chat.hears("7") == ["Order 7."]


def test_words_whose_intent_cannot_be_found_out_go_to_the_node() -> None:
    chat = Chat(_flow({**REFUND, "when": "always"}))
    chat.opens()
    chat.hears("7")
    error = CallError("no_intents", "This flow has no trained intents yet.")
    assert chat.gives(CallResult(chat.calls[0].call_id, False, None, error, at=AT)) == ["Order 7."]


def test_an_intent_that_always_counts_is_found_out_first() -> None:
    chat = Chat(_flow({**REFUND, "when": "always"}))
    chat.opens()
    assert chat.hears("7") == []
    assert _intent(chat, "refund") == ["Extra.", "Which extra?"]


def test_words_are_classified_once() -> None:
    chat = Chat(_flow({**REFUND, "when": "always"}, {"type": "intent", "intents": ["weather"]}))
    chat.opens()
    chat.hears("will it rain")
    assert _intent(chat, "weather") == ["Extra.", "Which extra?"]
    assert chat.calls == []


def test_first_words_may_be_an_intent() -> None:
    chat = Chat(_flow(REFUND))
    assert chat.hears("my money, please") == []
    assert _intent(chat, "refund") == ["Extra.", "Which extra?"]
    other = Chat(_flow(REFUND))
    other.hears("hello")
    assert _intent(other, None) == ["Order number?"]


def test_a_path_that_an_intent_opens_can_read_the_words() -> None:
    chat = Chat(_flow({**REFUND, "node": "listen"}, nodes={"listen": ("classify_intent", {"intents": []})}))
    chat.opens()
    chat.hears("give it back")
    _intent(chat, "refund")
    assert [call.payload["text"] for call in chat.calls] == ["give it back"]


def test_an_event_leads_elsewhere_with_what_it_brings() -> None:
    nodes = {"paid": say("Paid {{ payment.amount }}.")}
    chat = Chat(
        _flow(
            {"type": "event", "name": "paid", "node": "paid", "save_as": "payment"}, nodes=nodes, variables={"payment": {"type": "object"}}
        )
    )
    chat.opens()
    assert chat.gives(EventReceived("paid", {"amount": 5}, at=AT)) == ["Paid 5.", "Order number?"]
    with pytest.raises(NotExpected):
        chat.gives(EventReceived("shipped", at=AT))


def test_a_schedule_leads_elsewhere_and_may_begin_a_conversation() -> None:
    flow = _flow({"type": "schedule", "cron": "0 9 * * 1", "node": "thanks"})
    chat = Chat(flow)
    chat.opens()
    assert chat.gives(Triggered("t0", at=AT)) == ["Order .", "Order number?"]
    with pytest.raises(NotExpected):
        chat.gives(Triggered("t1", at=AT))
    assert Chat(flow).gives(Triggered("t0", at=AT)) == ["Order ."]


def test_triggers_from_elsewhere_wait_for_open_calls() -> None:
    call = ("http_request", {"method": "GET", "url": "https://a.example"})
    flow = _flow(
        {"type": "event", "name": "paid"}, {"type": "schedule", "cron": "* * * * *"}, nodes={"get": call}, edges=[("thanks", "next", "get")]
    )
    chat = Chat(flow)
    chat.opens()
    chat.hears("7")
    assert chat.state.waiting_for == "call"
    assert not chat.state.accepts(EventReceived("paid", at=AT))
    assert not chat.state.accepts(Triggered("t1", at=AT))


def _silent(**about: Any) -> Chat:
    chat = Chat(_flow({"type": "inactivity", "after_s": 60, "node": "thanks", **about}))
    chat.opens()
    return chat


def test_silence_is_broken_and_the_question_asked_again() -> None:
    chat = _silent()
    (timer,) = chat.timers
    assert timer.due_at == AT + timedelta(seconds=60)
    chat.now = timer.due_at
    assert chat.gives(TimerFired(timer.timer_id, at=chat.now)) == ["Order .", "Order number?"]
    assert chat.timers == []
    assert chat.cancelled == []


def test_silence_is_broken_as_often_as_said() -> None:
    chat = _silent(times=2)
    first = chat.timers[0]
    asked_again = chat.now = first.due_at + timedelta(seconds=50)
    chat.gives(TimerFired(first.timer_id, at=chat.now))
    second = chat.timers[0]
    assert second.timer_id != first.timer_id
    assert second.due_at == asked_again + timedelta(seconds=60), "it counts from the question, which came late"
    chat.now = second.due_at
    chat.gives(TimerFired(second.timer_id, at=chat.now))
    assert chat.timers == []


def test_a_word_ends_the_silence() -> None:
    chat = _silent()
    timer = chat.timers[0].timer_id
    assert chat.hears("soon") == ["A number, please."]
    assert chat.cancelled == [timer]
    assert len(chat.timers) == 1
    chat.hears("7")
    assert len(chat.cancelled) == 1
    assert chat.state.silence == {}


def test_an_error_nobody_caught_leads_to_its_trigger() -> None:
    def fails(_: Turn) -> Step:
        raise NodeFailure("shop", "The shop is closed.")

    flow = flow_of(
        {"n": ("scripted", {}), "sorry": say("Sorry: {{ error.kind }}, {{ error.message }}")},
        triggers=[{"id": "e", "type": "error", "node": "sorry"}],
        library={**OURS, "scripted": Scripted(fails)},
    )
    chat = Chat(flow)
    assert chat.opens() == ["Sorry: shop, The shop is closed."]
    assert chat.came.failure is not None
    assert chat.came.failure.node_id == "n"
    assert chat.state.waiting_for == "ended"


def test_an_error_in_the_path_of_the_error_trigger_ends_kindly() -> None:
    def fails(_: Turn) -> Step:
        raise NodeFailure("shop", "The shop is closed.")

    chat = Chat(scripted(fails, triggers=[{"id": "e", "type": "error", "node": "n"}], settings={"fallback_text": "Oh."}))
    assert chat.opens() == ["Oh."]
    assert chat.state.waiting_for == "ended"
    assert chat.gives(ConversationStarted(at=AT)) == ["Oh."]


def test_a_digression_ends_the_timers_of_the_wait() -> None:
    def does(turn: Turn, input: Input | None = None) -> Step:
        return Step(wait_for="message", timeout_s=60)

    flow = flow_of(
        {"n": ("scripted", {}), "extra": say("Extra.")},
        triggers=[{"id": "h", "type": "keyword", "words": ["help"], "node": "extra"}],
        library={**OURS, "scripted": Scripted(does)},
    )
    chat = Chat(flow)
    chat.opens()
    timer = chat.timers[0].timer_id
    chat.hears("help")
    assert chat.cancelled == [timer]
    assert [set_.timer_id for set_ in chat.timers] == ["c:2:n:1:timeout"]
