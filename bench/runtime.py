"""The runtime alone, without a server: against bare Python, and by the size of the flow and the length of the way."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from bench.flow import START, five_nodes
from flow_runtime import ConversationStarted, Message, load_flow, resume, start
from node_library import load_library

AT = datetime(2026, 1, 1, tzinfo=UTC)
SIZES = (10, 100, 1_000)
LENGTHS = (10, 50, 150)
ROUND = 500
"""Turns that are timed together, by the processor's time; the best round counts, so that what else the machine does disturbs less."""


def report(seconds: float) -> str:
    """The figures as lines of text; each is measured for so long."""
    ours, bare = turns_per_second(five_nodes(), seconds), bare_turns_per_second(seconds)
    lines = [
        f"pure runtime: {ours:,.0f} five-node turns per second of one core; bare Python does the same hops {bare / ours:.1f} times as fast",
        "",
    ]
    lines += ["| nodes in the flow | turns/s |", "|---:|---:|"]
    lines += [f"| {size:,} | {turns_per_second(padded(size), seconds):,.0f} |" for size in SIZES]
    lines += ["", "| nodes on the way | us for a turn | us for a node |", "|---:|---:|---:|"]
    for length in LENGTHS:
        us = 1e6 / turns_per_second(chain(length), seconds)
        lines.append(f"| {length} | {us:.0f} | {us / length:.1f} |")
    return "\n".join(lines)


def turns_per_second(document: dict[str, Any], seconds: float) -> float:
    """How many turns the runtime takes: no server, no database."""
    flow = load_flow(document, load_library())
    state = start(flow, ConversationStarted(at=AT), conversation_id="bench", contact={}).state
    seed = 0

    def turn() -> None:
        nonlocal state, seed
        seed += 1
        state = resume(flow, state, Message(text="hello there", at=AT, seed=seed)).state

    return _best(turn, seconds)


def bare_turns_per_second(seconds: float) -> float:
    """The same hops as a state machine written by hand: no checks, no limits, no trace."""
    state: dict[str, Any] = {"at": START, "variables": {"count": 0}}

    def turn() -> None:
        nonlocal state
        state = _bare_turn(state, "hello there")[0]

    return _best(turn, seconds)


def _bare_turn(before: dict[str, Any], text: str) -> tuple[dict[str, Any], list[str]]:
    """The five-node flow in plain Python: the new state and what is said."""
    variables, at, said = dict(before["variables"]), "answered", list[str]()
    while True:
        if at == "answered":
            variables["wish"] = text.strip()
            at = "count"
        elif at == "count":
            variables["count"] = (variables["count"] or 0) + 1
            at = "check"
        elif at == "check":
            at = "bye" if variables["wish"].strip().casefold() == "bye" else "answer"
        elif at == "answer":
            said.append(f"You said: {variables['wish']}. This is message {variables['count']} of the conversation.")
            at = START
        else:
            said.append("Goodbye!" if at == "bye" else "What can I do for you?")
            return {"at": at, "variables": variables}, said


def _best(turn: Callable[[], None], seconds: float) -> float:
    best, end = 0.0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        began = time.process_time()
        for _ in range(ROUND):
            turn()
        best = max(best, ROUND / (time.process_time() - began))
    return best


def padded(size: int) -> dict[str, Any]:
    """The five-node flow with other nodes beside it that no conversation gets to, `size` in all."""
    document = five_nodes()
    others = {f"other{number}": _message(f"Text {number}, {{{{ wish }}}}.") for number in range(size - len(document["nodes"]))}
    edges = {
        f"other{number}": {"source": f"other{number}", "port": "next", "target": f"other{number + 1}"} for number in range(len(others) - 1)
    }
    return document | {"nodes": document["nodes"] | others, "edges": document["edges"] | edges}


def chain(length: int) -> dict[str, Any]:
    """A question and a row of messages after it: a turn passes `length` nodes."""
    document = five_nodes()
    names = [f"m{number}" for number in range(length - 1)]
    way = [START, *names, START]
    edges = {f"e{number}": {"source": source, "port": "next", "target": way[number + 1]} for number, source in enumerate(way[:-1])}
    nodes = {START: document["nodes"][START], **{name: _message("You said: {{ wish }}.") for name in names}}
    return document | {"nodes": nodes, "edges": edges}


def _message(text: str) -> dict[str, Any]:
    return {"type": "send_message", "settings": {"text": text}}
