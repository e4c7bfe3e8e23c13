"""Reads or writes a file of a connection."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.effects import Call
from flow_runtime.errors import NodeFailure
from flow_runtime.inputs import Input
from flow_runtime.nodes import FAILED, Step, Turn
from flow_runtime.results import kept, result_of


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    about = {"connection": settings["connection"], "path": _path(turn.render(settings["path"])), "form": settings["form"]}
    if settings["action"] == "read":
        return Step(effects=(Call("file.read", about),), wait_for="call")
    content = turn.value(settings["content"]) if settings["form"] == "json" else turn.render(settings["content"])
    payload = {**about, "content": content, "append": settings["action"] == "append"}
    return Step(effects=(Call("file.write", payload),), wait_for="call")


def resume(settings: Mapping[str, Any], turn: Turn, input: Input) -> Step:
    reads = settings["action"] == "read"
    answer, error = result_of(input, *(["content"] if reads else []))
    if error is not None:
        return Step(go="missing" if reads and error.kind == "not_found" else FAILED, error=error)
    return Step(set=kept(settings, answer["content"]) if reads else {}, go="ok")


def _path(text: str) -> str:
    """The path within the connection; one that would lead out of it, or is none, fails."""
    path = text.strip()
    parts = path.replace("\\", "/").split("/")
    if not path or path.startswith(("/", "\\")) or ".." in parts or any(ord(character) < 32 for character in path):
        raise NodeFailure("path", f'"{path[:60]}" is no file of the connected folder.')
    return path
