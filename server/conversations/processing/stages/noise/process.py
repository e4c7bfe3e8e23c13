"""Leaves out of a text what says nothing; what was left out is counted and not repeated."""

import re
from functools import lru_cache
from typing import Any

import re2

from server.conversations.processing.contract import Result, Said, Settings, StageFailed
from server.kit.names import is_visible

_SENT_FROM = re.compile(
    r"^(?:sent from|get outlook for|gesendet von|von meinem .{0,30} gesendet|envoyé de mon|enviado desde mi|inviato da)\b.{0,80}$",
    re.IGNORECASE | re.MULTILINE,
)
_SEPARATOR = re.compile(r"^-- ?$.*", re.MULTILINE | re.DOTALL)
_QUOTED = re.compile(r"^>.*(?:\n|$)", re.MULTILINE)
_LINK = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
_TRACKS = re.compile(r"(?:utm_[a-z_]+|gclid|fbclid|msclkid|dclid|mc_[ce]id|igshid|_hs(?:enc|mi))", re.IGNORECASE)
_MOST_MEMORY = 1 << 20


def process(said: Said, settings: Settings) -> Result:
    """The text without noise. What would leave nothing to see is not done."""
    text = said.text
    removed: dict[str, int] = {}
    for name, after in _without(text, settings):
        candidate = after(text)
        if candidate != text and is_visible(candidate):
            removed[name] = len(text) - len(candidate)
            text = candidate
    return Result({"removed": removed}, said.with_text(text) if removed else None)


def _without(text: str, settings: Settings) -> list[tuple[str, Any]]:
    rules: list[tuple[str, Any]] = []
    if settings["quotes"] == "on":
        rules.append(("quotes", lambda text: _QUOTED.sub("", text).strip()))
    if settings["signatures"] == "on":
        rules.append(("signatures", lambda text: _SENT_FROM.sub("", _SEPARATOR.sub("", text)).strip()))
    if settings["tracking"] == "on":
        rules.append(("tracking", lambda text: _LINK.sub(lambda found: _untracked(found[0]), text)))
    if most := int(settings["repeats"]):
        rules.append(("repeats", lambda text: _shortened(text, most)))
    rules += [(f"phrase_{number}", lambda text, one=one: one.sub("", text).strip()) for number, one in _patterns(settings["phrases"])]
    return rules


def _untracked(link: str) -> str:
    address, mark, rest = link.partition("?")
    query, anchor, fragment = rest.partition("#")
    kept = [pair for pair in query.split("&") if not _TRACKS.fullmatch(pair.partition("=")[0])]
    return address + (mark + "&".join(kept) if kept and mark else "") + anchor + fragment


def _shortened(text: str, most: int) -> str:
    """Runs of one letter or sign cut short; digits stay, they are numbers."""
    return re.sub(rf"([^\W\d_]|[^\w\s])\1{{{most},}}", lambda found: found[1] * most, text)


@lru_cache(maxsize=500)
def _patterns(lines: str) -> list[tuple[int, Any]]:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MOST_MEMORY
    found = []
    for number, line in enumerate(lines.splitlines(), start=1):
        try:
            if line.strip():
                found.append((number, re2.compile(line.strip(), options=options)))
        except re2.error:
            raise StageFailed(f"Line {number} of the patterns to leave out cannot be used.") from None
    return found
