"""Pictures of the steps that are not in the built sprite: they are drawn from a sprite of their own, made of nothing but shapes."""

from functools import lru_cache
from xml.etree import ElementTree

from node_library import FolderNode
from node_library.conformance import DRAWN, SVG
from server.kit import pages
from server.plugins.shelf import shelf

_ATTRIBUTES = frozenset(
    (
        *("d", "x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry", "width", "height", "points", "transform", "opacity"),
        *("fill", "stroke", "stroke-width", "stroke-linecap", "stroke-linejoin", "fill-rule", "clip-rule"),
    )
)
_ROOT = {"viewBox": "0 0 24 24", "fill": "none", "stroke": "currentColor", "stroke-width": "2", "stroke-linecap": "round"}
_ROOT |= {"stroke-linejoin": "round"}
"""How Lucide draws."""


def sprite() -> str:
    """One symbol `node-<type>` for each step of a plugin."""
    symbols = "".join(_symbol(node) for node in shelf().library.values() if not node.is_ours)
    return f'<svg xmlns="http://www.w3.org/2000/svg">{symbols}</svg>'


@lru_cache(256)
def _symbol(node: FolderNode) -> str:
    """The icon's shapes; whatever is not drawing is left out."""
    try:
        root = ElementTree.fromstring(node.icon.read_text(encoding="utf-8"))
    except (ElementTree.ParseError, OSError):
        return ""
    symbol = ElementTree.Element("symbol", {"id": f"node-{node.type}", **_ROOT})
    for child in root:
        _copy(child, symbol)
    return ElementTree.tostring(symbol, encoding="unicode")


def _copy(shape: ElementTree.Element, into: ElementTree.Element) -> None:
    if shape.tag in DRAWN:
        kept = {name: value for name, value in shape.items() if name in _ATTRIBUTES and "url" not in value}
        copied = ElementTree.SubElement(into, shape.tag.removeprefix(SVG), kept)
        for child in shape:
            _copy(child, copied)


@pages.draws_icons
def address(name: str) -> str | None:
    """Where the picture of a step is drawn that is not one of ours."""
    node = shelf().library.get(name.removeprefix("node-")) if name.startswith("node-") else None
    return f"/plugins/icons.svg#{name}" if node is not None and not node.is_ours else None
