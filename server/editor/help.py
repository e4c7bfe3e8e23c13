"""The help text of a step as HTML: the few marks of Markdown that help texts use, everything else is plain text."""

import re
from collections.abc import Iterator
from functools import cache

from markupsafe import Markup, escape

_INLINE = (
    (re.compile(r"`([^`]+)`"), r"<code>\1</code>"),
    (re.compile(r"\[([^\[\]]+)\]\((https://[^\s()\"]+)\)"), r'<a href="\2" rel="noreferrer noopener" target="_blank">\1</a>'),
    (re.compile(r"\*\*([^*]+)\*\*"), r"<strong>\1</strong>"),
    (re.compile(r"\*([^*]+)\*"), r"<em>\1</em>"),
)
_HEADING = re.compile(r"#{1,6} +(.+)")
_ITEM = re.compile(r"(?:[-*]|\d+\.) +(.+)", re.DOTALL)


@cache
def help_html(text: str) -> Markup:
    """The help without its title, which the form shows already."""
    blocks = [block for block in re.split(r"\n\s*\n", text.strip()) if block.strip()]
    if blocks and blocks[0].startswith("# "):
        blocks = blocks[1:]
    return Markup("\n").join(_block(block) for block in blocks)


def _block(block: str) -> Markup:
    if block.startswith("```"):
        return Markup("<pre>{}</pre>").format(block.strip("`").partition("\n")[2])
    if heading := _HEADING.fullmatch(block):
        return Markup("<h3>{}</h3>").format(_inline(heading[1]))
    if items := list(_items(block)):
        kind = Markup("ol") if block[0].isdigit() else Markup("ul")
        return Markup("<{0}>{1}</{0}>").format(kind, Markup("").join(Markup("<li>{}</li>").format(_inline(item)) for item in items))
    return Markup("<p>{}</p>").format(_inline(block))


def _items(block: str) -> Iterator[str]:
    if _ITEM.match(block):
        for line in re.split(r"\n(?=[-*] |\d+\. )", block):
            if found := _ITEM.fullmatch(line):
                yield found[1]


def _inline(text: str) -> Markup:
    html = str(escape(" ".join(text.split())))
    for pattern, replacement in _INLINE:
        html = pattern.sub(replacement, html)
    return Markup(html)
