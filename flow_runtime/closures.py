"""Expressions as chains of Python functions: what the sandbox would compute, by the sandbox's own operations, without its machinery.

A closure gets the scope, must run within `budget.begin`, and pays, returns and raises exactly what the compiled template would. Syntax
whose meaning depends on more than its parts (statements, a name the template sets itself, a number that Python cannot write down) has none.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jinja2 import nodes

from flow_runtime.filters import FUNCTIONS
from flow_runtime.limits import INTEGER
from flow_runtime.printing import Missing
from flow_runtime.sandbox import Sandbox

Scope = Mapping[str, Any]
Closure = Callable[[Scope], Any]

_NOT_THERE: Any = object()
_JINJAS_OWN = frozenset(("self", "super", "loop", "caller", "varargs", "kwargs"))
_BINARY = (nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow)


class _NoClosure(Exception):
    """The sandbox itself must compute this."""


def closure_of(expression: nodes.Expr, sandbox: Sandbox) -> Closure | None:
    """The guarded expression as a function of the scope; None when only the sandbox can compute it."""
    try:
        return _Maker(sandbox).closure(expression)
    except _NoClosure:
        return None


class _Maker:
    """Makes the closure of a syntax tree out of those of its parts."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def closure(self, node: nodes.Node) -> Closure:
        if isinstance(node, _BINARY):
            return self._binary(node)
        make = getattr(self, f"_{type(node).__name__.lower()}", None)
        if make is None:
            raise _NoClosure
        made: Closure = make(node)
        return made

    def _closures(self, parts: Sequence[nodes.Node]) -> list[Closure]:
        return [self.closure(part) for part in parts]

    def _const(self, node: nodes.Const) -> Closure:
        value = node.value
        if isinstance(value, (int, float)) and not abs(value) <= INTEGER:
            raise _NoClosure
        return lambda scope: value

    def _name(self, node: nodes.Name) -> Closure:
        if node.name in _JINJAS_OWN:
            raise _NoClosure
        name, otherwise = node.name, FUNCTIONS.get(node.name, _NOT_THERE)

        def named(scope: Scope) -> Any:
            value = scope.get(name, otherwise)
            return Missing(name=name) if value is _NOT_THERE else value

        return named

    def _getattr(self, node: nodes.Getattr) -> Closure:
        whole, name, find = self.closure(node.node), node.attr, self._sandbox.getitem
        return lambda scope: find(whole(scope), name)

    def _getitem(self, node: nodes.Getitem) -> Closure:
        whole, place, find = self.closure(node.node), self.closure(node.arg), self._sandbox.getitem
        return lambda scope: find(whole(scope), place(scope))

    def _binary(self, node: nodes.BinExpr) -> Closure:
        left, right, operator, calculate = self.closure(node.left), self.closure(node.right), node.operator, self._sandbox.calculate
        return lambda scope: calculate(operator, left(scope), right(scope))

    def _and(self, node: nodes.And) -> Closure:
        left, right = self.closure(node.left), self.closure(node.right)
        return lambda scope: left(scope) and right(scope)

    def _or(self, node: nodes.Or) -> Closure:
        left, right = self.closure(node.left), self.closure(node.right)
        return lambda scope: left(scope) or right(scope)

    def _not(self, node: nodes.Not) -> Closure:
        inner = self.closure(node.node)
        return lambda scope: not inner(scope)

    def _neg(self, node: nodes.Neg) -> Closure:
        inner = self.closure(node.node)
        return lambda scope: -inner(scope)

    def _pos(self, node: nodes.Pos) -> Closure:
        inner = self.closure(node.node)
        return lambda scope: +inner(scope)

    def _condexpr(self, node: nodes.CondExpr) -> Closure:
        if node.expr2 is None:
            raise _NoClosure
        test, then, otherwise = self.closure(node.test), self.closure(node.expr1), self.closure(node.expr2)
        return lambda scope: then(scope) if test(scope) else otherwise(scope)

    def _filter(self, node: nodes.Filter) -> Closure:
        if node.node is None:
            raise _NoClosure
        return self._applied(self._sandbox.filters[node.name], node.node, node)

    def _test(self, node: nodes.Test) -> Closure:
        work: Any = self._sandbox.tests[node.name]
        return self._applied(work, node.node, node)

    def _applied(self, work: Callable[..., Any], subject: nodes.Expr, node: nodes.Filter | nodes.Test) -> Closure:
        value, args = self.closure(subject), self._closures(node.args)
        if node.kwargs:
            options: dict[str, Closure] = {str(pair.key): self.closure(pair.value) for pair in node.kwargs}
            if len(options) < len(node.kwargs):
                raise _NoClosure
            return lambda scope: work(value(scope), *[arg(scope) for arg in args], **{name: of(scope) for name, of in options.items()})
        if not args:
            return lambda scope: work(value(scope))
        return lambda scope: work(value(scope), *[arg(scope) for arg in args])

    def _call(self, node: nodes.Call) -> Closure:
        if node.kwargs:
            raise _NoClosure
        target, args, call = self.closure(node.node), self._closures(node.args), self._sandbox.use
        return lambda scope: call(target(scope), *[arg(scope) for arg in args])

    def _list(self, node: nodes.List) -> Closure:
        items = self._closures(node.items)
        return lambda scope: [item(scope) for item in items]

    def _tuple(self, node: nodes.Tuple) -> Closure:
        items = self._closures(node.items)
        return lambda scope: tuple([item(scope) for item in items])

    def _dict(self, node: nodes.Dict) -> Closure:
        pairs = [(self.closure(pair.key), self.closure(pair.value)) for pair in node.items]
        return lambda scope: {key(scope): value(scope) for key, value in pairs}
