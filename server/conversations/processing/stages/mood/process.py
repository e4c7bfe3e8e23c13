"""Judges how a text sounds."""

from server.conversations.processing.contract import Result, Said, Settings
from server.understanding.sentiment import analyse


def process(said: Said, settings: Settings) -> Result:
    """positive, neutral or negative, with a score from -1 to 1; nulls where it cannot be said."""
    return Result(analyse(said.text, said.language, _lines(settings["pleased"]), _lines(settings["cross"])).to_json())


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())
