"""Paths on top of paths: loops, sub-flows, parallel branches, jumps and waits for events, alone and within each other."""

import json
from datetime import timedelta
from typing import Any

import pytest

from flow_runtime import (
    Call,
    CallError,
    CallResult,
    EventReceived,
    Input,
    InvalidFlow,
    InvalidState,
    Message,
    NodeFailure,
    NotExpected,
    State,
    Step,
    TimerFired,
    Turn,
    load_flow,
    resume,
)
from flow_runtime.limits import LOOP_ITEMS, STACK_DEPTH, STRANDS
from flow_runtime.nodes import Fork
from tests.flow_runtime.playing import AT, OURS, Chat, Scripted, ask, document, flow_of, say


def each(value: str, **more: Any) -> tuple[str, dict[str, Any]]:
    """A loop over what this text stands for."""
    return "for_each", {"list": value, **more}


def _get(path: str, save_as: str) -> tuple[str, dict[str, Any]]:
    """A request."""
    return "http_request", {"method": "GET", "url": f"https://shop.example/{path}", "save_as": save_as}


def _answer(chat: Chat, call: Call, body: Any) -> list[str]:
    return chat.answers({"status": 200, "headers": {}, "body": body}, call)


class TestLoops:
    NODES = {"loop": each("{{ ['a', 'b', 'c'] }}"), "say": say("{{ index }}: {{ item }}"), "end": say("Done.")}
    EDGES = [("loop", "each", "say"), ("loop", "done", "end")]

    def test_each_item_in_turn(self) -> None:
        chat = Chat(flow_of(self.NODES, self.EDGES))
        assert chat.opens() == ["0: a", "1: b", "2: c", "Done."]
        ways = [(visit.node_id, visit.port) for visit in chat.came.trace if visit.node_id == "loop"]
        assert ways == [("loop", "each"), ("loop", "each"), ("loop", "each"), ("loop", "done")]
        assert chat.state.frames == ()

    def test_a_path_that_leads_back_is_the_same(self) -> None:
        chat = Chat(flow_of(self.NODES, [*self.EDGES, ("say", "next", "loop")]))
        assert chat.opens() == ["0: a", "1: b", "2: c", "Done."]

    def test_an_empty_list_has_nothing_to_do(self) -> None:
        chat = Chat(flow_of(self.NODES | {"loop": each("{{ [] }}")}, self.EDGES))
        assert chat.opens() == ["Done."]
        assert next(visit.port for visit in chat.came.trace) == "done"

    def test_a_loop_may_ask_for_each_item(self) -> None:
        nodes = {"loop": each("{{ ['tea', 'milk'] }}"), "ask": ask("How many {{ item }}?", "count"), "say": say("{{ count }} {{ item }}.")}
        chat = Chat(flow_of(nodes, [("loop", "each", "ask"), ("ask", "next", "say")]))
        assert chat.opens() == ["How many tea?"]
        assert chat.hears("2") == ["2 tea.", "How many milk?"]
        assert chat.hears("3") == ["3 milk."]
        assert chat.state.waiting_for == "ended"

    def test_a_list_within_a_list(self) -> None:
        nodes = {
            "outer": each("{{ [[1, 2], [3]] }}", item="row", index="number"),
            "inner": each("{{ row }}"),
            "say": say("{{ number }}.{{ index }} {{ item }}"),
            "row": say("Row {{ item | join('+') }}"),
        }
        variables = {"row": {"type": "list"}, "number": {"type": "number"}}
        flow = flow_of(nodes, [("outer", "each", "inner"), ("inner", "each", "say"), ("inner", "done", "row")], variables=variables)
        assert Chat(flow).opens() == ["0.0 1", "0.1 2", "Row 1+2", "1.0 3", "Row 3"]

    def test_a_variable_keeps_the_last_item(self) -> None:
        nodes = {"loop": each("{{ ['a', 'b'] }}", item="thing"), "say": say("{{ item }}"), "end": say("{{ thing }}{{ item }}")}
        chat = Chat(flow_of(nodes, [("loop", "each", "say"), ("loop", "done", "end")]))
        assert chat.opens() == ["a", "b", "b"]

    def test_an_item_of_the_wrong_type_is_the_loops_failure(self) -> None:
        nodes = {
            "loop": (*each("{{ [1, 'two', 3] }}", item="n"), {"on_error": {"do": "branch"}}),
            "say": say("{{ n }}"),
            "sorry": say("{{ error.kind }}"),
        }
        edges = [("loop", "each", "say"), ("loop", "failed", "sorry")]
        chat = Chat(flow_of(nodes, edges, variables={"n": {"type": "number"}}))
        assert chat.opens() == ["1", "type"]
        assert chat.state.frames == ()

    def test_an_end_within_a_loop_ends_everything(self) -> None:
        nodes = self.NODES | {"say": ("end", {"text": "{{ item }}", "outcome": "unresolved"})}
        chat = Chat(flow_of(nodes, self.EDGES))
        assert chat.opens() == ["a"]
        assert (chat.state.waiting_for, chat.state.frames) == ("ended", ())

    def test_too_long_a_list_is_the_nodes_failure(self) -> None:
        chat = Chat(flow_of(self.NODES | {"loop": each(f"{{{{ range({LOOP_ITEMS + 1}) | list }}}}")}, self.EDGES))
        chat.opens()
        assert chat.came.failure is not None
        assert (chat.came.failure.node_id, chat.came.failure.kind) == ("loop", "loop")

    def test_the_longest_list_is_gone_through(self) -> None:
        chat = Chat(flow_of(self.NODES | {"loop": each(f"{{{{ range({LOOP_ITEMS}) | list }}}}")}, self.EDGES))
        assert len(chat.opens()) == LOOP_ITEMS + 1

    def test_loops_that_begin_again_and_again_are_stopped(self) -> None:
        chat = Chat(flow_of(self.NODES, [("loop", "each", "say"), ("loop", "done", "loop")]))
        chat.opens()
        assert chat.came.failure is not None
        assert (chat.came.failure.node_id, chat.came.failure.kind) == ("loop", "limit")


ADDRESS = document(
    {
        "ask": ask("Street in {{ country }}?", "street"),
        "set": ("set_variables", {"assignments": [{"variable": "address", "value": "{{ street }}, {{ country }}"}]}),
    },
    [("ask", "next", "set")],
    variables={"country": {}, "street": {}, "address": {}, "name": {"scope": "contact"}},
    interface={"inputs": [{"name": "country", "required": True}], "outputs": [{"name": "address"}]},
    languages={"default": "en", "texts": {"de": {"Street in {{ country }}?": "Straße in {{ country }}?"}}},
)


def _calling(subflow: dict[str, Any], *, inputs: Any = None, node: Any = None, **more: Any) -> Any:
    call = {
        "flow": "sub",
        "inputs": {"country": "{{ land }}"} if inputs is None else inputs,
        "outputs": [{"output": "address", "variable": "home"}],
    }
    nodes = {
        "ask": ask("Land?", "land"),
        "call": ("run_subflow", call | more.pop("call", {}), node or {}),
        "say": say("Home: {{ home }}. [{{ street }}]"),
        "sorry": say("Sorry, {{ error.message }}."),
    }
    edges = [("ask", "next", "call"), ("call", "done", "say"), ("call", "failed", "sorry")]
    return flow_of(nodes, edges, subflows={"sub": subflow}, **more)


class TestSubflows:
    def test_a_sub_flow_gets_and_gives_back(self) -> None:
        chat = Chat(_calling(ADDRESS))
        chat.opens()
        assert chat.hears("Austria") == ["Street in Austria?"]
        assert chat.came.trace[-1].flow == "sub"
        assert chat.state.variables == {"land": "Austria", "name": None}
        assert chat.hears("Ring 1") == ["Home: Ring 1, Austria. []"]
        assert chat.state.waiting_for == "ended"

    def test_it_speaks_the_contacts_language(self) -> None:
        chat = Chat(_calling(ADDRESS), contact={"language": "de-AT"})
        chat.opens()
        assert chat.hears("Austria") == ["Straße in Austria?"]

    def test_an_end_in_it_leads_back(self) -> None:
        sub = ADDRESS | {"nodes": ADDRESS["nodes"] | {"set": {"type": "end", "settings": {"text": "Thanks.", "outcome": "completed"}}}}
        chat = Chat(_calling(sub))
        chat.opens()
        chat.hears("Austria")
        assert chat.hears("Ring 1") == ["Thanks.", "Home: . []"]

    @pytest.mark.parametrize(
        ("inputs", "reason"),
        [
            ({}, '"Test" needs "country"'),
            ({"country": "A", "colour": "red"}, '"Test" has no input "colour"'),
            ({"country": "{{ land }}"}, None),
        ],
    )
    def test_its_inputs_are_looked_at(self, inputs: dict[str, str], reason: str | None) -> None:
        chat = Chat(_calling(ADDRESS, inputs=inputs, node={"on_error": {"do": "branch"}}))
        chat.opens()
        said = chat.hears("Austria")
        assert said == (["Street in Austria?"] if reason is None else [f"Sorry, {reason}."])

    def test_a_missing_flow_and_a_missing_output_are_failures_of_the_node(self) -> None:
        for call in ({"flow": "gone"}, {"outputs": [{"output": "gone", "variable": "home"}]}):
            chat = Chat(_calling(ADDRESS, call=call, node={"on_error": {"do": "branch"}}))
            chat.opens()
            assert len(chat.hears("Austria")) == 1
            assert chat.said[0].startswith("Sorry, ")
            assert chat.state.frames == ()

    def test_lasting_variables_are_shared(self) -> None:
        sub = document(
            {"set": ("set_variables", {"assignments": [{"variable": "name", "value": "Ada"}]})}, variables={"name": {"scope": "contact"}}
        )
        flow = flow_of(
            {"call": ("run_subflow", {"flow": "sub"}), "say": say("{{ name }}")},
            [("call", "done", "say")],
            subflows={"sub": sub},
            variables={"name": {"scope": "contact"}},
        )
        chat = Chat(flow)
        assert chat.opens() == ["Ada"]
        assert chat.came.contact_variables == {"name": "Ada"}

    def test_a_flow_that_runs_itself_for_ever_is_stopped(self) -> None:
        sub = document({"call": ("run_subflow", {"flow": "sub"})})
        chat = Chat(flow_of({"call": ("run_subflow", {"flow": "sub"})}, subflows={"sub": sub}))
        chat.opens()
        assert chat.came.failure is not None
        assert chat.came.failure.kind == "limit"
        assert str(STACK_DEPTH) in chat.came.failure.message

    def test_a_broken_sub_flow_is_named(self) -> None:
        with pytest.raises(InvalidFlow, match='In the flow "Test"') as caught:
            _calling(document({"n": ("magic", {})}))
        assert [problem.field for problem in caught.value.problems] == ["subflows.sub.nodes.n"]

    def test_a_digression_out_of_it_comes_back_into_it(self) -> None:
        chat = Chat(
            _calling(ADDRESS, triggers=[{"id": "h", "type": "keyword", "words": ["help"], "node": "sorry"}]),
        )
        chat.opens()
        chat.hears("Austria")
        assert chat.hears("help") == ["Sorry, .", "Street in Austria?"]
        assert chat.hears("Ring 1") == ["Home: Ring 1, Austria. []"]

    def test_a_state_within_a_sub_flow_that_is_gone_is_refused(self) -> None:
        chat = Chat(_calling(ADDRESS))
        chat.opens()
        chat.hears("Austria")
        with pytest.raises(InvalidState, match="sub-flow sub"):
            resume(flow_of({"ask": ask("Land?", "land")}), chat.state, words())


def words() -> Input:
    """Something the customer may say."""
    return Message("x", at=AT)


def _parallel(join: str = "all", **more: Any) -> Any:
    nodes = {
        "fork": ("run_parallel", {"branches": [{"title": "Stock"}, {"title": "Price"}], "join": join}),
        "stock": _get("stock", "stock"),
        "price": _get("price", "price"),
        "say": say("[{{ stock }}] for [{{ price }}]"),
    } | more.pop("nodes", {})
    edges = [("fork", "stock", "stock"), ("fork", "price", "price"), ("fork", "done", "say"), *more.pop("edges", ())]
    return flow_of(nodes, edges, **more)


class TestParallel:
    @pytest.mark.parametrize("order", [(0, 1), (1, 0)])
    def test_all_branches_are_waited_for_in_any_order(self, order: tuple[int, int]) -> None:
        chat = Chat(_parallel())
        assert chat.opens() == []
        calls = chat.calls
        assert [call.payload["url"] for call in calls] == ["https://shop.example/stock", "https://shop.example/price"]
        assert chat.state.open_calls == tuple(call.call_id for call in calls)
        assert chat.state.waiting_for == "call"
        assert _answer(chat, calls[order[0]], "5") == []
        assert chat.state.open_calls == (calls[order[1]].call_id,)
        said = _answer(chat, calls[order[1]], "9")
        assert said == ["[5] for [9]" if order == (0, 1) else "[9] for [5]"]
        assert chat.state.strands == ()

    def test_the_first_is_enough_when_that_is_asked_for(self) -> None:
        chat = Chat(_parallel("first"))
        chat.opens()
        stock, price = chat.calls
        assert _answer(chat, price, "9") == ["[] for [9]"]
        with pytest.raises(NotExpected):
            _answer(chat, stock, "5")

    def test_a_branch_may_take_several_calls(self) -> None:
        chat = Chat(_parallel(nodes={"more": _get("more", "more")}, edges=[("stock", "ok", "more")]))
        chat.opens()
        stock, price = chat.calls
        _answer(chat, stock, "5")
        (more,) = chat.calls
        _answer(chat, price, "9")
        assert _answer(chat, more, "x") == ["[5] for [9]"]

    def test_branches_that_wait_for_nothing_are_done_at_once(self) -> None:
        chat = Chat(_parallel(nodes={"stock": say("Stock."), "price": say("Price.")}))
        assert chat.opens() == ["Stock.", "Price.", "[] for []"]

    def test_a_first_branch_that_waits_for_nothing_ends_the_others(self) -> None:
        chat = Chat(_parallel("first", nodes={"stock": ("wait", {"seconds": 5}), "price": say("Price.")}))
        assert chat.opens() == ["Price.", "[] for []"]
        assert chat.timers == []
        assert chat.state.waiting_for == "ended"

    def test_branches_may_wait_for_timers_and_events(self) -> None:
        chat = Chat(
            _parallel(
                nodes={"stock": ("wait", {"seconds": 5}), "price": ("wait_for_event", {"event": "paid", "save_as": "price"})},
                variables={"price": {"type": "object"}},
            )
        )
        chat.opens()
        assert chat.state.waiting_for == "timer"
        wait, timeout = chat.timers
        assert set(chat.state.open_timers) == {wait.timer_id, timeout.timer_id}
        assert chat.state.awaited_events == ("paid",)
        chat.gives(EventReceived("paid", {"sum": 5}, at=AT))
        assert chat.cancelled == [timeout.timer_id]
        chat.gives(TimerFired(wait.timer_id, at=AT))
        assert chat.path == ["stock", "fork", "say"]
        assert chat.state.variables["price"] == {"sum": 5}

    def test_a_branch_must_not_wait_for_the_customer(self) -> None:
        chat = Chat(_parallel(nodes={"price": ask("Price?", "price")}))
        chat.opens()
        assert chat.came.failure is not None
        assert (chat.came.failure.node_id, chat.came.failure.kind) == ("price", "parallel")
        assert chat.state.strands == ()

    def test_parallel_within_parallel_is_a_failure(self) -> None:
        chat = Chat(_parallel(nodes={"price": ("run_parallel", {"branches": [{"title": "A"}, {"title": "B"}]})}))
        chat.opens()
        assert chat.came.failure is not None
        assert chat.came.failure.node_id == "price"

    def test_a_failing_branch_stops_the_flow_and_cancels_timers(self) -> None:
        chat = Chat(_parallel(nodes={"stock": ("wait", {"seconds": 5})}))
        chat.opens()
        timer, call = chat.timers[0].timer_id, chat.calls[0]
        chat.gives(CallResult(call.call_id, False, None, CallError("timeout", "Too slow."), at=AT))
        assert chat.came.failure is not None
        assert chat.cancelled == [timer]
        assert chat.state.waiting_for == "ended"

    def test_branches_may_run_sub_flows_and_loops(self) -> None:
        sub = document(
            {"get": _get("{{ what }}", "found")},
            variables={"what": {}, "found": {"type": "object"}},
            interface={"inputs": [{"name": "what"}], "outputs": [{"name": "found"}]},
        )
        call = ("run_subflow", {"flow": "sub", "inputs": {"what": "tea"}, "outputs": [{"output": "found", "variable": "stock"}]})
        nodes = {"stock": call, "price": each("{{ [1, 2] }}"), "get": _get("{{ item }}", "price")}
        chat = Chat(
            _parallel(nodes=nodes, edges=[("price", "each", "get")], subflows={"sub": sub}, variables={"stock": {"type": "object"}})
        )
        chat.opens()
        tea, one = chat.calls
        assert tea.call_id == "c:1:sub/get:1"
        _answer(chat, one, "1")
        (two,) = chat.calls
        assert two.payload["url"] == "https://shop.example/2"
        _answer(chat, tea, {"pots": 3})
        _answer(chat, two, "2")
        assert chat.state.variables["stock"] == {"pots": 3}

    def test_messages_wait_until_all_is_done(self) -> None:
        chat = Chat(_parallel())
        chat.opens()
        assert not chat.state.accepts(words())

    def test_too_many_branches_are_a_failure(self) -> None:
        def does(_: Turn) -> Step:
            return Step(fork=Fork(tuple("next" for _ in range(STRANDS + 1))))

        chat = Chat(flow_of({"n": ("scripted", {})}, library={"scripted": Scripted(does)}))
        chat.opens()
        assert chat.came.failure is not None
        assert chat.came.failure.kind == "parallel"


class TestJumps:
    def test_the_flow_goes_on_elsewhere(self) -> None:
        flow = flow_of(
            {"a": say("A"), "j": ("jump", {"step": "c"}), "b": say("B"), "c": say("C")}, [("a", "next", "j"), ("j", "next", "b")]
        )
        assert Chat(flow).opens() == ["A", "C"]

    def test_a_step_that_is_gone_is_a_failure_with_the_nodes_name(self) -> None:
        library = {**OURS, "scripted": Scripted(lambda _: Step(jump="gone"))}
        chat = Chat(flow_of({"n": ("scripted", {}, {"title": "Over there"})}, library=library))
        chat.opens()
        assert chat.came.failure is not None
        assert chat.came.failure.message == '"Over there" leads to a step that does not exist'

    def test_jumping_in_circles_is_stopped(self) -> None:
        chat = Chat(flow_of({"j": ("jump", {"step": "j"})}))
        chat.opens()
        assert chat.came.failure is not None
        assert chat.came.failure.kind == "limit"


class TestEvents:
    NODES = {
        "wait": ("wait_for_event", {"event": "paid", "save_as": "payment", "timeout_s": 3600}),
        "yes": say("{{ payment.amount }} euros."),
        "no": say("Nothing came."),
        "help": say("Help."),
    }
    EDGES = [("wait", "received", "yes"), ("wait", "timeout", "no")]

    def test_an_event_wakes_the_flow(self) -> None:
        chat = Chat(flow_of(self.NODES, self.EDGES, variables={"payment": {"type": "object"}}))
        chat.opens()
        assert (chat.state.waiting_for, chat.state.wait_id) == ("event", "paid")
        assert not chat.state.accepts(EventReceived("shipped", at=AT))
        timer = chat.timers[0].timer_id
        assert chat.gives(EventReceived("paid", {"amount": 5}, at=AT)) == ["5 euros."]
        assert chat.cancelled == [timer]

    def test_nothing_in_time_is_a_way_of_its_own(self) -> None:
        chat = Chat(flow_of(self.NODES, self.EDGES))
        chat.opens()
        assert chat.gives(TimerFired(chat.timers[0].timer_id, at=AT)) == ["Nothing came."]

    def test_a_wait_is_as_long_as_it_was_after_a_digression(self) -> None:
        trigger = {"id": "t", "type": "event", "name": "shipped", "node": "help"}
        chat = Chat(flow_of(self.NODES, self.EDGES, triggers=[trigger]))
        chat.opens()
        later = AT + timedelta(minutes=50)
        assert chat.gives(EventReceived("shipped", at=later)) == ["Help."]
        assert chat.timers[0].due_at == AT + timedelta(hours=1)
        assert len(chat.cancelled) == 1

    def test_a_waiting_node_comes_before_a_trigger(self) -> None:
        trigger = {"id": "t", "type": "event", "name": "paid", "node": "help"}
        chat = Chat(flow_of(self.NODES, self.EDGES, triggers=[trigger], variables={"payment": {"type": "object"}}))
        chat.opens()
        assert chat.gives(EventReceived("paid", {"amount": 1}, at=AT)) == ["1 euros."]


def test_what_a_node_cannot_open_leaves_by_its_error_branch() -> None:
    def fails(_: Turn) -> Step:
        raise NodeFailure("x", "y")

    library = {**OURS, "scripted": Scripted(fails)}
    flow = flow_of(
        {"loop": each("{{ [1, 2] }}"), "n": ("scripted", {}, {"on_error": {"do": "branch"}}), "say": say("{{ item }}: {{ error.kind }}")},
        [("loop", "each", "n"), ("n", "failed", "say")],
        library=library,
    )
    assert Chat(flow).opens() == ["1: x", "2: x"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"frames": [{"kind": "subflow"}]},
        {"frames": [{"kind": "magic", "at": "n"}]},
        {"frames": {}},
        {"strands": [{"kind": "strand", "at": "n", "waiting_for": "rain"}]},
        {"strands": [5]},
        {"offers": 5},
        {"rounds": "1"},
        {"silence": []},
    ],
)
def test_a_state_with_broken_paths_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidState):
        State.from_json({"conversation_id": "c", **wrong})


def test_a_flow_with_sub_flows_is_loaded_from_its_json() -> None:
    root = document({"call": ("run_subflow", {"flow": "sub", "inputs": {"country": "A"}})}, subflows={"sub": ADDRESS})
    flow = load_flow(json.loads(json.dumps(root)), OURS)
    assert Chat(flow).opens() == ["Street in A?"]
