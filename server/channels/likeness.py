"""What a customer sees of what a channel is sent: read out of the provider's own form, so that it holds for every kind of channel."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from html import unescape
from typing import Any, Literal
from unicodedata import normalize

from server.channels.contract import Adapter, adapter_of
from server.channels.words import unmarked

_TAG = re.compile(r"</?(?:a|b|br|code|div|em|h\d|i|img|li|ol|p|pre|s|span|strong|u|ul)\b[^<>]*>", re.IGNORECASE)
_BOLD = re.compile(r"\*(?=\S)(.+?)(?<=\S)\*")
_QUOTES = str.maketrans("\u2018\u2019\u201c\u201d\u2013\u2014", "''\"\"--")
_CUT = "..."
"""An ellipsis, as `_plain` has it."""
_CHUNK = 40
"""So many characters that are a part of a text are no chance: a long text that was cut into several messages."""
_PROBED = 40
"""Channels are tried with at most so many choices."""

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One thing in a message: words, a button or row to press, or a file (its address is in `url`)."""

    what: Literal["text", "button", "image", "audio", "video", "file"]
    text: str
    url: str = ""


@dataclass(slots=True)
class Bubble:
    """One message as the customer sees it, from above to below."""

    items: list[Item] = field(default_factory=list)

    @property
    def buttons(self) -> list[str]:
        """The labels that can be pressed."""
        return [item.text for item in self.items if item.what == "button"]


def likeness(body: Mapping[str, Any], parts: Sequence[Any]) -> list[Bubble]:
    """What is seen of the parts that an adapter rendered of a message: only what the message itself said is looked for in them."""
    pieces = _Pieces(body)
    return [bubble for part in parts if (bubble := pieces.seen_in(part)).items]


@cache
def button_room(kind: str) -> int | None:
    """How many choices a kind of channel shows as it shows a single one, before it makes a list of them, or words.

    None when it never shows any, always does, or shows more than are tried. Found by rendering.
    """
    adapter = adapter_of(kind)
    if adapter is None:
        return None
    try:
        first = _form(adapter, 1)
        if first is None:
            return None
        return next((count - 1 for count in range(2, _PROBED + 1) if _form(adapter, count) != first), None)
    except (LookupError, TypeError, ValueError, AttributeError):  # it renders only with the settings of a channel
        return None


def _form(adapter: Adapter, count: int) -> Path | None:
    """Where the first of so many choices stands in what is sent, without the numbers of places; None when only among words."""
    choices = [{"value": f"v{number}", "label": f"Label {number}"} for number in range(count)]
    parts = adapter.render({"type": "text", "text": "Which one?", "choices": choices}, {})
    found = next((path for path, leaf in _leaves(list(parts)) if leaf == "Label 0"), None)
    return found and tuple(step for step in found if isinstance(step, str))


class _Pieces:
    """What a message said, piece by piece."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        cards = [card for card in body.get("cards", ()) if isinstance(card, Mapping)]
        self.text = _plain(str(body.get("text", "")))
        self.labels = [_plain(one["label"]) for one in [*body.get("choices", ()), *(b for card in cards for b in card.get("buttons", ()))]]
        self.files: dict[str, Item] = {}
        for media in body.get("media", ()):
            self.files[media["url"]] = Item(media["kind"], media.get("alt", ""), media["url"])
        for card in cards:
            if card.get("image_url"):
                self.files[card["image_url"]] = Item("image", card.get("alt", ""), card["image_url"])
        on_cards = [str(card.get(name, "")) for card in cards for name in ("title", "text")]
        lines = [_plain(line) for text in (str(body.get("text", "")), *on_cards) for line in _unmarked(text).split("\n")]
        self.pieces = [one for one in (*lines, *self.labels, *self.files) if one]
        self.alts = {_plain(item.text) for item in self.files.values() if item.text}

    def seen_in(self, part: Any) -> Bubble:
        """The part as a message: every piece once, buttons beneath the words that they belong to."""
        bubble, known, early = Bubble(), set[str](), list[Item]()
        for _, leaf in _leaves(part):
            if leaf in self.files:
                found = {leaf}
                item = self.files[leaf]
            elif (label := self._label(leaf)) is not None:
                found = {label}
                item = Item("button", leaf)
            else:
                found = self._held(leaf)
                item = Item("text", _unmarked(leaf).strip())
            if found <= known:
                continue
            known |= found
            (early if item.what == "button" and not any(one.what == "text" for one in bubble.items) else bubble.items).append(item)
        bubble.items += early
        return bubble

    def _label(self, leaf: str) -> str | None:
        """The label that the words are, whole or cut."""
        words = _plain(leaf)
        cut = words.removesuffix(_CUT).rstrip() if words.endswith(_CUT) else None
        return next((label for label in self.labels if label == words or (cut and label.startswith(cut))), None)

    def _held(self, leaf: str) -> set[str]:
        """The pieces that stand in the words."""
        words = _plain(leaf)
        if words in self.alts and words != self.text:
            return set()
        if len(words) >= _CHUNK and words in self.text:
            return {words}
        return {piece for piece in self.pieces if re.search(rf"(?<!\w){re.escape(piece)}(?!\w)", words)}


def _leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Every text in a value, with where it stands."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield from _leaves(one, (*path, name))
    elif isinstance(value, list | tuple):
        for number, one in enumerate(value):
            yield from _leaves(one, (*path, number))


def _unmarked(text: str) -> str:
    """The words of a text without the marks of Markdown, HTML or a provider."""
    return _BOLD.sub(r"\1", unmarked(unescape(_TAG.sub("", text))))


def _plain(text: str) -> str:
    """The words to be compared: on one line, with the plainer forms of signs that a provider may have put in."""
    return " ".join(normalize("NFKC", _unmarked(text)).translate(_QUOTES).split())
