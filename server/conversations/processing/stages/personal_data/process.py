"""Replaces personal data in a text by its kind. What was there is kept nowhere; only how much of each kind there was."""

from collections import Counter

from server.conversations.processing.contract import Result, Said, Settings
from server.understanding.moderation.personal_data import find
from server.understanding.words import MAX_CHARACTERS

_OVERLAP = 200


def process(said: Said, settings: Settings) -> Result:
    """The text with `[kind]` for each piece of the kinds that are to be hidden."""
    hidden = {kind.strip() for kind in settings["hide"].split(",")}
    text, counted = said.text, Counter[str]()
    for start, end, kind in reversed(_pieces(text, said.language, settings["region"] or None)):
        if kind in hidden:
            text = f"{text[:start]}[{kind}]{text[end:]}"
            counted[kind] += 1
    return Result({"hidden": dict(sorted(counted.items()))}, said.with_text(text) if counted else None)


def _pieces(text: str, language: str | None, region: str | None) -> list[tuple[int, int, str]]:
    """Every piece in order. A search reads no more than so many characters: a longer text is read part by part, overlapping."""
    found: list[tuple[int, int, str]] = []
    step = MAX_CHARACTERS - _OVERLAP
    for begin in range(0, max(len(text) - _OVERLAP, 1), step):
        for piece in find(text[begin : begin + MAX_CHARACTERS], language, region):
            start, end = begin + piece.start, begin + piece.end
            if not found or start >= found[-1][1]:
                found.append((start, end, piece.kind))
    return found
