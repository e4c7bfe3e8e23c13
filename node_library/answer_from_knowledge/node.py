"""Answers a question from the workspace's documents. Listens first when there is no question yet."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.effects import Call, Say
from flow_runtime.inputs import AgentDone, CallResult, Input
from flow_runtime.nodes import FAILED, Step, Turn, mentions
from flow_runtime.results import result_of


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    if mentions(settings["question"], "message") and turn.take_message() is None:
        return Step(wait_for="message")
    return _search(settings, turn)


def resume(settings: Mapping[str, Any], turn: Turn, input: Input) -> Step:
    if isinstance(input, CallResult | AgentDone):
        return _answer(settings, turn, input)
    turn.take_message()
    return _search(settings, turn)


def _search(settings: Mapping[str, Any], turn: Turn) -> Step:
    question = turn.render(settings["question"]).strip()
    if not question:
        return Step(wait_for="message")
    payload = {"question": question, "bases": list(settings["bases"]), "language": turn.language}
    return Step(effects=(Call("knowledge.answer", payload),), wait_for="call")


def _answer(settings: Mapping[str, Any], turn: Turn, input: Input) -> Step:
    value, error = result_of(input, "answer", "sources")
    if error is not None:
        return Step(go=FAILED, error=error)
    answer = str(value["answer"] or "").strip()
    if not answer:
        return Step(go="unknown")
    sources = value["sources"] if isinstance(value["sources"], list) else []
    wanted = {settings["save_as"]: answer, settings["sources_as"]: sources}
    said = (Say(_with_sources(settings, turn, answer, sources), call_id=turn.call_id),) if settings["say"] else ()
    return Step(effects=said, set={name: kept for name, kept in wanted.items() if name}, go="ok")


def _with_sources(settings: Mapping[str, Any], turn: Turn, answer: str, sources: list[Any]) -> str:
    titles = dict.fromkeys(str(source["title"]) for source in sources if isinstance(source, dict) and source.get("title"))
    if not settings["sources"] or not titles:
        return answer
    return "\n".join((answer, "", turn.render(settings["sources_text"]), *(f"- {title}" for title in titles)))
