"""Answers a question from the workspace's documents. Listens first when there is no question yet."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.effects import Call, Say
from flow_runtime.inputs import AgentDone, CallResult
from flow_runtime.listening import listener
from flow_runtime.nodes import FAILED, Step, Turn
from flow_runtime.results import result_of


def _search(settings: Mapping[str, Any], turn: Turn) -> Step:
    question = turn.render(settings["question"]).strip()
    if not question:
        return Step(wait_for="message")
    payload = {"question": question, "bases": list(settings["bases"]), "language": turn.language}
    return Step(effects=(Call("knowledge.answer", payload),), wait_for="call")


def _answer(settings: Mapping[str, Any], turn: Turn, input: CallResult | AgentDone) -> Step:
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


enter, resume = listener("question", ask=_search, leave=_answer)
