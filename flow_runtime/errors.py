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
    """A template or an expression is wrong, or did too much work."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__("expression", message if line is None or line <= 1 else f"{message} (line {line})")
        self.line = line


class LimitExceeded(NodeFailure):
    """A limit of the runtime was crossed; the flow stops whatever the node's `on_error` says."""

    def __init__(self, message: str) -> None:
        super().__init__("limit", message)
