"""How much work expressions may do. Every operation takes from the budget of the sprint it runs in."""

from contextvars import ContextVar, Token
from math import isfinite
from typing import Any

from flow_runtime.errors import ExpressionError
from flow_runtime.limits import EXPRESSION_STEPS, INTEGER, LIST_ITEMS, STEPS_PER_SPRINT, TEXT_CHARACTERS
from flow_runtime.locales import HOME, Manner

_WEIGHTLESS = frozenset((int, float, bool, type(None)))
TOO_MUCH = "The expression does too much work"


class Budget:
    """Steps left for the expression at work (`left`) and for all the expressions of one run (`total`); for whom they write (`manner`)."""

    __slots__ = ("_opened", "left", "manner", "total")

    def __init__(self, total: int = STEPS_PER_SPRINT, manner: Manner = HOME) -> None:
        self.total = total
        self.manner = manner
        self.left = self._opened = 0


_current: ContextVar[Budget] = ContextVar("expression_budget")


def begin(budget: Budget) -> Token[Budget]:
    """A new expression begins; what it does is charged to this budget."""
    budget.left = budget._opened = min(EXPRESSION_STEPS, budget.total)
    return _current.set(budget)


def finish(budget: Budget, token: Token[Budget]) -> None:
    """The expression is done; what it used is gone."""
    _current.reset(token)
    budget.total -= budget._opened - max(0, budget.left)


def current_manner() -> Manner:
    """Language and time zone of the customer for whom the expression at work writes."""
    return _current.get().manner


def take(steps: int = 1) -> None:
    """Pay for some work; raises when the budget is used up."""
    budget = _current.get()
    budget.left -= steps
    if budget.left < 0:
        raise ExpressionError(TOO_MUCH)


def weigh(*values: Any) -> int:
    """The deep size of the values, counted no further than the budget could pay for."""
    cap = _current.get().left * 4 + 64
    size = 0
    stack = list(values)
    while stack and size <= cap:
        value = stack.pop()
        size += 1
        if isinstance(value, str):
            size += len(value) >> 3
        elif isinstance(value, dict):
            size += len(value)
            stack.extend(value.values())
        elif isinstance(value, (list, tuple, range)):
            size += len(value)
            stack.extend(value)
    return size >> 2


def charge(value: Any) -> Any:
    """Pay for looking at the whole value."""
    take(1 if type(value) in _WEIGHTLESS else 1 + weigh(value))
    return value


def within_limits(value: Any) -> Any:
    """The value, when it is no larger than an intermediate value may be."""
    if type(value) is int and -INTEGER <= value <= INTEGER:
        return value
    if isinstance(value, str):
        if len(value) > TEXT_CHARACTERS:
            raise ExpressionError("The text becomes too long")
        if len(value) > 64:
            take(len(value) >> 6)
    elif isinstance(value, (list, tuple, dict)):
        if len(value) > LIST_ITEMS:
            raise ExpressionError("The list becomes too long")
    elif isinstance(value, (int, float)) and not abs(value) <= INTEGER and not _is_finite_float(value):
        raise ExpressionError("The number becomes too large")
    return value


def _is_finite_float(value: float) -> bool:
    return isinstance(value, float) and isfinite(value)
