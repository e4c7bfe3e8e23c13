"""All the checks, in order. A Checker remembers what it found in each entry, so that an edit pays for what it touched."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flow_runtime.budget import Budget
from flow_runtime.checks.channels import check_channels
from flow_runtime.checks.connections import check_agents, check_connections, check_knowledge, check_subflows, interface_of_drawing
from flow_runtime.checks.costs import check_costs
from flow_runtime.checks.drawing import Drawing, DrawnNode, draw, print_of
from flow_runtime.checks.expressions import check_expressions, check_fallback, check_patterns, check_translated_texts
from flow_runtime.checks.languages import check_translations
from flow_runtime.checks.loops import check_loops
from flow_runtime.checks.order import check_order
from flow_runtime.checks.parallel import check_bodies, check_branches
from flow_runtime.checks.ports import check_duplicate_ports, check_unconnected_ports
from flow_runtime.checks.privacy import check_personal_data
from flow_runtime.checks.reachability import check_dead_ends, check_reachability
from flow_runtime.checks.references import check_blocked, check_edges, check_jumps, check_node_type
from flow_runtime.checks.settings import check_settings
from flow_runtime.checks.shape import Size, check_shape
from flow_runtime.checks.triggers import check_error_trigger, check_inactivity, check_start, check_time_zone, check_triggers
from flow_runtime.checks.types import check_flow_types, check_types, types_of
from flow_runtime.checks.understanding import check_intents, check_intents_that_lead_nowhere, check_models, check_similar_intents
from flow_runtime.checks.variables import check_declarations, check_names, check_unused
from flow_runtime.errors import InvalidFlow
from flow_runtime.inference import Types
from flow_runtime.limits import PROBLEMS
from flow_runtime.nodes import Library
from flow_runtime.problems import FlowInterface, Problem, Surroundings
from flow_runtime.upgrades import upgraded, upgraded_nodes

OF_NODE: tuple[Callable[[DrawnNode], Iterator[Problem]], ...] = (
    check_node_type,
    check_settings,
    check_duplicate_ports,
    check_patterns,
)
"""What one node's own entry shows. Its errors keep the flow from running at all."""

OF_FLOW: tuple[Callable[[Drawing], Iterator[Problem]], ...] = (
    check_triggers,
    check_time_zone,
    check_inactivity,
    check_error_trigger,
    check_edges,
    check_jumps,
    check_unconnected_ports,
    check_reachability,
    check_dead_ends,
    check_loops,
    check_bodies,
    check_branches,
    check_names,
    check_declarations,
    check_order,
    check_unused,
    check_translated_texts,
    check_translations,
    check_personal_data,
)
"""What the whole graph shows. Each looks at every node once, or a few times where paths meet."""

OF_SURROUNDINGS: tuple[Callable[[Drawing, Surroundings], Iterator[Problem]], ...] = (
    check_intents,
    check_intents_that_lead_nowhere,
    check_similar_intents,
    check_models,
    check_blocked,
    check_connections,
    check_knowledge,
    check_agents,
    check_subflows,
    check_channels,
    check_costs,
)
"""What shows only together with what the server knows."""


@dataclass(slots=True)
class _Kept:
    """What is known of one node's entry."""

    print: bytes | None
    node: DrawnNode
    problems: tuple[Problem, ...]
    types: Types | None = None
    mismatches: tuple[Problem, ...] = ()


class Checker:
    """Checks one flow again and again, as it is edited. `examined` counts the entries that the last check had to look at anew.

    `library` may change between two checks, when a plugin comes or goes.
    """

    def __init__(self, library: Library) -> None:
        self.library = library
        self._sizes: dict[tuple[str, str], tuple[bytes | None, Size]] = {}
        self._kept: dict[str, _Kept] = {}
        self.examined = 0

    def problems(self, document: Any, surroundings: Surroundings | None = None) -> list[Problem]:
        """Everything to mend, in the order a conversation meets the nodes. Any document gives problems, never an exception."""
        drawing, problems = self.blocking(document, severities=("error", "warning"))
        if drawing is None:
            return problems
        types = types_of(drawing.document)
        for check in OF_FLOW:
            problems += check(drawing)
        problems += check_flow_types(drawing, types)
        problems += self._mismatches(drawing, types)
        if surroundings is not None:
            for look in OF_SURROUNDINGS:
                problems += look(drawing, surroundings)
        return in_order(problems, drawing)

    def blocking(self, document: Any, severities: tuple[str, ...] = ("error",)) -> tuple[Drawing | None, list[Problem]]:
        """The graph, and what keeps the flow from running at all."""
        current = upgraded(document) if isinstance(document, dict) else document
        problems = self._shape(current)
        if problems:
            return None, problems
        drawing, problems = self._drawn(upgraded_nodes(current, self.library))
        return drawing, in_order([problem for problem in problems if problem.severity in severities], drawing)

    def _shape(self, document: Any) -> list[Problem]:
        """The same as check_shape, for what has changed; remembers the entries of a document without problems."""
        prints = {place: print_of(entry) for place, entry in _entries(document)}
        known = {place: size for place, (seen, size) in self._sizes.items() if seen is not None and prints.get(place) == seen}
        self.examined = len(prints) - len(known)
        sizes: dict[tuple[str, str], Size] = {}
        problems = check_shape(document, known, sizes)
        self._sizes = {} if problems else {place: (prints[place], size) for place, size in sizes.items()}
        return problems

    def _drawn(self, document: Mapping[str, Any]) -> tuple[Drawing, list[Problem]]:
        """The graph, and what the nodes' own entries show."""
        budget = Budget()
        kept = {node_id: known for node_id, known in self._kept.items() if self._is_same(node_id, known)}
        drawing = draw(document, self.library, {node_id: known.node for node_id, known in kept.items()})
        problems = [*check_start(drawing), *check_fallback(drawing, budget)]
        self._kept = {}
        for node_id, node in drawing.nodes.items():
            known = kept.get(node_id)
            if known is None:
                found = [problem for check in OF_NODE for problem in check(node)]
                found += check_expressions(node, budget)
                known = _Kept(self._sizes["nodes", node_id][0], node, tuple(found))
            self._kept[node_id] = known
            problems += known.problems
        return drawing, problems

    def _is_same(self, node_id: str, known: _Kept) -> bool:
        """Whether neither the entry nor the kind of node behind it has changed."""
        seen, _ = self._sizes.get(("nodes", node_id), (None, None))
        return seen is not None and seen == known.print and self.library.get(known.node.type) is known.node.kind

    def _mismatches(self, drawing: Drawing, types: Types) -> Iterator[Problem]:
        for node_id, node in drawing.nodes.items():
            known = self._kept[node_id]
            if known.types != types:
                faulty = {problem.field for problem in known.problems if problem.code == "expression_error"}
                known.types = types
                known.mismatches = tuple(problem for problem in check_types(node, types) if problem.field not in faulty)
            yield from known.mismatches


def _entries(document: Any) -> Iterator[tuple[tuple[str, str], Any]]:
    for group in ("nodes", "edges"):
        entries = document.get(group) if isinstance(document, dict) else None
        for entry_id, entry in entries.items() if isinstance(entries, dict) else ():
            yield (group, entry_id), entry


def interface_of(document: Any, library: Library) -> FlowInterface:
    """A flow as another one calls it; raises InvalidFlow when it cannot run."""
    drawing, problems = blocking_problems(document, library)
    if drawing is None:
        raise InvalidFlow(problems)
    return interface_of_drawing(drawing)


def problems_of(document: Any, library: Library, surroundings: Surroundings | None = None) -> list[Problem]:
    """Everything to mend, in the order a conversation meets the nodes. Any document gives problems, never an exception."""
    return Checker(library).problems(document, surroundings)


def blocking_problems(document: Any, library: Library) -> tuple[Drawing | None, list[Problem]]:
    """The graph, and the errors that keep the flow from running at all; a draft with other problems can still be tried."""
    return Checker(library).blocking(document)


def in_order(problems: list[Problem], drawing: Drawing) -> list[Problem]:
    """Each once, those of the flow first, then as a conversation meets the nodes, errors before warnings."""
    place = {node_id: index for index, node_id in enumerate(drawing.order)}

    def rank(problem: Problem) -> tuple[int, bool, str, str, str]:
        where = -1 if problem.node_id is None else place[problem.node_id]
        return where, problem.severity != "error", problem.code, problem.field or "", problem.message

    return sorted(dict.fromkeys(problems), key=rank)[:PROBLEMS]
