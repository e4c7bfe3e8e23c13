"""What somebody reads who gets everything in words: numbered choices, cards as paragraphs, pictures and files as links."""

import re

from tests.conversations.chat_script import Said

_NUMBERED = re.compile(r"\d{1,3}\. (.+)")
_LINK = re.compile(r"[^\n:]{0,200}: https?://\S+")


def said_in(text: str) -> Said:
    """The paragraphs of a message as a script tells them."""
    words, choices, cards = [], [], []
    for paragraph in text.split("\n\n"):
        lines = paragraph.split("\n")
        picked = [found[1] for line in lines if (found := _NUMBERED.fullmatch(line))]
        if len(picked) == len(lines):
            choices += picked
        elif any(line.startswith("- ") for line in lines):
            cards.append(lines[0])
        elif not _LINK.fullmatch(paragraph):
            words.append(paragraph)
    return Said("\n\n".join(words), tuple(choices), tuple(cards))
