"""Can every text be computed: syntax, listed filters and functions, bounded work, patterns RE2 can run."""

from collections.abc import Iterator, Mapping
from typing import Any

from flow_runtime.budget import Budget
from flow_runtime.checks.drawing import Drawing, DrawnNode
from flow_runtime.conditions import compiled_pattern
from flow_runtime.errors import ExpressionError, NodeFailure
from flow_runtime.expressions import is_template, reading, render
from flow_runtime.problems import Problem
from flow_runtime.settings import Place

_FIX_TEXT = "Mend what stands between {{ and }}, or choose a variable from the list."
_FIX_PATTERN = "Write a simpler pattern; look-ahead and \\1 are not available."


def check_expressions(node: DrawnNode, budget: Budget) -> Iterator[Problem]:
    """A text that reads no variable is computed at once, so that its errors show while it is being written.

    All texts of a flow share one budget: those that come after it is used up are not computed.
    """
    for field, text in node.texts:
        yield from _faults(text, node.id, field, budget)


def check_fallback(drawing: Drawing, budget: Budget) -> Iterator[Problem]:
    """The same for the text that is said when nothing else can be."""
    yield from _faults(drawing.document.get("settings", {}).get("fallback_text", ""), None, "settings.fallback_text", budget)


def check_translated_texts(drawing: Drawing) -> Iterator[Problem]:
    """The same for translations; a customer for whom one cannot be computed is the node's failure, so the flow can be tried."""
    budget = Budget()
    for language, texts in sorted(drawing.document.get("languages", {}).get("texts", {}).items()):
        for _, text in sorted(texts.items()):
            yield from _faults(text, None, f"languages.texts.{language}", budget)


def _faults(text: str, node_id: str | None, field: str, budget: Budget) -> Iterator[Problem]:
    error = expression_fault(text, budget) if is_template(text) else None
    if error is not None:
        yield Problem("expression_error", "error", node_id, field, f"{error.message}.", _FIX_TEXT, error.position)


def expression_fault(text: str, budget: Budget) -> ExpressionError | None:
    """Why the text cannot be computed, or None."""
    read = reading(text)
    if read.error is not None:
        return read.error
    if not read.paths and budget.total > 0:
        try:
            render(text, {}, budget)
        except ExpressionError as error:
            return error
    return None


def check_patterns(node: DrawnNode) -> Iterator[Problem]:
    """Every pattern is one that RE2 can run."""
    for place in node.places:
        pattern, field = _pattern_at(place)
        if isinstance(pattern, str) and pattern and not is_template(pattern):
            yield from pattern_faults(pattern, node.id, field)


def _pattern_at(place: Place) -> tuple[Any, str]:
    path, part, value = place
    if isinstance(value, Mapping) and value.get("operator") == "matches":
        return value.get("value"), f"{path}.value"
    return (value if part.get("format") == "regex" else None), path


def pattern_faults(pattern: str, node_id: str | None, field: str) -> Iterator[Problem]:
    """What RE2 says against the pattern, if anything."""
    try:
        compiled_pattern(pattern)
    except NodeFailure as failure:
        yield Problem("pattern_error", "error", node_id, field, f"{failure.message}.", _FIX_PATTERN)
