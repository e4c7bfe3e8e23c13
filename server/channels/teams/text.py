"""Teams' way of writing: messages are Markdown in which tags count too, lines end with an empty one; what comes in names people in tags."""

import html
import re
from collections.abc import Iterable, Mapping
from typing import Any

_AT = re.compile(r"<at(?:\s[^<>]{0,200})?>([^<>]{0,500})</at>", re.IGNORECASE)
_LINE_END = re.compile(r"(?<!\n)\n(?!\n)")


def plain(text: str, own_mentions: Iterable[str]) -> str:
    """What a customer wrote, without the mentions of the bot; other people as their names."""
    for mention in own_mentions:
        text = text.replace(mention, " ") if mention else text
    return _AT.sub(r"\1", text).replace("&nbsp;", " ").replace("\xa0", " ").strip()


def spaced(text: str) -> str:
    """Our Markdown as cards show it: one line break alone would join the lines."""
    return _LINE_END.sub("\n\n", text)


def written(text: str) -> str:
    """Our Markdown as a message's: tags in it are shown, not obeyed."""
    return spaced(html.escape(text, quote=False))


def addressed(text: str, person: Mapping[str, Any]) -> dict[str, Any]:
    """A message's text that names a person, who is notified, and the entity that says who that is."""
    tag = f"<at>{html.escape(str(person.get('name', '')), quote=False)}</at>"
    mentioned = {"id": person.get("id"), "name": person.get("name")}
    return {"text": f"{tag} {text}".strip(), "entities": [{"type": "mention", "text": tag, "mentioned": mentioned}]}
