"""What is wrong with a flow, found without running it. One file per family of checks."""

from collections.abc import Callable, Iterator
from typing import Any

from flow_runtime.checks.drawing import Drawing, draw
from flow_runtime.checks.expressions import check_expressions, check_patterns
from flow_runtime.checks.loops import check_loops
from flow_runtime.checks.ports import check_duplicate_ports, check_unconnected_ports
from flow_runtime.checks.reachability import check_reachability
from flow_runtime.checks.references import check_edges, check_node_types, check_start
from flow_runtime.checks.settings import check_settings
from flow_runtime.checks.shape import check_shape
from flow_runtime.checks.understanding import check_intents, check_intents_that_lead_nowhere, check_models, check_similar_intents
from flow_runtime.checks.variables import check_declarations, check_names
from flow_runtime.limits import PROBLEMS
from flow_runtime.nodes import Library
from flow_runtime.problems import Problem, Surroundings
from flow_runtime.upgrades import upgraded

Check = Callable[[Drawing], Iterator[Problem]]

_BEFORE_RUNNING: tuple[Check, ...] = (
    check_start,
    check_node_types,
    check_settings,
    check_duplicate_ports,
    check_expressions,
    check_patterns,
)
_BEFORE_PUBLISHING: tuple[Check, ...] = (
    check_edges,
    check_unconnected_ports,
    check_reachability,
    check_loops,
    check_names,
    check_declarations,
)

__all__ = ["Drawing", "blocking_problems", "problems_of"]


def problems_of(document: Any, library: Library, surroundings: Surroundings | None = None) -> list[Problem]:
    """Everything to mend, in the order a conversation meets the nodes. Any document gives problems, never an exception."""
    drawing, problems = _drawn(document, library)
    if drawing is None:
        return problems
    for check in (*_BEFORE_RUNNING, *_BEFORE_PUBLISHING):
        problems += check(drawing)
    if surroundings is not None:
        problems += check_intents(drawing, surroundings)
        problems += check_intents_that_lead_nowhere(drawing, surroundings)
        problems += check_similar_intents(drawing, surroundings)
        problems += check_models(drawing, surroundings)
    return _in_order(problems, drawing)


def blocking_problems(document: Any, library: Library) -> tuple[Drawing | None, list[Problem]]:
    """The graph, and the errors that keep the flow from running at all; a draft with other problems can still be tried."""
    drawing, problems = _drawn(document, library)
    if drawing is None:
        return None, problems
    for check in _BEFORE_RUNNING:
        problems += (problem for problem in check(drawing) if problem.severity == "error")
    return drawing, _in_order(problems, drawing)


def _drawn(document: Any, library: Library) -> tuple[Drawing | None, list[Problem]]:
    current = upgraded(document) if isinstance(document, dict) else document
    problems = check_shape(current)
    return (None, problems) if problems else (draw(current, library), [])


def _in_order(problems: list[Problem], drawing: Drawing) -> list[Problem]:
    place = {node_id: index for index, node_id in enumerate(drawing.order)}

    def rank(problem: Problem) -> tuple[int, bool, str, str, str]:
        where = -1 if problem.node_id is None else place[problem.node_id]
        return where, problem.severity != "error", problem.code, problem.field or "", problem.message

    return sorted(dict.fromkeys(problems), key=rank)[:PROBLEMS]
