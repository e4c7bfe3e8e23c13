"""Asks for a file, checks its kind and size and keeps it."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.effects import Option, Say
from flow_runtime.inputs import Attachment, CustomerInput, Input, TimerFired
from flow_runtime.nodes import Step, Turn
from flow_runtime.phrases import phrase

MEGABYTE = 1_000_000
_DOCUMENTS = (
    "application/pdf",
    "application/rtf",
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "application/vnd.oasis.opendocument.*",
    "application/vnd.openxmlformats-officedocument.*",
    "text/csv",
    "text/plain",
)
_ACCEPTED: Mapping[str, tuple[str, ...]] = {
    "any": (),
    "images": ("image/*",),
    "documents": _DOCUMENTS,
    "images_and_documents": ("image/*", *_DOCUMENTS),
    "audio": ("audio/*",),
    "video": ("video/*",),
}
SKIP = "skip"


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    return _ask(settings, turn, turn.render(settings["text"]), turn.memory)


def resume(settings: Mapping[str, Any], turn: Turn, input: Input) -> Step:
    if isinstance(input, TimerFired):
        return Step(go="timeout")
    if isinstance(input, Attachment) and _fits(settings, input):
        file = {"url": input.url, "name": input.name, "media_type": input.media_type, "size": input.size}
        return Step(set={settings["save_as"]: file}, go="next")
    words = input.text if isinstance(input, CustomerInput) and not isinstance(input, Attachment) else ""
    if settings["can_skip"] and _bare(words) in {_bare(turn.render(word)) for word in settings["skip_words"]}:
        return Step(set={settings["save_as"]: None}, go="skipped")
    tries = int(turn.memory.get("tries", 0)) + 1
    if tries >= settings["attempts"]:
        return Step(go="invalid")
    again = turn.render(settings["retry_text"]).strip() or phrase("file", turn.language)
    return _ask(settings, turn, again, {"tries": tries}, understood=False)


def _ask(settings: Mapping[str, Any], turn: Turn, text: str, memory: Mapping[str, Any], *, understood: bool = True) -> Step:
    about = {"accept": list(_ACCEPTED[settings["kinds"]]), "max_mb": settings["max_mb"]}
    skip = settings["skip_words"][:1] if settings["can_skip"] else []
    choices = tuple(Option(SKIP, turn.render(word)) for word in skip)
    limit = settings["wait_s"] if settings["limited"] else None
    said = Say(text, choices=choices, asks="file", asks_about=about)
    return Step(effects=(said,), wait_for="message", memory=memory, understood=understood, timeout_s=limit)


def _fits(settings: Mapping[str, Any], file: Attachment) -> bool:
    kind = file.media_type.partition(";")[0].strip().casefold()
    accepted = _ACCEPTED[settings["kinds"]]
    of_kind = not accepted or any(kind == one or (one.endswith("*") and kind.startswith(one[:-1])) for one in accepted)
    return of_kind and file.size <= settings["max_mb"] * MEGABYTE


def _bare(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" .,!?")
