"""Jinja2 made safe for texts that tenants write: an allow-list of syntax, values that are plain data, and a price on every operation.

The stock sandbox stops attribute escapes but not resource abuse; here both are bounded by construction, without threads or timers.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from jinja2 import TemplateSyntaxError, nodes
from jinja2.lexer import TokenStream
from jinja2.parser import Parser
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from flow_runtime.budget import take, weigh, within_limits
from flow_runtime.errors import ExpressionError
from flow_runtime.filters import FILTERS, FUNCTIONS, HIDDEN_FILTERS, METHODS, TESTS
from flow_runtime.limits import EXPRESSION_CHARACTERS, EXPRESSION_DEPTH, EXPRESSION_NODES, LIST_ITEMS, TEMPLATE_CHARACTERS, TEXT_CHARACTERS
from flow_runtime.printing import Missing, described, finished

_FORBIDDEN = (
    nodes.Import,
    nodes.FromImport,
    nodes.Include,
    nodes.Extends,
    nodes.Block,
    nodes.Macro,
    nodes.CallBlock,
    nodes.FilterBlock,
    nodes.AssignBlock,
    nodes.With,
    nodes.ScopedEvalContextModifier,
    nodes.EvalContextModifier,
    nodes.Slice,
    nodes.NSRef,
)
_LOOP_WORDS = frozenset(("index", "index0", "first", "last", "length"))
_CHAINS = re.compile(rf"(?:\bnot\s+){{{EXPRESSION_DEPTH},}}|[-+~]{{{EXPRESSION_DEPTH},}}")
_NESTED = "The expression is nested too deeply"
_NUMBERS = frozenset((int, float))
_PLACE = re.compile(r" at \d+$")
NOWHERE = 0
"""The `lineno` of a syntax error that is about the whole text."""


class Guard(NodeTransformer):
    """Walks a parsed template once: refuses what is not on the list and puts a price on what is."""

    def __init__(self) -> None:
        self._seen = 0
        self._depth = 0
        self._loops = 0

    def visit(self, node: nodes.Node, *args: Any, **options: Any) -> Any:
        self._seen += 1
        self._depth += 1
        if self._seen > EXPRESSION_NODES:
            raise _refusal("The expression is too long", node)
        if self._depth > EXPRESSION_DEPTH:
            raise _refusal(_NESTED, node)
        if isinstance(node, _FORBIDDEN):
            raise _refusal(f"'{type(node).__name__.lower()}' is not allowed", node)
        try:
            return super().visit(node, *args, **options)
        finally:
            self._depth -= 1

    def visit_Call(self, node: nodes.Call) -> nodes.Node:
        if node.dyn_args or node.dyn_kwargs:
            raise _refusal("* arguments are not allowed", node)
        target = node.node
        if isinstance(target, nodes.Getattr):
            if target.attr not in METHODS:
                raise _refusal(f"'.{target.attr}()' is not allowed", node)
            return self.generic_visit(
                nodes.Filter(target.node, METHODS[target.attr], node.args, node.kwargs, None, None, lineno=node.lineno)
            )
        if not isinstance(target, nodes.Name) or target.name not in FUNCTIONS:
            raise _refusal(f"Only {', '.join(sorted(FUNCTIONS))} can be called", node)
        return self.generic_visit(node)

    def visit_Filter(self, node: nodes.Filter) -> nodes.Node:
        if node.name not in FILTERS:
            raise _refusal(f"There is no filter '{node.name}'", node)
        if node.dyn_args or node.dyn_kwargs:
            raise _refusal("* arguments are not allowed", node)
        return self.generic_visit(node)

    def visit_Test(self, node: nodes.Test) -> nodes.Node:
        if node.name not in TESTS:
            raise _refusal(f"There is no test '{node.name}'", node)
        checked = self.generic_visit(node)
        if isinstance(checked, nodes.Test):
            checked.args = [_hidden(argument, "-charge") for argument in checked.args]
            if checked.name not in ("defined", "undefined"):
                checked.node = _hidden(checked.node, "-charge")
        return checked

    def visit_Name(self, node: nodes.Name) -> nodes.Node:
        if node.name.startswith("_"):
            raise _refusal("Names that start with _ are not allowed", node)
        return node

    def visit_Getattr(self, node: nodes.Getattr) -> nodes.Node:
        if node.attr.startswith("_"):
            raise _refusal("Names that start with _ are not allowed", node)
        return self.generic_visit(node)

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:
        if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str) and node.arg.value.startswith("_"):
            raise _refusal("Names that start with _ are not allowed", node)
        return self.generic_visit(node)

    def visit_For(self, node: nodes.For) -> nodes.Node:
        if node.recursive:
            raise _refusal("Recursive loops are not allowed", node)
        self._loops += 1
        if self._loops > 2:
            raise _refusal("Loops are nested too deeply", node)
        self.generic_visit(node)
        self._loops -= 1
        node.iter = _hidden(node.iter, "-items")
        return node

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:
        self.generic_visit(node)
        operands: list[nodes.Expr] = []
        for operand in node.ops:
            operands += [nodes.Const(operand.op), operand.expr]
        return _hidden(node.expr, "-compare", operands)

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        return _hidden(node.nodes[0], "-joined", node.nodes[1:])


def _refusal(message: str, node: nodes.Node) -> TemplateSyntaxError:
    return TemplateSyntaxError(message, getattr(node, "lineno", NOWHERE) or NOWHERE)


def _hidden(node: Any, name: str, arguments: list[nodes.Expr] | None = None) -> nodes.Filter:
    return nodes.Filter(node, name, arguments or [], [], None, None, lineno=node.lineno)


def _by_place(tokens: Iterable[tuple[int, str, str]], source: str) -> Iterator[tuple[int, str, str]]:
    """Each token with the place of its first character, counted from 1, where Jinja2 keeps the line."""
    at = 0
    try:
        for _, kind, text in tokens:
            at = max(at, source.find(text, at))
            yield at + 1, kind, text
            at += len(text)
    except TemplateSyntaxError as error:
        raise TemplateSyntaxError(_PLACE.sub("", error.message or ""), at + 1) from None


class Sandbox(ImmutableSandboxedEnvironment):
    """The only Jinja2 environment of the project. `escape` is applied to every value that a text prints.

    In its syntax trees and syntax errors `lineno` is the place of a character, counted from 1, so that an editor can point at it.
    """

    intercepted_binops = frozenset(["+", "-", "*", "/", "//", "%", "**"])

    def __init__(self, escape: Callable[[str], str] | None = None) -> None:
        finalize = finished if escape is None else lambda value: escape(finished(value))
        super().__init__(undefined=Missing, autoescape=False, optimized=False, cache_size=0, keep_trailing_newline=True, finalize=finalize)
        self.filters = {**FILTERS, **HIDDEN_FILTERS}
        self.tests = {name: test for name, test in self.tests.items() if name in TESTS}
        self.globals = dict(FUNCTIONS)
        self._functions = frozenset(FUNCTIONS.values())

    def template_tree(self, source: str) -> nodes.Template:
        """The guarded syntax tree of a text with `{{ }}`."""
        _look_over(source, TEMPLATE_CHARACTERS)
        tree: nodes.Template = Guard().visit(super()._parse(source, None, None))
        return tree

    def expression_tree(self, source: str) -> nodes.Expr:
        """The guarded syntax tree of a bare expression."""
        _look_over(source, EXPRESSION_CHARACTERS)
        if not source.strip():
            raise TemplateSyntaxError("The expression is empty", NOWHERE)
        parser = Parser(self, source, state="variable")
        expression = parser.parse_expression()
        if not parser.stream.eos:
            raise TemplateSyntaxError("There is something after the end of the expression", parser.stream.current.lineno)
        tree: nodes.Expr = Guard().visit(expression)
        return tree

    def bare_tree(self, source: str) -> nodes.Template:
        """The syntax tree of a text that `template_tree` accepts, as its author wrote it."""
        return super()._parse(source, None, None)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        return self.template_tree(source)

    def _tokenize(self, source: str, name: str | None, filename: str | None = None, state: str | None = None) -> TokenStream:
        tokens = _by_place(self.lexer.tokeniter(source, name, filename, state), source)
        return TokenStream(self.lexer.wrap(tokens, name, filename), name, filename)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        return self.calculate(operator, left, right)

    def calculate(self, operator: str, left: Any, right: Any) -> Any:
        """`left + right` and the like; raises ExpressionError and what Python raises."""
        take()
        numbers = type(left) in _NUMBERS and type(right) in _NUMBERS
        if operator == "**" and not (numbers and abs(right) <= 64):
            raise ExpressionError("A power is limited to 64")
        if operator == "+" and not numbers:
            return _added(left, right)
        if not numbers:
            raise ExpressionError(f"{described(left)} and {described(right).lower()} cannot be calculated with '{operator}'")
        return within_limits(self.binop_table[operator](left, right))

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        take()
        if isinstance(obj, dict):
            if argument in obj:
                return obj[argument]
        elif isinstance(obj, (list, tuple, str, range)):
            if isinstance(argument, int) and -len(obj) <= argument < len(obj):
                return obj[argument]
        elif isinstance(obj, LoopContext) and argument in _LOOP_WORDS:
            return getattr(obj, argument)
        return self.undefined(obj=None, name=str(argument)[:64])

    def call(self, context: Context, obj: Any, *args: Any, **options: Any) -> Any:
        return self.use(obj, *args)

    def use(self, obj: Any, *args: Any) -> Any:
        """The value of one of the functions that may be called."""
        if obj not in self._functions:
            raise ExpressionError("This cannot be called")
        take(2 + weigh(*args))
        return within_limits(obj(*args))


def as_result(expression: nodes.Expr) -> nodes.Template:
    """A template that only computes the expression, into `result`."""
    return nodes.Template([nodes.Assign(nodes.Name("result", "store"), expression, lineno=1)], lineno=1)


def _added(left: Any, right: Any) -> Any:
    if isinstance(left, str) and isinstance(right, str):
        if len(left) + len(right) > TEXT_CHARACTERS:
            raise ExpressionError("The text becomes too long")
        return within_limits(left + right)
    if isinstance(left, list) and isinstance(right, list):
        if len(left) + len(right) > LIST_ITEMS:
            raise ExpressionError("The list becomes too long")
        take((len(left) + len(right)) >> 2)
        return left + right
    raise ExpressionError(f"{described(left)} and {described(right).lower()} cannot be added; join texts with ~")


def _look_over(source: str, longest: int) -> None:
    if len(source) > longest:
        raise TemplateSyntaxError(f"The text is longer than {longest} characters", NOWHERE)
    if "\0" in source:
        raise TemplateSyntaxError("The text holds a NUL character", source.index("\0") + 1)
    if _brackets(source) > EXPRESSION_DEPTH or _CHAINS.search(source):
        raise TemplateSyntaxError(_NESTED, NOWHERE)


def _brackets(source: str) -> int:
    depth = deepest = 0
    for character in source:
        if character in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in ")]}":
            depth -= 1
    return deepest
