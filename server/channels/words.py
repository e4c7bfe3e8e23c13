"""What a bot says, in the words of channels that cannot show all of it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

T = TypeVar("T")

_LINK = re.compile(r"\[([^\[\]\n]{1,500})\]\((https?://[^\s()]{1,2000})\)")
_BOLD = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*")


def in_parts(text: str, most: int) -> list[str]:
    """The text in parts of at most `most` characters, cut between paragraphs, lines or words where that can be; at least one part."""
    parts: list[str] = []
    while len(text) > most:
        head = text[:most]
        cut = next((at for mark in ("\n\n", "\n", " ") if (at := head.rfind(mark)) > most // 2), most)
        parts.append(text[:cut].rstrip())
        text = text[cut:].lstrip() if cut < most else text[cut:]
    return [*parts, text] if text or not parts else parts


def shortened(text: str, most: int) -> str:
    """The text, or its beginning with an ellipsis: at most `most` characters."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "\u2026"


def numbered(labels: Sequence[str]) -> str:
    """Choices as lines of text, for channels that cannot show so many: the customer answers with the number or the words."""
    return "\n".join(f"{number}. {label}" for number, label in enumerate(labels, start=1))


def words_of(body: Mapping[str, Any]) -> str:
    """Everything in a message of the bot, in words: its text, choices, cards and the addresses of its files."""
    return "\n\n".join(part for part in (str(body.get("text", "")), *_more(body)) if part) or "\u2026"


def unmarked(text: str) -> str:
    """Our Markdown where none is shown: links with their addresses, and bold words as they are."""
    return _BOLD.sub(r"\1", _LINK.sub(r"\1: \2", text))


def in_groups(items: Sequence[T], most: int) -> Iterator[Sequence[T]]:
    """The items in groups of at most `most`."""
    for start in range(0, len(items), most):
        yield items[start : start + most]


def card_words(card: Mapping[str, Any]) -> str:
    """A card in words: title, text, and where its picture is."""
    return "\n".join(part for name in ("title", "text", "image_url") if (part := card.get(name)))


def _more(body: Mapping[str, Any]) -> Iterator[str]:
    for media in body.get("media", ()):
        yield f"{media.get('alt') or media['kind'].capitalize()}: {media['url']}"
    for card in body.get("cards", ()):
        yield "\n".join([card_words(card), *(_button(button) for button in card.get("buttons", ()))]).strip()
    if choices := body.get("choices"):
        yield numbered([choice["label"] for choice in choices])


def _button(button: Mapping[str, Any]) -> str:
    return f"- {button['label']}: {button['url']}" if button.get("url") else f"- {button['label']}"
