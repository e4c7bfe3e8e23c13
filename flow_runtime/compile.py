"""From a document to a flow ready to run."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from flow_runtime.checks import Drawing, blocking_problems
from flow_runtime.checks.drawing import DrawnNode
from flow_runtime.errors import InvalidFlow
from flow_runtime.expressions import Texts
from flow_runtime.flow import DEFAULT_FALLBACK, Flow, Node, Translations, Variable
from flow_runtime.locales import Manner
from flow_runtime.nodes import Library
from flow_runtime.problems import Problem
from flow_runtime.settings import templates, variables_set
from flow_runtime.triggers import triggers_of


def load_flow(document: Any, library: Library) -> Flow:
    """The flow and its sub-flows, validated and compiled once. Raises InvalidFlow when it cannot run.

    A flow with other problems can be tried but not published: that is `problems_of`'s business.
    """
    root = _flow(document, library, None)
    subflows: dict[str, Flow] = {}
    for ref, copy in document.get("subflows", {}).items():
        try:
            subflows[ref] = _flow(copy, library, ref)
        except InvalidFlow as invalid:
            raise InvalidFlow([_in_subflow(ref, copy, problem) for problem in invalid.problems]) from None
    return replace(root, subflows=subflows)


def _in_subflow(ref: str, document: Any, problem: Problem) -> Problem:
    name = document.get("name", ref) if isinstance(document, dict) else ref
    field = f"subflows.{ref}" if problem.node_id is None else f"subflows.{ref}.nodes.{problem.node_id}"
    return replace(problem, node_id=None, field=field, message=f'In the flow "{name}": {problem.message}')


def _flow(document: Any, library: Library, ref: str | None) -> Flow:
    drawing, problems = blocking_problems(document, library)
    if drawing is None or problems:
        raise InvalidFlow(problems)
    document = drawing.document
    settings = document.get("settings", {})
    interface = document.get("interface", {})
    fallback = settings.get("fallback_text") or DEFAULT_FALLBACK
    translations = _translations(document)
    variables = {name: _variable(name, about) for name, about in document.get("variables", {}).items()}
    return Flow(
        name=document["name"],
        start=drawing.start or "",
        nodes={node.id: _compiled(node, drawing, ref) for node in drawing.nodes.values()},
        variables=variables,
        fallback_text=fallback,
        texts=Texts(_sources(drawing, fallback, translations)),
        manner=Manner(document.get("languages", {}).get("default", "en"), settings.get("time_zone", "UTC")),
        translations=translations,
        triggers=triggers_of(document),
        turn_variables={name: variable.default for name, variable in variables.items() if variable.scope == "turn"},
        inputs={about["name"]: about.get("required", False) for about in interface.get("inputs", ()) if about["name"] in variables},
        outputs=tuple(about["name"] for about in interface.get("outputs", ())),
        ref=ref,
        typing_ms=settings.get("typing_ms", 0),
    )


def _compiled(node: DrawnNode, drawing: Drawing, ref: str | None) -> Node:
    if node.kind is None:
        raise InvalidFlow([])
    exits = {port.name: drawing.exits[node.id, port.name] for port in node.ports if (node.id, port.name) in drawing.exits}
    on_error = node.raw.get("on_error", {})
    retry = on_error.get("retry", {})
    return Node(
        id=node.id,
        key=node.id if ref is None else f"{ref}/{node.id}",
        kind=node.kind,
        title=node.title,
        settings=node.settings,
        ports=node.ports,
        exits=exits,
        sets=tuple(name for _, name in variables_set(node.kind.schema, node.settings)),
        on_error=node.on_error,
        error_value=on_error.get("value"),
        timeout_s=node.raw.get("timeout_s"),
        retry_times=retry.get("times", 0),
        retry_pause_s=retry.get("pause_s", 0.0),
    )


def _variable(name: str, about: Mapping[str, Any]) -> Variable:
    return Variable(name, about.get("type", "text"), about.get("scope", "flow"), about.get("default"))


def _translations(document: Mapping[str, Any]) -> dict[str, Translations]:
    """The translations by language in small letters; one that was left blank is none."""
    texts = document.get("languages", {}).get("texts", {})
    return {language.lower(): {source: text for source, text in known.items() if text.strip()} for language, known in texts.items()}


def _sources(drawing: Drawing, fallback: str, translations: Mapping[str, Translations]) -> Iterator[str]:
    """Every text of the document that may hold `{{ }}`."""
    yield fallback
    for node in drawing.nodes.values():
        if node.kind is not None:
            yield from (text for _, text in templates(node.kind.schema, node.settings))
    for known in translations.values():
        yield from known.values()
