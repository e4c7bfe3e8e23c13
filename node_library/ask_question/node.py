"""Asks, waits, checks the answer, has it confirmed if that is wanted, and keeps it."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.answers import Asked, read_answer, spoken
from flow_runtime.effects import Option, Say
from flow_runtime.inputs import Choice, CustomerInput, Input, Location, TimerFired
from flow_runtime.nodes import Step, Turn
from flow_runtime.phrases import phrase, yes_or_no


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    if "answer" in turn.memory:
        return _confirm(settings, turn, turn.memory["answer"])
    return _ask(settings, turn, turn.render(settings["text"]), turn.memory)


def resume(settings: Mapping[str, Any], turn: Turn, input: Input) -> Step:
    if isinstance(input, TimerFired):
        return Step(go="timeout")
    if "answer" in turn.memory and (sure := _confirmed(input)) is not None:
        return _keep(settings, turn.memory["answer"]) if sure else _ask(settings, turn, turn.render(settings["text"]), {})
    if settings["can_skip"] and _skips(settings, turn, input):
        return Step(set={settings["save_as"]: None}, go="skipped")
    answer = _read(settings, turn, input)
    if answer is not None:
        return _confirm(settings, turn, answer) if settings["confirm"] else _keep(settings, answer)
    tries = int(turn.memory.get("tries", 0)) + 1
    if settings["give_up"] and tries >= settings["attempts"]:
        return Step(go="invalid")
    return _ask(settings, turn, _again(settings, turn, tries), {"tries": tries}, understood=False)


def _ask(settings: Mapping[str, Any], turn: Turn, text: str, memory: Mapping[str, Any], *, understood: bool = True) -> Step:
    options = tuple(Option(label, turn.render(label)) for label in settings["options"]) if settings["answer"] == "one_of" else ()
    said = Say(text, choices=options, asks="date" if settings["answer"] == "date" else None)
    return Step(effects=(said,), wait_for="message", memory=memory, understood=understood, timeout_s=_limit(settings))


def _confirm(settings: Mapping[str, Any], turn: Turn, answer: Any) -> Step:
    options = tuple(Option(word, phrase(word, turn.language)) for word in ("yes", "no"))
    said = Say(turn.render(settings["confirm_text"]).replace("{answer}", spoken(answer, _asked(settings, turn))), choices=options)
    return Step(effects=(said,), wait_for="message", memory={"answer": answer}, timeout_s=_limit(settings))


def _confirmed(input: Input) -> bool | None:
    if isinstance(input, Choice) and input.value in ("yes", "no"):
        return input.value == "yes"
    return yes_or_no(_words(input))


def _keep(settings: Mapping[str, Any], answer: Any) -> Step:
    return Step(set={settings["save_as"]: answer}, go="next")


def _limit(settings: Mapping[str, Any]) -> float | None:
    return settings["wait_s"] if settings["limited"] else None


def _again(settings: Mapping[str, Any], turn: Turn, tries: int) -> str:
    """The author's words for this try, or the bot's own."""
    texts = [settings.get("retry_text", ""), *settings["retry_more"]]
    return turn.render(texts[min(tries, len(texts)) - 1]).strip() or phrase(settings["answer"], turn.language)


def _skips(settings: Mapping[str, Any], turn: Turn, input: Input) -> bool:
    words = _bare(_words(input))
    return bool(words) and words in {_bare(turn.render(word)) for word in settings["skip_words"]}


def _read(settings: Mapping[str, Any], turn: Turn, input: Input) -> Any:
    """The answer as its kind, or None when it does not fit."""
    asked = _asked(settings, turn)
    by_button = settings["answer"] == "one_of" and isinstance(input, Choice)
    answer = read_answer(input.value, asked) if by_button and isinstance(input, Choice) else None
    return read_answer(_words(input), asked) if answer is None else answer


def _asked(settings: Mapping[str, Any], turn: Turn) -> Asked:
    return Asked(
        settings["answer"],
        turn.now,
        turn.language,
        turn.time_zone,
        minimum=settings.get("minimum"),
        maximum=settings.get("maximum"),
        pattern=settings.get("pattern", ""),
        options=[(label, turn.render(label)) for label in settings["options"]],
    )


def _words(input: Input) -> str:
    if isinstance(input, Location):
        return input.label
    return input.text if isinstance(input, CustomerInput) else ""


def _bare(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" .,!?")
