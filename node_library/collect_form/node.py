"""Fills in a form: several answers from one sentence, in any order, with corrections, and a summary at the end.

What a sentence holds is found by `Call("nlu.entities", ...)`. When nobody answers that call, the words are the answer to the last question.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from flow_runtime.answers import Asked, read_answer, spoken
from flow_runtime.effects import Call, Option, Say
from flow_runtime.inputs import CallResult, Choice, CustomerInput, Input, TimerFired
from flow_runtime.nodes import Step, Turn
from flow_runtime.phrases import phrase, yes_or_no
from flow_runtime.printing import as_text

SKIP = "skip"
_WORDS = frozenset(("text", "name"))
_CORRECTS = re.compile(
    r"(?:no|nope|actually|sorry|wait|rather|i meant|make (?:it|that)|change|correct"
    r"|nein|doch|ändere?|lieber|cambia|mejor|non|plutôt|change[rz]?)\b[\s,.!:]+\S",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Slot:
    """One answer of the form."""

    name: str
    label: str
    question: str
    kind: str
    needed: bool
    options: tuple[tuple[str, str], ...] = ()

    def asked(self, turn: Turn) -> Asked:
        """What is asked for, in the words of the answer readers."""
        kind = "text" if self.kind == "name" else self.kind
        return Asked(kind, turn.now, turn.language, turn.time_zone, options=self.options)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the form is: what the node remembers. `heard` are words whose meaning is being looked up."""

    values: Mapping[str, Any] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()
    asked: str | None = None
    stage: Literal["asking", "confirming", "changing"] = "asking"
    tries: int = 0
    heard: str = ""

    @classmethod
    def of(cls, memory: Mapping[str, Any]) -> "Progress":
        """The progress that `to_memory` wrote."""
        return cls(**{**memory, "skipped": tuple(memory.get("skipped", ()))})

    def to_memory(self) -> dict[str, Any]:
        """What the node remembers; what is as it was at the beginning is left out."""
        every = {
            "values": dict(self.values),
            "skipped": list(self.skipped),
            "asked": self.asked,
            "stage": self.stage if self.stage != "asking" else "",
            "tries": self.tries,
            "heard": self.heard,
        }
        return {name: value for name, value in every.items() if value}


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    if turn.returning and turn.memory:
        return _next(settings, turn, Progress.of(turn.memory))
    slots = _slots(settings, turn)
    progress = Progress(values=_known(slots, turn) if settings["keep_known"] else {})
    words = turn.take_message() if settings["listen_first"] else None
    if words and words.strip():
        return _look_up(settings, turn, progress, words)
    return _next(settings, turn, progress)


def resume(settings: Mapping[str, Any], turn: Turn, input: Input) -> Step:
    progress = Progress.of(turn.memory)
    if isinstance(input, TimerFired):
        return Step(go="timeout")
    if isinstance(input, CallResult):
        return _fill(settings, turn, replace(progress, heard=""), progress.heard, _values_of(input))
    words = input.text if isinstance(input, CustomerInput) else ""
    if _is_one_of(words, settings["cancel_words"], turn):
        return Step(go="cancelled")
    if isinstance(input, Choice) and (step := _by_button(settings, turn, progress, input.value)) is not None:
        return step
    if progress.stage == "confirming" and (sure := yes_or_no(words)) is not None:
        return _finish(settings, turn, progress) if sure else _ask_what_to_change(settings, turn, progress)
    if progress.stage == "changing" and yes_or_no(words) is not None:
        return _read_back(settings, turn, progress)
    if progress.asked and _is_one_of(words, settings["skip_words"], turn):
        return _skip(settings, turn, progress)
    return _look_up(settings, turn, progress, words)


def _by_button(settings: Mapping[str, Any], turn: Turn, progress: Progress, value: str) -> Step | None:
    """What a button does: it confirms, names what to change, skips, or answers the question. None for one that is not there any more."""
    slots = _slots(settings, turn)
    named = next((slot for slot in slots if slot.name == (value if progress.stage == "changing" else progress.asked)), None)
    if progress.stage == "confirming" and value in ("yes", "no"):
        return _finish(settings, turn, progress) if value == "yes" else _ask_what_to_change(settings, turn, progress)
    if progress.stage == "changing":
        return None if named is None else _ask(settings, turn, replace(progress, stage="asking", tries=0), named)
    if named is not None and value == SKIP:
        return _skip(settings, turn, progress)
    if named is not None and any(value == option for option, _ in named.options):
        return _keep(settings, turn, progress, {named.name: value})
    return None


# --- what a sentence holds


def _look_up(settings: Mapping[str, Any], turn: Turn, progress: Progress, words: str) -> Step:
    """Ask what the words hold for the slots that they may be about; without such slots they are the answer to the question."""
    wanted = _wanted(_slots(settings, turn), progress, words)
    if not wanted or not words.strip():
        return _fill(settings, turn, progress, words, {})
    payload = {
        "text": words,
        "slots": [_as_entity(slot) for slot in wanted],
        "language": turn.language,
        "region": None,
        "time_zone": turn.time_zone,
        "now": turn.now.isoformat(),
    }
    memory = replace(progress, heard=words).to_memory()
    return Step(effects=(Call("nlu.entities", payload, timeout_s=20.0),), wait_for="call", memory=memory)


def _wanted(slots: Sequence[Slot], progress: Progress, words: str) -> list[Slot]:
    """The slots a sentence may fill, the asked one first: the open ones, or all of them when something is corrected.

    Free text is never searched for. A single word that is the answer to the question needs no search.
    """
    asked = next((slot for slot in slots if slot.name == progress.asked), None)
    if _is_correction(progress, asked, words):
        others = [slot for slot in slots if slot is not asked and (slot.kind != "yes_no" or slot is _named(slots, words))]
        return [slot for slot in (*others, *([asked] if asked else [])) if slot.kind != "text"]
    if asked is not None and (asked.kind == "text" or (asked.kind not in _WORDS and len(words.split()) == 1)):
        return []
    others = [slot for slot in slots if slot is not asked and slot.name not in progress.values]
    return [slot for slot in (*([asked] if asked else []), *others) if slot.kind != "text"]


def _is_correction(progress: Progress, asked: Slot | None, words: str) -> bool:
    """Whether the words may change what is filled in: after the summary, or as in "no, Tuesday"."""
    if progress.stage != "asking":
        return True
    plain_no = asked is not None and asked.kind == "yes_no" and yes_or_no(words) is not None
    return bool(progress.values) and not plain_no and _CORRECTS.match(words.strip()) is not None


def _as_entity(slot: Slot) -> dict[str, Any]:
    """The slot in the words of `nlu.entities`."""
    if slot.kind == "one_of":
        return {"name": slot.name, "type": "list", "entries": [{"value": value, "words": [label]} for value, label in slot.options]}
    return {"name": slot.name, "type": slot.kind}


def _values_of(result: CallResult) -> Mapping[str, Any]:
    """The values that were found; none when nobody could look."""
    values = result.value.get("values") if result.ok and isinstance(result.value, dict) else None
    return values if isinstance(values, dict) else {}


# --- filling in


def _fill(settings: Mapping[str, Any], turn: Turn, progress: Progress, words: str, found: Mapping[str, Any]) -> Step:
    """Take over what was found, or the words as the answer to the question; ask again when they are none."""
    slots = _slots(settings, turn)
    asked = next((slot for slot in slots if slot.name == progress.asked), None)
    values = _taken(slots, turn, progress, found)
    if not values and _is_correction(progress, asked, words) and (named := _named(slots, words)) is not None:
        return _ask(settings, turn, replace(progress, stage="asking", tries=0), named)
    if not values and asked is not None and (answer := read_answer(words, asked.asked(turn))) is not None:
        values = {asked.name: answer}
    if values:
        return _keep(settings, turn, progress, values)
    if asked is None and progress.stage == "asking":
        return _next(settings, turn, progress)
    return _not_understood(settings, turn, progress, asked)


def _keep(settings: Mapping[str, Any], turn: Turn, progress: Progress, values: Mapping[str, Any]) -> Step:
    filled = replace(progress, values={**progress.values, **values}, stage="asking", asked=None, tries=0)
    return _next(settings, turn, filled, values)


def _taken(slots: Sequence[Slot], turn: Turn, progress: Progress, found: Mapping[str, Any]) -> dict[str, Any]:
    """The found values that fit their slots and are new."""
    fitting = {slot.name: _fitting(slot, turn, found.get(slot.name)) for slot in slots}
    return {name: value for name, value in fitting.items() if value is not None and progress.values.get(name) != value}


def _fitting(slot: Slot, turn: Turn, value: Any) -> Any:
    """The value as the slot's own reader would have given it; None when it does not fit."""
    if value is None or isinstance(value, bool) or slot.kind == "yes_no":
        return value if isinstance(value, bool) and slot.kind == "yes_no" else None
    return read_answer(as_text(value), slot.asked(turn))


def _named(slots: Sequence[Slot], words: str) -> Slot | None:
    """The one slot whose label stands in the words."""
    said = f" {_bare(words)} "
    named = [slot for slot in slots if f" {_bare(slot.label)} " in said]
    return named[0] if len(named) == 1 else None


def _skip(settings: Mapping[str, Any], turn: Turn, progress: Progress) -> Step:
    slot = next((slot for slot in _slots(settings, turn) if slot.name == progress.asked), None)
    if slot is not None and slot.needed:
        return _ask(settings, turn, progress, slot, before=phrase("needed", turn.language), understood=False)
    skipped = (*progress.skipped, progress.asked or "")
    return _next(settings, turn, replace(progress, skipped=skipped, asked=None, tries=0))


def _not_understood(settings: Mapping[str, Any], turn: Turn, progress: Progress, asked: Slot | None) -> Step:
    tries = progress.tries + 1
    if settings["give_up"] and tries >= settings["attempts"]:
        return Step(go="invalid")
    again = replace(progress, tries=tries)
    if asked is None:
        return _ask_what_to_change(settings, turn, again, understood=False)
    kind = "text" if asked.kind == "name" else asked.kind
    before = turn.render(settings["retry_text"]).strip() or phrase(kind, turn.language)
    return _ask(settings, turn, again, asked, before=before, understood=False)


# --- what comes next


def _next(settings: Mapping[str, Any], turn: Turn, progress: Progress, values: Mapping[str, Any] | None = None) -> Step:
    """Ask for the first answer that is missing; with all of them, read them back or finish. `values` are new ones to keep."""
    missing = (slot for slot in _slots(settings, turn) if slot.name not in progress.values and slot.name not in progress.skipped)
    slot = next(missing, None)
    if slot is not None:
        step = _ask(settings, turn, progress, slot)
    elif settings["confirm"]:
        step = _read_back(settings, turn, progress)
    else:
        return _finish(settings, turn, progress)
    return step.setting(dict(values or {}))


def _ask(settings: Mapping[str, Any], turn: Turn, progress: Progress, slot: Slot, *, before: str = "", understood: bool = True) -> Step:
    text = "\n".join(line for line in (before, turn.render(slot.question, progress.values)) if line)
    options = [Option(value, label) for value, label in slot.options]
    if not slot.needed and settings["skip_words"]:
        options.append(Option(SKIP, turn.render(settings["skip_words"][0])))
    said = Say(text, choices=tuple(options), asks="date" if slot.kind == "date" else None)
    return _wait(settings, said, replace(progress, asked=slot.name), understood=understood)


def _read_back(settings: Mapping[str, Any], turn: Turn, progress: Progress) -> Step:
    slots = [slot for slot in _slots(settings, turn) if slot.name in progress.values]
    lines = [f"{slot.label}: {spoken(progress.values[slot.name], slot.asked(turn))}" for slot in slots]
    options = tuple(Option(word, phrase(word, turn.language)) for word in ("yes", "no"))
    text = turn.render(settings["confirm_text"]).replace("{summary}", "\n".join(lines))
    return _wait(settings, Say(text, choices=options), replace(progress, stage="confirming", asked=None))


def _ask_what_to_change(settings: Mapping[str, Any], turn: Turn, progress: Progress, *, understood: bool = True) -> Step:
    options = tuple(Option(slot.name, slot.label) for slot in _slots(settings, turn))
    said = Say(phrase("change", turn.language), choices=options)
    return _wait(settings, said, replace(progress, stage="changing", asked=None), understood=understood)


def _wait(settings: Mapping[str, Any], said: Say, progress: Progress, *, understood: bool = True) -> Step:
    limit = settings["wait_s"] if settings["limited"] else None
    return Step(effects=(said,), wait_for="message", memory=progress.to_memory(), understood=understood, timeout_s=limit)


def _finish(settings: Mapping[str, Any], turn: Turn, progress: Progress) -> Step:
    return Step(set={slot.name: progress.values.get(slot.name) for slot in _slots(settings, turn)}, go="done")


# --- reading settings and words


def _slots(settings: Mapping[str, Any], turn: Turn) -> list[Slot]:
    return [
        Slot(
            row["save_as"],
            turn.render(row["label"]),
            row["question"],
            row.get("type", "text"),
            row.get("needed", "yes") == "yes",
            _options(row, turn) if row.get("type") == "one_of" else (),
        )
        for row in settings["slots"]
    ]


def _options(row: Mapping[str, Any], turn: Turn) -> tuple[tuple[str, str], ...]:
    """(value as written, label in the customer's language) of a list with commas."""
    values = [value.strip() for value in row.get("options", "").split(",") if value.strip()]
    labels = [label.strip() for label in turn.render(row.get("options", "")).split(",") if label.strip()]
    return tuple(zip(values, labels if len(labels) == len(values) else values, strict=True))


def _known(slots: Sequence[Slot], turn: Turn) -> dict[str, Any]:
    return {slot.name: turn.scope[slot.name] for slot in slots if turn.scope.get(slot.name) not in (None, "")}


def _is_one_of(words: str, known: Sequence[str], turn: Turn) -> bool:
    return bool(words.strip()) and _bare(words) in {_bare(turn.render(word)) for word in known}


def _bare(text: str) -> str:
    return " ".join(re.sub(r"[.,!?:;]", " ", text.casefold()).split())
