"""The words of a mail that came as HTML only, without what it quotes."""

import re
from html.parser import HTMLParser

_SILENT = frozenset(("style", "script", "head", "title", "template"))
_QUOTES = ("gmail_quote", "yahoo_quoted", "moz-cite-prefix", "protonmail_quote", "OutlookMessageHeader")
_LINES = frozenset(("br", "p", "div", "tr", "li", "h1", "h2", "h3", "h4", "ul", "ol", "table", "hr"))
_EMPTY = frozenset(("br", "hr", "img", "input", "meta", "link", "wbr", "area", "base", "col", "embed", "source", "track"))


def as_text(page: str) -> str:
    """The text that a reader sees, without quoted mails."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    lines = (re.sub(r"[ \t\u00a0]+", " ", line).strip() for line in "".join(reader.words).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class _Reader(HTMLParser):
    """Collects words; while `hidden` is not empty, the tags that are open within something unseen."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self.hidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _EMPTY:
            if tag in _LINES and not self.hidden:
                self.words.append("\n")
            return
        given = dict(attrs)
        quoted = tag == "blockquote" or any(name in (given.get("class") or "") for name in _QUOTES) or given.get("id") == "divRplyFwdMsg"
        if self.hidden or tag in _SILENT or quoted:
            self.hidden.append(tag)
        elif tag in _LINES:
            self.words.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self.hidden:
            while self.hidden.pop() != tag:
                pass
        elif tag in ("p", "div", "tr", "li") and not self.hidden:
            self.words.append("\n")

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.words.append(re.sub(r"\s+", " ", data))
