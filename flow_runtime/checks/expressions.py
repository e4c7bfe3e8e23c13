"""Can every text be computed: syntax, listed filters and functions, bounded work, patterns RE2 can run."""

from collections.abc import Iterator

from flow_runtime.budget import Budget
from flow_runtime.checks.drawing import Drawing
from flow_runtime.conditions import compiled_pattern
from flow_runtime.errors import ExpressionError, NodeFailure
from flow_runtime.expressions import is_template, reading, render
from flow_runtime.problems import Problem
from flow_runtime.settings import templates, walk

_FIX_TEXT = "Mend what stands between {{ and }}, or choose a variable from the list."


def check_expressions(drawing: Drawing) -> Iterator[Problem]:
    """A text that reads no variable is computed at once, so that its errors show while it is being written."""
    budget = Budget()
    fallback = drawing.document.get("settings", {}).get("fallback_text", "")
    error = expression_fault(fallback, budget)
    if error is not None:
        yield Problem("expression_error", "error", None, "settings.fallback_text", f"{error.message}.", _FIX_TEXT)
    for node_id in drawing.order:
        node = drawing.nodes[node_id]
        if node.kind is None:
            continue
        for field, text in templates(node.kind.schema, node.settings):
            error = expression_fault(text, budget)
            if error is not None:
                yield Problem("expression_error", "error", node.id, field, f"{error.message}.", _FIX_TEXT)


def expression_fault(text: str, budget: Budget) -> ExpressionError | None:
    """Why the text cannot be computed, or None."""
    if not is_template(text):
        return None
    read = reading(text)
    if read.error is not None:
        return read.error
    if not read.paths and budget.total > 0:
        try:
            render(text, {}, budget)
        except ExpressionError as error:
            return error
    return None


def check_patterns(drawing: Drawing) -> Iterator[Problem]:
    """Every pattern is one that RE2 can run."""
    for node in drawing.nodes.values():
        if node.kind is None:
            continue
        for path, part, value in walk(node.kind.schema, node.settings):
            pattern, field = value, path
            if isinstance(value, dict) and value.get("operator") == "matches":
                pattern, field = value.get("value"), f"{path}.value"
            elif part.get("format") != "regex":
                continue
            if isinstance(pattern, str) and pattern and not is_template(pattern):
                try:
                    compiled_pattern(pattern)
                except NodeFailure as failure:
                    yield Problem(
                        "pattern_error",
                        "error",
                        node.id,
                        field,
                        f"{failure.message}.",
                        "Write a simpler pattern; look-ahead and \\1 are not available.",
                    )
