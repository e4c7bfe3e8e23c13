"""Shows choices and takes the one that was picked, or several, by button, by words or by number."""

from collections.abc import Mapping, Sequence
from typing import Any

from flow_runtime.answers import pick_option, picked_options
from flow_runtime.effects import Option, Say
from flow_runtime.inputs import Choice, CustomerInput, Input, TimerFired
from flow_runtime.nodes import Step, Turn, slug
from flow_runtime.paths import MISSING, find
from flow_runtime.phrases import phrase
from flow_runtime.printing import as_text

MOST = 50
DONE = "done"
_DONE_WORDS = frozenset(("done", "that's all", "that is all", "no", "nothing", "fertig", "nein", "listo", "terminé", "non"))


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    options = _options(settings, turn)
    if not options:
        return Step(set=_kept(settings, turn, []), go="otherwise" if settings["on_other"] != "ask_again" else "chosen")
    picked = _picked_before(turn)
    return _offer(settings, turn, settings["more_text"] if picked else settings["text"], options, turn.memory)


def resume(settings: Mapping[str, Any], turn: Turn, input: Input) -> Step:
    if isinstance(input, TimerFired):
        return Step(go="timeout")
    options = _options(settings, turn)
    if settings["pick"].startswith("several"):
        step = _take_several(settings, turn, options, input)
    else:
        picked = _one(options, input)
        step = None if picked is None else Step(set=_kept(settings, turn, picked), go=_way(settings, picked))
    return step or _not_understood(settings, turn, options, input)


def _take_several(settings: Mapping[str, Any], turn: Turn, options: Sequence[Option], input: Input) -> Step | None:
    """One button at a time until Done, or several by name in one sentence; None when nothing was picked."""
    before = _picked_before(turn)
    if before and _is_done(input):
        return Step(set=_kept(settings, turn, before), go="chosen")
    if isinstance(input, Choice):
        value = _one(options, input)
        named = [] if value is None else [value]
    else:
        named = picked_options(_words(input), _pairs(options))
        if named:
            return Step(set=_kept(settings, turn, _together(options, before, named)), go="chosen")
    if not named:
        return None
    picked = _together(options, before, named)
    if len(picked) == len(options):
        return Step(set=_kept(settings, turn, picked), go="chosen")
    return _offer(settings, turn, settings["more_text"], options, {"picked": picked})


def _not_understood(settings: Mapping[str, Any], turn: Turn, options: Sequence[Option], input: Input) -> Step:
    tries = int(turn.memory.get("tries", 0)) + 1
    if settings["on_other"] == "leave" or (settings["on_other"] == "ask_then_leave" and tries >= settings["attempts"]):
        name = settings["save_as"]
        return Step(set={name: _words(input)} if name and settings["pick"] == "one" else {}, go="otherwise")
    text = settings["retry_text"] or settings["text"]
    return _offer(settings, turn, text, options, {**turn.memory, "tries": tries}, understood=False)


def _offer(
    settings: Mapping[str, Any], turn: Turn, text: str, options: Sequence[Option], memory: Mapping[str, Any], *, understood: bool = True
) -> Step:
    picked = memory.get("picked") or []
    shown = [option for option in options if option.value not in picked]
    if picked:
        shown.append(Option(DONE, phrase("done", turn.language)))
    limit = settings["wait_s"] if settings["limited"] else None
    said = Say(turn.render(text), choices=tuple(shown))
    return Step(effects=(said,), wait_for="message", memory=memory, understood=understood, timeout_s=limit)


def _options(settings: Mapping[str, Any], turn: Turn) -> tuple[Option, ...]:
    if settings["pick"].endswith("of_list"):
        return tuple(
            Option(str(number), _label(entry, settings["label_field"])) for number, entry in enumerate(_entries(settings, turn), 1)
        )
    return tuple(Option(choice.get("value") or slug(choice["label"]), turn.render(choice["label"])) for choice in settings["choices"])


def _entries(settings: Mapping[str, Any], turn: Turn) -> list[Any]:
    """The entries of the list in the variable; what is no list has none."""
    found = find(turn.scope, settings["list"])
    return list(found)[:MOST] if isinstance(found, (list, tuple)) else []


def _label(entry: Any, field: str) -> str:
    shown = find(entry, field) if field else entry
    return as_text("" if shown is MISSING else shown)[:200]


def _way(settings: Mapping[str, Any], value: str) -> str:
    return value if settings["pick"] == "one" else "chosen"


def _kept(settings: Mapping[str, Any], turn: Turn, picked: str | list[str]) -> dict[str, Any]:
    """What the variable holds: the value, or the entry of the list; a list of them for several."""
    name = settings["save_as"]
    if not name:
        return {}
    if not settings["pick"].endswith("of_list"):
        return {name: picked}
    entries = _entries(settings, turn)
    if isinstance(picked, str):
        return {name: entries[int(picked) - 1]}
    chosen = [entries[int(value) - 1] for value in picked]
    return {name: chosen if settings["pick"] == "several_of_list" else None}


def _one(options: Sequence[Option], input: Input) -> str | None:
    if isinstance(input, Choice) and any(option.value == input.value for option in options):
        return input.value
    return pick_option(_words(input), _pairs(options))


def _pairs(options: Sequence[Option]) -> list[tuple[str, str]]:
    return [(option.value, option.label) for option in options]


def _together(options: Sequence[Option], before: Sequence[str], named: Sequence[str]) -> list[str]:
    return [option.value for option in options if option.value in before or option.value in named]


def _picked_before(turn: Turn) -> list[str]:
    return list(turn.memory.get("picked") or ())


def _is_done(input: Input) -> bool:
    return (isinstance(input, Choice) and input.value == DONE) or _words(input).casefold().strip(" .!,") in _DONE_WORDS


def _words(input: Input) -> str:
    return input.text if isinstance(input, CustomerInput) else ""
