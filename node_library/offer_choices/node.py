"""Shows choices and leaves by the one that was picked, by button, by its words or by its number."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.effects import Option, Say
from flow_runtime.inputs import Attachment, Choice, Input, Message
from flow_runtime.nodes import Step, Turn, slug


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    return _offer(settings, turn, settings["text"])


def resume(settings: Mapping[str, Any], turn: Turn, input: Input) -> Step:
    options = _options(settings, turn)
    picked = _by_value(options, input) or _by_words(options, input)
    name = settings["save_as"]
    if picked is not None:
        return Step(set={name: picked.value} if name else {}, go=picked.value)
    if settings["on_other"] == "leave":
        words = input.text if isinstance(input, Message | Choice | Attachment) else ""
        return Step(set={name: words} if name else {}, go="otherwise")
    return _offer(settings, turn, settings["retry_text"] or settings["text"])


def _offer(settings: Mapping[str, Any], turn: Turn, text: str) -> Step:
    return Step(effects=(Say(turn.render(text), choices=_options(settings, turn)),), wait_for="message")


def _options(settings: Mapping[str, Any], turn: Turn) -> tuple[Option, ...]:
    return tuple(Option(choice.get("value") or slug(choice["label"]), turn.render(choice["label"])) for choice in settings["choices"])


def _by_value(options: tuple[Option, ...], input: Input) -> Option | None:
    value = input.value if isinstance(input, Choice) else None
    return next((option for option in options if option.value == value), None)


def _by_words(options: tuple[Option, ...], input: Input) -> Option | None:
    words = _bare(input.text) if isinstance(input, Message | Choice) else ""
    if not words:
        return None
    for number, option in enumerate(options, start=1):
        if words in (_bare(option.label), _bare(option.value), str(number)):
            return option
    return None


def _bare(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" .,!?()")
