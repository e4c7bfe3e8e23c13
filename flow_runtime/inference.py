"""The types of expressions, worked out without running them, and where two of them do not go together."""

from collections.abc import Mapping
from dataclasses import dataclass

from jinja2 import nodes

from flow_runtime.caching import remembered
from flow_runtime.errors import ExpressionError
from flow_runtime.expressions import bare_tree, single_expression
from flow_runtime.filters import METHODS
from flow_runtime.signatures import FILTER_SIGNATURES, FUNCTION_SIGNATURES, WRITTEN, Type

Types = tuple[tuple[str, Type], ...]
"""The types of the names a text may read, dotted where a part is known: (("contact.name", "text"), ...)."""

_TITLES: Mapping[Type, str] = {
    "text": "A text",
    "number": "A number",
    "boolean": "A yes/no value",
    "date": "A date",
    "datetime": "A date with a time",
    "list": "A list",
    "object": "An object",
    "file": "A file",
    "nothing": "An empty value",
    "any": "A value",
}
_ORDER = frozenset(("lt", "lteq", "gt", "gteq"))
_STRINGS: frozenset[Type] = frozenset(("text", "date", "datetime"))
_MOMENTS: frozenset[Type] = frozenset(("date", "datetime"))
_OPEN: frozenset[Type] = frozenset(("any", "nothing"))
_SIGNS = {"Sub": "-", "Mul": "*", "Div": "/", "FloorDiv": "//", "Mod": "%", "Pow": "**"}


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Two types that do not go together, and the character where. `certain`: it fails whenever the values are there."""

    message: str
    position: int
    certain: bool


@dataclass(frozen=True, slots=True)
class Inferred:
    """The type of a text's value, and what is wrong inside it."""

    type: Type
    mismatches: tuple[Mismatch, ...] = ()


def titled(type: Type) -> str:
    """The type in a builder's words, with its article."""
    return _TITLES[type]


@remembered(8192)
def infer(source: str, types: Types) -> Inferred:
    """The type of a text with `{{ }}`: that of the expression when it is one alone, else text. One that cannot be read is of any type."""
    try:
        tree = bare_tree(source)
    except ExpressionError:
        return Inferred("any")
    walker = _Walker(dict(types))
    walker.statements(tree.body)
    single = single_expression(tree)
    return Inferred("text" if single is None else walker.known[id(single)], tuple(dict.fromkeys(walker.mismatches)))


def fits(given: Type, wanted: Type) -> bool:
    """Whether a value of one type can be kept as another: numbers, dates and yes/no are read from texts."""
    if given in _OPEN or wanted in _OPEN or given == wanted:
        return True
    if wanted == "text":
        return given in WRITTEN
    if wanted in _MOMENTS:
        return given in _STRINGS
    if wanted in ("number", "boolean"):
        return given in ("text", "number" if wanted == "boolean" else "text")
    return wanted == "object" and given == "file"


def comparable(left: Type, right: Type) -> bool:
    """Whether < and > between them mean something."""
    if left in _OPEN or right in _OPEN:
        return True
    if left in _MOMENTS or right in _MOMENTS:
        return left in _STRINGS and right in _STRINGS
    return left == right and left in WRITTEN


class _Walker:
    """Goes through a syntax tree once and notes the type of each expression."""

    def __init__(self, names: Mapping[str, Type]) -> None:
        self._names = names
        self._local: dict[str, Type] = {}
        self.known: dict[int, Type] = {}
        self.mismatches: list[Mismatch] = []

    def statements(self, body: list[nodes.Node]) -> None:
        for statement in body:
            if isinstance(statement, nodes.Output):
                for part in statement.nodes:
                    self.type_of(part)
            elif isinstance(statement, nodes.If):
                self.type_of(statement.test)
                self.statements([*statement.body, *statement.elif_, *statement.else_])
            elif isinstance(statement, nodes.For):
                self._loop(statement)
            elif isinstance(statement, nodes.Assign):
                type = self.type_of(statement.node)
                if isinstance(statement.target, nodes.Name):
                    self._local[statement.target.name] = type

    def _loop(self, loop: nodes.For) -> None:
        over = self.type_of(loop.iter)
        if over in ("number", "boolean"):
            self._note(f"{titled(over)} has no items to go through", loop.iter, certain=True)
        for name in loop.target.find_all(nodes.Name):
            self._local[name.name] = "any"
        if isinstance(loop.target, nodes.Name):
            self._local[loop.target.name] = "any"
        if loop.test is not None:
            self.type_of(loop.test)
        self.statements([*loop.body, *loop.else_])

    def _note(self, message: str, node: nodes.Node, *, certain: bool) -> None:
        self.mismatches.append(Mismatch(message, max(0, _place(node) - 1), certain))

    def type_of(self, node: nodes.Node) -> Type:
        """The type, remembered for who asks about the whole text."""
        type = self.known[id(node)] = self._type_of(node)
        return type

    def _type_of(self, node: nodes.Node) -> Type:
        match node:
            case nodes.TemplateData() | nodes.Concat():
                self._inside(node)
                return "text"
            case nodes.Const():
                return _type_of_value(node.value)
            case nodes.Name():
                return self._local.get(node.name) or self._names.get(node.name, "any")
            case nodes.List() | nodes.Tuple():
                self._inside(node)
                return "list"
            case nodes.Dict():
                self._inside(node)
                return "object"
            case nodes.Getattr() | nodes.Getitem():
                return self._part(node)
            case nodes.Filter():
                return self._filtered(node, node.name, self.type_of(node.node) if node.node is not None else "any")
            case nodes.Call():
                return self._called(node)
            case nodes.Compare():
                return self._compared(node)
            case nodes.Not() | nodes.Test():
                self._inside(node)
                return "boolean"
            case nodes.And() | nodes.Or():
                return _either(self.type_of(node.left), self.type_of(node.right))
            case nodes.CondExpr():
                self.type_of(node.test)
                first = self.type_of(node.expr1)
                return _either(first, "nothing" if node.expr2 is None else self.type_of(node.expr2))
            case nodes.Neg() | nodes.Pos():
                return self._signed(node)
            case nodes.BinExpr():
                return self._calculated(node)
        self._inside(node)
        return "any"

    def _inside(self, node: nodes.Node) -> None:
        for child in node.iter_child_nodes():
            if isinstance(child, nodes.Pair):
                self.type_of(child.key)
                self.type_of(child.value)
            elif isinstance(child, nodes.Expr):
                self.type_of(child)

    def _part(self, node: nodes.Getattr | nodes.Getitem) -> Type:
        path = _dotted(node)
        if path is not None and path in self._names and path.split(".")[0] not in self._local:
            return self._names[path]
        base = self.type_of(node.node)
        if isinstance(node, nodes.Getitem):
            self.type_of(node.arg)
        if base in ("number", "boolean", "date", "datetime") or (base == "text" and isinstance(node, nodes.Getattr)):
            self._note(f"{titled(base)} has no parts, so this is always empty", node, certain=False)
        return "text" if base == "text" else "any"

    def _called(self, node: nodes.Call) -> Type:
        if isinstance(node.node, nodes.Getattr):
            return self._filtered(node, METHODS.get(node.node.attr, ""), self.type_of(node.node.node))
        for argument in node.args:
            self.type_of(argument)
        signature = FUNCTION_SIGNATURES.get(node.node.name) if isinstance(node.node, nodes.Name) else None
        return "any" if signature is None else signature.gives

    def _filtered(self, node: nodes.Filter | nodes.Call, name: str, given: Type) -> Type:
        arguments = [self.type_of(argument) for argument in node.args]
        for keyword in node.kwargs:
            self.type_of(keyword.value)
        signature = FILTER_SIGNATURES.get(name)
        if signature is None:
            return "any"
        if given != "any" and given not in signature.takes:
            wanted = " or ".join(titled(type).lower() for type in _told(signature.takes))
            self._note(f'"{name}" takes {wanted}, not {titled(given).lower()}', node, certain=signature.strict and given != "text")
        if name in ("default", "d"):
            other = arguments[0] if arguments else "text"
            return other if given == "nothing" else _either(given, other)
        return signature.gives

    def _compared(self, node: nodes.Compare) -> Type:
        left = self.type_of(node.expr)
        for operand in node.ops:
            right = self.type_of(operand.expr)
            if operand.op in _ORDER and not comparable(left, right):
                self._note(f"{titled(left)} is compared with {titled(right).lower()}", operand.expr, certain=_fails(left, right))
            elif operand.op in ("eq", "ne") and not _may_be_equal(left, right):
                self._note(f"{titled(left)} is never equal to {titled(right).lower()}", operand.expr, certain=False)
            left = right
        return "boolean"

    def _signed(self, node: nodes.Neg | nodes.Pos) -> Type:
        type = self.type_of(node.node)
        if type not in ("number", "any"):
            self._note(f"{titled(type)} has no sign", node, certain=True)
        return "number"

    def _calculated(self, node: nodes.BinExpr) -> Type:
        left, right = self.type_of(node.left), self.type_of(node.right)
        if isinstance(node, nodes.Add):
            return self._added(node, left, right)
        if any(type not in ("number", "any") for type in (left, right)):
            sign = _SIGNS.get(type(node).__name__, "")
            self._note(f"{titled(left)} and {titled(right).lower()} cannot be calculated with '{sign}'", node, certain=True)
        return "number"

    def _added(self, node: nodes.BinExpr, left: Type, right: Type) -> Type:
        if left == "any" or right == "any":
            return "any"
        if left == right and left in ("number", "list"):
            return left
        if left in _STRINGS and right in _STRINGS:
            return "text"
        self._note(f"{titled(left)} and {titled(right).lower()} cannot be added; join texts with ~", node, certain=True)
        return "any"


def _type_of_value(value: object) -> Type:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, (int, float)) else "text"


def _either(left: Type, right: Type) -> Type:
    if left == right or right == "nothing":
        return left
    return right if left == "nothing" else "any"


def _fails(left: Type, right: Type) -> bool:
    """Whether comparing raises: only one of them is text, or one of them has no order."""
    unordered = not {left, right}.isdisjoint(("list", "object", "file"))
    return unordered or (left in _STRINGS) != (right in _STRINGS)


def _may_be_equal(left: Type, right: Type) -> bool:
    if left in _OPEN or right in _OPEN or left == right:
        return True
    return (left in _STRINGS and right in _STRINGS) or {left, right} == {"object", "file"} or {left, right} == {"number", "boolean"}


def _told(takes: frozenset[Type]) -> list[Type]:
    named: list[Type] = [type for type in _TITLES if type in takes and type not in _OPEN]
    return named[:3]


def _dotted(node: nodes.Node) -> str | None:
    steps: list[str] = []
    while isinstance(node, nodes.Getattr):
        steps.append(node.attr)
        node = node.node
    return ".".join([node.name, *reversed(steps)]) if isinstance(node, nodes.Name) else None


def _place(node: nodes.Node) -> int:
    """The place of the leftmost character that belongs to the expression."""
    places = [node.lineno or 0, *(_place(child) for child in node.iter_child_nodes())]
    return min((place for place in places if place), default=0)
