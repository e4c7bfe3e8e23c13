"""What can go wrong inside the runtime. The server turns these into messages; nothing here knows HTTP."""

from collections.abc import Sequence

from flow_runtime.problems import Problem


class FlowError(Exception):
    """The flow document, its state or its input is at fault, not the platform."""


class InvalidFlow(FlowError):
    """The document cannot be run; `problems` says why."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = list(problems)


def place_in(source: str, position: int) -> str:
    """Where in a text a character stands: "character 7", or "line 3, character 7" when there are several lines."""
    before = source[:position]
    character = position - before.rfind("\n")
    return f"line {before.count(chr(10)) + 1}, character {character}" if "\n" in source else f"character {character}"


class NotExpected(FlowError):
    """The input does not answer what the flow waits for; the state is unchanged."""


class InvalidState(FlowError):
    """A stored state cannot be read, or belongs to another flow."""


class InvalidInput(FlowError):
    """A stored input or effect cannot be read."""


class NodeFailure(FlowError):
    """A node could not do its work. Its `on_error` setting decides how the flow goes on."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


class ExpressionError(NodeFailure):
    """A template or an expression is wrong, or did too much work. `position` counts the characters before the fault in the source."""

    def __init__(self, message: str, position: int | None = None, source: str = "") -> None:
        super().__init__("expression", message if position is None else f"{message.rstrip('.')} ({place_in(source, position)})")
        self.position = position


class LimitExceeded(NodeFailure):
    """A limit of the runtime was crossed; the flow stops whatever the node's `on_error` says."""

    def __init__(self, message: str) -> None:
        super().__init__("limit", message)
