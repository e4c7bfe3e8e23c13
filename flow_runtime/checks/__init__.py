"""What is wrong with a flow, found without running it. One file per family of checks."""

from flow_runtime.checks.checker import Checker, blocking_problems, interface_of, problems_of
from flow_runtime.checks.drawing import Drawing

__all__ = ["Checker", "Drawing", "blocking_problems", "interface_of", "problems_of"]
