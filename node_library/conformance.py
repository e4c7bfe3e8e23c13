"""The tests every node passes, ours and plugins' alike: `complaints(folder)` is empty for a folder that may be used."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from jsonschema import Draft202012Validator

from flow_runtime.nodes import DONE
from node_library.cases import complaints_about
from node_library.contract import BrokenNode, FolderNode, read_node
from node_library.widgets import CELLS, SHAPES

_MAY_IMPORT = frozenset(
    (
        *(
            "collections",
            "dataclasses",
            "datetime",
            "decimal",
            "enum",
            "flow_runtime",
            "functools",
            "hashlib",
            "itertools",
            "json",
            "math",
            "re",
            "statistics",
        ),
        *("string", "textwrap", "typing", "unicodedata", "urllib.parse"),
    )
)
_MAY_NOT_CALL = frozenset(("open", "exec", "eval", "compile", "__import__", "input", "print", "globals", "breakpoint"))
_MAY_NOT_READ = frozenset(("now", "utcnow", "today"))
SVG = "{http://www.w3.org/2000/svg}"
DRAWN = frozenset(f"{SVG}{name}" for name in ("svg", "g", "path", "circle", "rect", "line", "polyline", "polygon", "ellipse"))


def complaints(folder: Path) -> list[str]:
    """Everything that keeps the folder from being a good node, in sentences."""
    try:
        return _complaints(read_node(folder))
    except BrokenNode as broken:
        return [str(broken)]


def _complaints(node: FolderNode) -> list[str]:
    found: list[str] = []
    for check in (_upgrades, _settings, _ports, _card, _icon, _help, _purity, _cases):
        found += check(node)
    return found


def _upgrades(node: FolderNode) -> Iterator[str]:
    for version in range(1, node.version):
        if version not in node.upgrades:
            yield f"node.py: UPGRADES says nothing of version {version}; flows that use it could not be opened"


def _settings(node: FolderNode) -> Iterator[str]:
    for name, part in node.schema["properties"].items():
        if part["x-widget"] not in SHAPES:
            yield f"settings.{name}: there is no widget {part['x-widget']}; there are {', '.join(SHAPES)}"
        if "default" in part and not Draft202012Validator(part).is_valid(part["default"]):
            yield f"settings.{name}: the default does not fit"
        if part["x-widget"] == "select" and "enum" not in part:
            yield f"settings.{name}: a select needs an enum"
        if part["x-widget"] == "rows":
            yield from _columns(name, part.get("items", {}).get("properties", {}))
        needed = part.get("x-show-if", {}).get("field")
        if needed is not None and needed not in node.schema["properties"]:
            yield f"settings.{name}: is shown by {needed}, which is no setting"


def _columns(name: str, columns: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    if not columns:
        yield f"settings.{name}: rows need columns, as items.properties"
    for column, part in columns.items():
        if part.get("x-widget") not in CELLS or not part.get("title"):
            yield f"settings.{name}.{column}: a column has a title and one of the widgets {', '.join(CELLS)}"


def _ports(node: FolderNode) -> Iterator[str]:
    for about in node.about["ports"]:
        for field in (about.get("each"), about.get("when", {}).get("field")):
            if field is not None and field not in node.schema["properties"]:
                yield f"ports: {field} is no setting"


def _card(node: FolderNode) -> Iterator[str]:
    for name in re.findall(r"\{(\w+)", node.about["card"]):
        if name not in node.schema["properties"]:
            yield f"card: {name} is no setting"


def _icon(node: FolderNode) -> Iterator[str]:
    text = node.icon.read_text(encoding="utf-8")
    try:
        if "<!" in text:
            raise ValueError("no doctype and no comments, please")
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as error:
        yield f"icon.svg: {error}"
        return
    if root.get("viewBox") != "0 0 24 24" or "currentColor" not in text:
        yield "icon.svg: is 24 x 24 and drawn in currentColor"
    for element in root.iter():
        if element.tag not in DRAWN or any(name.startswith("on") or "href" in name for name in element.keys()):  # noqa: SIM118
            yield f"icon.svg: <{element.tag.removeprefix(SVG)}> is not only drawing"


def _help(node: FolderNode) -> Iterator[str]:
    if not node.help.startswith("# ") or len(node.help) < 80:
        yield "help.md: begins with a heading and says what the node is for, with an example"


def _purity(node: FolderNode) -> Iterator[str]:
    for element in ast.walk(ast.parse((node.folder / "node.py").read_text(encoding="utf-8"))):
        for module in _imports(element):
            if module not in _MAY_IMPORT and module.split(".")[0] not in _MAY_IMPORT:
                yield f"node.py: imports {module}; a node does no I/O, it returns effects"
        if isinstance(element, ast.Call) and isinstance(element.func, ast.Name) and element.func.id in _MAY_NOT_CALL:
            yield f"node.py: calls {element.func.id}()"
        if isinstance(element, ast.Call) and isinstance(element.func, ast.Attribute) and element.func.attr in _MAY_NOT_READ:
            yield f"node.py: reads the clock with {element.func.attr}(); the time is turn.now"


def _imports(element: ast.AST) -> Iterator[str]:
    if isinstance(element, ast.Import):
        for name in element.names:
            yield name.name
    elif isinstance(element, ast.ImportFrom):
        yield element.module or "."


def _cases(node: FolderNode) -> Iterator[str]:
    for case in node.cases:
        yield from complaints_about(node, case)
    expected = [case["expect"] for case in node.cases]
    yield from _ways_without_a_case(node, {port for expect in expected for port in _ways(expect)})
    for wait in sorted(node.waits - {expect.get("wait_for") for expect in expected}):
        yield f"cases.json: no case waits for {wait}"
    if not any("problems" in expect or "fails" in expect for expect in expected):
        yield "cases.json: no case with settings that are wrong"


def _ways(expect: Mapping[str, Any]) -> Iterator[str]:
    """The ports by which the node leaves in such a case; what it opens leads to `done` in the end."""
    if "go" in expect:
        yield str(expect["go"])
    yield from expect.get("fork", {}).get("ports", ())
    if {"fork", "loop", "subflow"} & expect.keys():
        yield DONE


def _ways_without_a_case(node: FolderNode, taken: set[str]) -> Iterator[str]:
    for about in node.about["ports"]:
        if "each" not in about and about["name"] not in taken:
            yield f"cases.json: no case leaves by {about['name']}"
    dynamic = [about["each"] for about in node.about["ports"] if "each" in about]
    fixed: set[Any] = {about.get("name") for about in node.about["ports"] if "each" not in about}
    if dynamic and not taken - fixed:
        yield f"cases.json: no case leaves by one of the {dynamic[0]}"
