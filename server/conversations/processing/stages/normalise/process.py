"""Brings a text into one form (Unicode UAX 15), without characters that nobody sees or that only disturb."""

import unicodedata
from collections.abc import Iterator

from server.conversations.processing.contract import Rejected, Result, Said, Settings
from server.kit.names import TURNING, is_visible

_JOINERS = frozenset("\u200c\u200d")
_INVISIBLE = TURNING | frozenset("\u200b\u2060\u2061\u2062\u2063\u2064\ufeff\u00ad\u180e\u3164\uffa0")
_BLACK_FLAG = "\U0001f3f4"


def process(said: Said, settings: Settings) -> Result:
    """The tidied text; what was changed is found."""
    text, longest = said.text, int(settings["longest"])
    changed: list[str] = []
    for name, after in _steps(text, settings):
        if after != text:
            text = after
            changed += [] if name in changed else [name]
    if len(text) > longest:
        if settings["too_long"] == "refuse":
            raise Rejected(f"The text is too long: {len(text)} characters. Send at most {longest}, or several messages.")
        text = _cut(text, longest)
        changed.append("length")
    if not is_visible(text):
        raise Rejected("There is nothing to read in this text. Write something.")
    found = {"changed": changed, "characters": len(text)}
    return Result(found, said.with_text(text) if changed else None)


def _steps(text: str, settings: Settings) -> Iterator[tuple[str, str]]:
    plain = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    yield "blanks", plain
    if plain.isascii() and plain.isprintable():
        return
    whole = plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    visible = "".join(letter for letter in whole if letter in "\n\t" or unicodedata.category(letter) not in ("Cc", "Cn", "Co"))
    yield "control", visible
    if settings["invisible"] == "remove":
        visible = _without_invisible(visible)
        yield "invisible", visible
    if settings["form"] != "none":
        visible = unicodedata.normalize("NFKC" if settings["form"] == "NFKC" else "NFC", visible)
        yield "form", visible
    visible = _with_few_marks(visible, int(settings["marks"]))
    yield "marks", visible
    yield "blanks", visible.strip()


def _without_invisible(text: str) -> str:
    """Tags (U+E0001 to U+E007F) stay only behind the black flag: they spell the flags of England, Scotland and Wales there."""
    kept: list[str] = []
    flag = False
    for letter in text:
        tag = "\U000e0001" <= letter <= "\U000e007f"
        flag = letter == _BLACK_FLAG or (flag and tag)
        if (tag and not flag) or letter in _INVISIBLE:
            continue
        kept.append(letter)
    return "".join(letter for at, letter in enumerate(kept) if letter not in _JOINERS or _joins(kept, at))


def _joins(letters: list[str], at: int) -> bool:
    """Whether a joiner stands between two letters or signs, where scripts and emoji need it."""
    return 0 < at < len(letters) - 1 and not any(letters[beside].isspace() or letters[beside] in _JOINERS for beside in (at - 1, at + 1))


def _with_few_marks(text: str, most: int) -> str:
    kept: list[str] = []
    run = 0
    for letter in text:
        run = run + 1 if unicodedata.category(letter) in ("Mn", "Me") and not "\ufe00" <= letter <= "\ufe0f" else 0
        if run <= most:
            kept.append(letter)
    return "".join(kept)


def _cut(text: str, longest: int) -> str:
    """At most so many characters, none of them a mark or a joiner without what it belongs to."""
    end = longest
    while end > 1 and (unicodedata.category(text[end])[0] == "M" or text[end] in _JOINERS or text[end - 1] in _JOINERS):
        end -= 1
    return text[:end].rstrip() or text[:longest]
