"""Guesses the language of a text without a model key."""

from msgspec import structs

from flow_runtime import Message
from server.conversations.processing.contract import Result, Said, Settings
from server.understanding.language import SURE, detect


def process(said: Said, settings: Settings) -> Result:
    """The guess. A message whose channel names no language is in the guessed one from then on, where the guess is sure."""
    among = tuple(code.strip() for code in settings["among"].split(",") if code.strip())
    guess = detect(said.text, among)
    found = {"language": guess.language, "confidence": round(guess.confidence, 3)}
    if isinstance(said.input, Message) and said.input.language is None and (guess.certain or guess.confidence >= SURE):
        return Result(found, structs.replace(said.input, language=guess.language))
    return Result(found)
