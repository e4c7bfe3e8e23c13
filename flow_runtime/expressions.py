"""The one expression language: `{{ }}` in texts, and bare expressions. Compiled once per flow, bounded whatever the author wrote.

Only texts that stand in the flow document are ever compiled. What a customer or another system says is a value, never a template.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from jinja2 import ChainableUndefined, Template, TemplateError, TemplateSyntaxError, meta, nodes

from flow_runtime.budget import TOO_MUCH, Budget, begin, charge, finish, take
from flow_runtime.caching import remembered
from flow_runtime.closures import closure_of
from flow_runtime.errors import ExpressionError
from flow_runtime.filters import FUNCTIONS
from flow_runtime.limits import TEXT_CHARACTERS, VALUE_DEPTH
from flow_runtime.printing import Missing, as_text
from flow_runtime.sandbox import NOWHERE, Sandbox, as_result

ANY_ITEM = "*"
"""Stands in a path for an item that is only known when the flow runs."""

Scope = Mapping[str, Any]
"""What the names in an expression stand for."""

Compute = Callable[[Scope, Budget], Any]
"""Gives the value of an expression; raises ExpressionError."""


def _quoted(text: str) -> str:
    return quote(text, safe="")


_PLAIN = Sandbox()
_URL = Sandbox(_quoted)
_ARITHMETIC = (TypeError, ValueError, ArithmeticError, AttributeError, LookupError)
_EXPECTED = (ExpressionError, RecursionError, TemplateError, *_ARITHMETIC)
_MISSING = Missing()
_LARGE = (list, tuple, dict)
_SCALARS = (str, bool, int, float)
_PLAIN_VALUES = (str, int, float)
_ON_EMPTY = frozenset(("default", "d", "defined", "undefined", "none"))


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text reads: the dotted paths of its names, or why it cannot be compiled.

    `guarded` are names for which the text says itself what happens while they are empty.
    """

    paths: frozenset[tuple[str, ...]]
    error: ExpressionError | None = None
    guarded: frozenset[str] = frozenset()

    @property
    def names(self) -> frozenset[str]:
        return frozenset(path[0] for path in self.paths)


def is_template(text: str) -> bool:
    """Whether the text holds anything to compute."""
    return "{{" in text or "{%" in text or "{#" in text


@remembered(8192)
def reading(source: str) -> Reading:
    """What a text with `{{ }}` reads."""
    try:
        tree = _guarded(lambda: _PLAIN.template_tree(source), source)
    except ExpressionError as error:
        return Reading(frozenset(), error)
    return Reading(frozenset(_paths(tree, _free_names(tree))), None, frozenset(_guarded_names(tree)))


def _free_names(tree: nodes.Template) -> set[str]:
    """The names that the text does not set itself."""
    names = list(tree.find_all(nodes.Name))
    if all(name.ctx == "load" for name in names):
        return {name.name for name in names} - FUNCTIONS.keys()
    tree.set_environment(_PLAIN)
    return meta.find_undeclared_variables(tree) - FUNCTIONS.keys()


def _guarded_names(tree: nodes.Template) -> Iterator[str]:
    for node in tree.find_all((nodes.If, nodes.CondExpr, nodes.Filter, nodes.Test)):
        match node:
            case nodes.If() | nodes.CondExpr():
                yield from _asked_for(node.test)
            case nodes.Filter() | nodes.Test() if node.name in _ON_EMPTY and node.node is not None:
                yield from _path(node.node)[:1]


def _asked_for(test: nodes.Node) -> Iterator[str]:
    """The names whose being there is what `if a`, `if not a`, `if a and b` ask."""
    if isinstance(test, nodes.Not):
        yield from _asked_for(test.node)
    elif isinstance(test, (nodes.And, nodes.Or)):
        yield from _asked_for(test.left)
        yield from _asked_for(test.right)
    else:
        yield from _path(test)[:1]


def bare_tree(source: str) -> nodes.Template:
    """The syntax tree of a text with `{{ }}`, as its author wrote it; raises ExpressionError where it could not be computed."""
    error = reading(source).error
    if error is not None:
        raise error
    tree: nodes.Template = _guarded(lambda: _PLAIN.bare_tree(source), source)
    return tree


def _paths(tree: nodes.Template, free: set[str]) -> set[tuple[str, ...]]:
    lookups: list[nodes.Getattr | nodes.Getitem] = [*tree.find_all(nodes.Getattr), *tree.find_all(nodes.Getitem)]
    inner = {id(node.node) for node in lookups}
    found = (_path(node) for node in (*lookups, *tree.find_all(nodes.Name)) if id(node) not in inner)
    return {path for path in found if path and path[0] in free}


def _path(node: nodes.Node) -> tuple[str, ...]:
    """`a.b['c'][x]` as ("a", "b", "c", ANY_ITEM); () when it does not begin with a name."""
    if isinstance(node, nodes.Name):
        return (node.name,) if node.ctx == "load" else ()
    if isinstance(node, nodes.Getattr):
        before = _path(node.node)
        return (*before, node.attr) if before else ()
    if isinstance(node, nodes.Getitem):
        before = _path(node.node)
        return (*before, str(node.arg.value) if isinstance(node.arg, nodes.Const) else ANY_ITEM) if before else ()
    return ()


def _guarded(work: Callable[[], Any], source: str = "") -> Any:
    try:
        return work()
    except TemplateSyntaxError as error:
        position = error.lineno - 1 if error.lineno > NOWHERE else None
        raise ExpressionError(error.message or "The expression cannot be read", position, source) from None
    except RecursionError:
        raise ExpressionError("The expression is nested too deeply") from None
    except (TemplateError, SyntaxError, *_ARITHMETIC) as error:
        raise ExpressionError(f"The expression cannot be read: {error}") from None


def _bare(template: Template) -> Template:
    """The template without the environment's globals, which Jinja would list at each rendering: all names come with the scope."""
    template.globals = {}
    return template


class _Compiled:
    """One text, ready to be rendered. Texts that only name values are joined here; all else runs in the sandbox."""

    __slots__ = ("_escape", "_parts", "_sandbox", "_template", "_tree", "_value")

    def __init__(self, source: str, sandbox: Sandbox, escape: Callable[[str], str] | None) -> None:
        self._sandbox = sandbox
        self._escape = escape
        self._tree: nodes.Template = _guarded(lambda: sandbox.template_tree(source), source)
        self._parts = _simple_parts(self._tree)
        self._template: Template | None = None
        self._value: Compute | None = None

    def render(self, scope: Scope, budget: Budget) -> str:
        if self._parts is not None:
            quick = self._join(self._parts, scope)
            if quick is not None:
                return quick
        if self._template is None:
            self._template = _guarded(lambda: _bare(self._sandbox.from_string(self._tree)))
        template = self._template
        text: str = _bounded(lambda: _printed(template, scope), budget)
        return text

    def value(self, scope: Scope, budget: Budget) -> Any:
        """The value itself when the text is a single `{{ expression }}`, else the rendered text."""
        if self._parts is not None and len(self._parts) == 1:
            named = _named(self._parts[0], scope)
            if isinstance(named, _PLAIN_VALUES):
                return named
        if self._value is None:
            expression = single_expression(self._tree)
            self._value = self.render if expression is None else computing(expression, self._sandbox)
        return self._value(scope, budget)

    def _join(self, parts: tuple[str | tuple[str, ...], ...], scope: Scope) -> str | None:
        """The text, when every value in it is a short word or a number; None leaves it to the sandbox."""
        texts: list[str] = []
        for part in parts:
            if isinstance(part, str):
                texts.append(part)
                continue
            value = scope.get(part[0], _MISSING) if len(part) == 1 else _named(part, scope)
            if type(value) is not str:
                if isinstance(value, _LARGE):
                    return None
                value = as_text(value)
            texts.append(value if self._escape is None else self._escape(value))
        joined = "".join(texts)
        return joined if len(joined) <= TEXT_CHARACTERS else None


def _named(part: str | tuple[str, ...], scope: Scope) -> Any:
    """What a dotted name stands for; a text stands for itself."""
    if isinstance(part, str):
        return part
    value = scope.get(part[0], _MISSING)
    for step in part[1:]:
        value = value.get(step, _MISSING) if isinstance(value, dict) else _MISSING
    return value


def _outputs(tree: nodes.Template) -> list[nodes.Expr] | None:
    found: list[nodes.Expr] = []
    for statement in tree.body:
        if not isinstance(statement, nodes.Output):
            return None
        found += statement.nodes
    return found


def _simple_parts(tree: nodes.Template) -> tuple[str | tuple[str, ...], ...] | None:
    parts: list[str | tuple[str, ...]] = []
    for node in _outputs(tree) or [nodes.Const(None)]:
        if isinstance(node, nodes.TemplateData):
            parts.append(node.data)
        elif _is_dotted(node):
            parts.append(_path(node))
        else:
            return None
    return tuple(parts)


def _is_dotted(node: nodes.Node) -> bool:
    while isinstance(node, nodes.Getattr):
        node = node.node
    return isinstance(node, nodes.Name) and node.name not in FUNCTIONS


def single_expression(tree: nodes.Template) -> nodes.Expr | None:
    """The expression of a text that is one `{{ expression }}` and nothing else."""
    outputs = [node for node in _outputs(tree) or [] if not (isinstance(node, nodes.TemplateData) and not node.data.strip())]
    return outputs[0] if len(outputs) == 1 and not isinstance(outputs[0], nodes.TemplateData) else None


def _printed(template: Template, scope: Scope) -> str:
    parts: list[str] = []
    size = 0
    for part in template.root_render_func(template.new_context({**FUNCTIONS, **scope}, shared=True)):
        size += len(part)
        take()
        if size > TEXT_CHARACTERS:
            raise ExpressionError("The text becomes too long")
        parts.append(part)
    return "".join(parts)


def computing(expression: nodes.Expr, sandbox: Sandbox) -> Compute:
    """How the value of a guarded expression is computed: by a closure where there is one, else in the sandbox."""
    closure = closure_of(expression, sandbox)
    if closure is None:
        return in_sandbox(expression, sandbox)

    def compute(scope: Scope, budget: Budget) -> Any:
        token = begin(budget)
        try:
            return plain(charge(closure(scope)))
        except _EXPECTED as error:
            raise _refused(error) from None
        finally:
            finish(budget, token)

    return compute


def in_sandbox(expression: nodes.Expr, sandbox: Sandbox) -> Compute:
    """The value of a guarded expression, computed by a template of the sandbox."""
    template = _guarded(lambda: _bare(sandbox.from_string(as_result(expression))))
    return lambda scope, budget: _bounded(lambda: _computed(template, scope), budget)


def _computed(template: Template, scope: Scope) -> Any:
    context = template.new_context({**FUNCTIONS, **scope}, shared=True)
    for _ in template.root_render_func(context):
        pass
    return plain(charge(context.vars["result"]))


def _bounded(work: Callable[[], Any], budget: Budget) -> Any:
    token = begin(budget)
    try:
        return work()
    except _EXPECTED as error:
        raise _refused(error) from None
    finally:
        finish(budget, token)


def _refused(error: Exception) -> ExpressionError:
    """What the author reads of an error at work."""
    if isinstance(error, ExpressionError):
        return error
    return ExpressionError(TOO_MUCH if isinstance(error, RecursionError) else f"This cannot be computed: {error}")


def plain(value: Any, depth: int = 0) -> Any:
    """The value as plain JSON."""
    if value is None or isinstance(value, _SCALARS):
        return value
    if depth >= VALUE_DEPTH:
        raise ExpressionError("The value is nested too deeply")
    if isinstance(value, dict):
        return {as_text(key): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, range)):
        return [plain(item, depth + 1) for item in value]
    return None if isinstance(value, ChainableUndefined) else as_text(value)


class Texts:
    """The texts of one flow, compiled when first needed."""

    __slots__ = ("_known", "_plain", "_url")

    def __init__(self, sources: Iterable[str]) -> None:
        self._known = frozenset(sources)
        self._plain: dict[str, _Compiled] = {}
        self._url: dict[str, _Compiled] = {}

    def render(self, source: str, scope: Scope, budget: Budget) -> str:
        """The text with its values put in."""
        return self._compiled(source).render(scope, budget) if is_template(source) else source

    def render_url(self, source: str, scope: Scope, budget: Budget) -> str:
        """The address with its values put in, each percent-encoded: a value can never change the host or the path around it."""
        if not is_template(source):
            return source
        compiled = self._url.get(source)
        if compiled is None:
            compiled = self._url[source] = _Compiled(self._owned(source), _URL, _quoted)
        return compiled.render(scope, budget)

    def value(self, source: str, scope: Scope, budget: Budget) -> Any:
        """The value itself when the text is a single `{{ expression }}`, else the rendered text."""
        return self._compiled(source).value(scope, budget) if is_template(source) else source

    def _compiled(self, source: str) -> _Compiled:
        compiled = self._plain.get(source)
        if compiled is None:
            compiled = self._plain[source] = _Compiled(self._owned(source), _PLAIN, None)
        return compiled

    def _owned(self, source: str) -> str:
        if source not in self._known:
            raise ExpressionError("Only texts of the flow itself may hold {{ }}")
        return source


def evaluate(source: str, scope: Scope, budget: Budget | None = None) -> Any:
    """The value of a bare expression."""
    return _expression(source)(scope, budget or Budget())


def render(source: str, scope: Scope, budget: Budget | None = None) -> str:
    """The text with its values put in, compiled for this once."""
    return Texts((source,)).render(source, scope, budget or Budget())


@lru_cache(maxsize=1024)
def _expression(source: str) -> Compute:
    compute: Compute = _guarded(lambda: computing(_PLAIN.expression_tree(source), _PLAIN), source)
    return compute
