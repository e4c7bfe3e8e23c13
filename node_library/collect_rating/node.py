"""Asks for a rating, and for a comment if that is wanted; both are tracked for the figures."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.answers import pick_option
from flow_runtime.effects import Option, Say, Track
from flow_runtime.inputs import Choice, CustomerInput, Input, TimerFired
from flow_runtime.nodes import Step, Turn
from flow_runtime.phrases import phrase, yes_or_no

_SCORES: Mapping[str, range] = {"stars": range(1, 6), "thumbs": range(1, -1, -1), "nps": range(11)}
_LOW: Mapping[str, int] = {"stars": 2, "thumbs": 0, "nps": 6}
_THUMBS = {1: "👍", 0: "👎"}
NO_COMMENT = "no_comment"


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    if "score" in turn.memory:
        return _ask_comment(settings, turn, turn.memory["score"])
    return _ask(settings, turn.render(settings["text"]), turn.memory)


def resume(settings: Mapping[str, Any], turn: Turn, input: Input) -> Step:
    if "score" in turn.memory:
        return _finish(settings, turn.memory["score"], _comment(settings, turn, input))
    if isinstance(input, TimerFired):
        return Step(go="timeout")
    score = _score(settings, input)
    if score is not None:
        return _ask_comment(settings, turn, score) if settings["ask_comment"] else _finish(settings, score, "")
    tries = int(turn.memory.get("tries", 0)) + 1
    if tries >= settings["attempts"]:
        return Step(go="no_rating")
    again = turn.render(settings["retry_text"]).strip() or phrase("rating", turn.language)
    return _ask(settings, again, {"tries": tries}, understood=False)


def _ask(settings: Mapping[str, Any], text: str, memory: Mapping[str, Any], *, understood: bool = True) -> Step:
    said = Say(text, choices=_options(settings), asks="rating", asks_about={"scale": settings["scale"]})
    return _wait(settings, said, memory, understood=understood)


def _ask_comment(settings: Mapping[str, Any], turn: Turn, score: int) -> Step:
    choices = tuple(Option(NO_COMMENT, turn.render(word)) for word in settings["skip_words"][:1])
    return _wait(settings, Say(turn.render(settings["comment_text"]), choices=choices), {"score": score})


def _wait(settings: Mapping[str, Any], said: Say, memory: Mapping[str, Any], *, understood: bool = True) -> Step:
    limit = settings["wait_s"] if settings["limited"] else None
    return Step(effects=(said,), wait_for="message", memory=memory, understood=understood, timeout_s=limit)


def _options(settings: Mapping[str, Any]) -> tuple[Option, ...]:
    labels = _THUMBS if settings["scale"] == "thumbs" else {}
    return tuple(Option(str(score), labels.get(score, str(score))) for score in _SCORES[settings["scale"]])


def _score(settings: Mapping[str, Any], input: Input) -> int | None:
    """The rating by button, number, stars or thumb; None when it is none of the scale."""
    scale = settings["scale"]
    words = input.value if isinstance(input, Choice) else input.text if isinstance(input, CustomerInput) else ""
    stars = words.count("⭐") or words.count("★")
    if scale == "stars" and 1 <= stars <= 5:
        return stars
    if scale == "thumbs" and not words.strip().isdigit() and (liked := yes_or_no(words)) is not None:
        return int(liked)
    number = words.strip().partition("/")[0].strip(" .!")
    if number.isdecimal() and len(number) <= 2:
        return int(number) if int(number) in _SCORES[scale] else None
    named = pick_option(words, [(option.value, option.label) for option in _options(settings)])
    return None if named is None else int(named)


def _comment(settings: Mapping[str, Any], turn: Turn, input: Input) -> str:
    """What the customer adds; nothing when they do not want to, or say nothing in time."""
    if not isinstance(input, CustomerInput) or (isinstance(input, Choice) and input.value == NO_COMMENT):
        return ""
    none = {_bare(turn.render(word)) for word in settings["skip_words"]}
    return "" if _bare(input.text) in none else input.text.strip()


def _finish(settings: Mapping[str, Any], score: int, comment: str) -> Step:
    scale = settings["scale"]
    props = {"scale": scale, "score": score, **({"comment": comment} if comment else {})}
    kept = {settings["save_as"]: score, settings["comment_as"] if settings["ask_comment"] else "": comment}
    low = settings["split"] and score <= _LOW[scale]
    return Step(
        effects=(Track("rating", props),),
        set={name: value for name, value in kept.items() if name},
        go="low" if low else "next",
    )


def _bare(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" .,!?")
