"""How a folder becomes a node.

node.json   type, version, title, category, one-sentence summary, hue, card text, ports, what it may wait for, JSON Schema of its settings
node.py     enter(settings, turn) and, if it ever waits, resume(settings, turn, input); pure. From version 2 on also UPGRADES:
            for each older version a function from its settings to those of the next
help.md     shown beside the form in the editor
icon.svg    24 x 24, drawn in the current colour
cases.json  what it does, by example; run as tests
"""

import importlib.util
import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from jsonschema import Draft202012Validator

from flow_runtime.inputs import Input
from flow_runtime.nodes import Port, Step, Turn, slug
from flow_runtime.settings import complete
from flow_runtime.upgrades import SettingsUpgrade
from node_library.widgets import with_shapes

FILES = ("node.json", "node.py", "help.md", "icon.svg", "cases.json")
CATEGORIES = ("messages", "logic", "understanding", "ai", "integrations", "people")
_NODE_JSON = Draft202012Validator(json.loads(Path(__file__).with_name("node.schema.json").read_text(encoding="utf-8")))
_PLACEHOLDER = re.compile(r"\{(\w+)(?::(\w+))?\}")
_CARD_CHARACTERS = 160


class BrokenNode(Exception):
    """The folder cannot be used as a node; the message says why."""


@dataclass(frozen=True, eq=False)
class FolderNode:
    """One kind of node, read from its folder."""

    folder: Path
    about: Mapping[str, Any]
    enter: Callable[[Mapping[str, Any], Turn], Step]
    resume: Callable[[Mapping[str, Any], Turn, Input], Step]
    schema: Mapping[str, Any] = field(repr=False)
    upgrades: Mapping[int, SettingsUpgrade] = field(default_factory=dict, repr=False)

    @cached_property
    def type(self) -> str:
        return str(self.about["type"])

    @cached_property
    def version(self) -> int:
        return int(self.about["version"])

    @cached_property
    def title(self) -> str:
        return str(self.about["title"])

    @cached_property
    def category(self) -> str:
        return str(self.about["category"])

    @cached_property
    def summary(self) -> str:
        return str(self.about["summary"])

    @cached_property
    def hue(self) -> int:
        return int(self.about["hue"])

    @cached_property
    def waits(self) -> frozenset[str]:
        return frozenset(self.about.get("waits", ()))

    @property
    def is_ours(self) -> bool:
        """Whether it belongs to Chatloom itself."""
        return self.folder.parent == Path(__file__).parent

    @property
    def icon(self) -> Path:
        return self.folder / "icon.svg"

    @cached_property
    def help(self) -> str:
        return (self.folder / "help.md").read_text(encoding="utf-8")

    @cached_property
    def cases(self) -> list[dict[str, Any]]:
        cases: list[dict[str, Any]] = json.loads((self.folder / "cases.json").read_text(encoding="utf-8"))
        return cases

    def defaults(self) -> dict[str, Any]:
        """The settings of a node that has just been put on the canvas."""
        return complete(self.schema, {})

    def ports(self, settings: Mapping[str, Any]) -> tuple[Port, ...]:
        """The ways out with these settings. Settings that do not fit the schema give the ports they can."""
        found: list[Port] = []
        for about in self.about["ports"]:
            if _is_shown(about, settings):
                found += _dynamic_ports(about, settings) if "each" in about else [_port(about)]
        return tuple(found)

    def card_text(self, settings: Mapping[str, Any]) -> str:
        """One line for the card on the canvas; empty while nothing is filled in."""
        complete_settings = complete(self.schema, settings)
        empty = True

        def put_in(found: re.Match[str]) -> str:
            nonlocal empty
            when = {"when": self.schema["properties"].get(found[1], {}).get("x-show-if")}
            text = _card_value(complete_settings.get(found[1]), found[2]) if _is_shown(when, complete_settings) else ""
            empty = empty and not text
            return text

        text = " ".join(_PLACEHOLDER.sub(put_in, self.about["card"]).split())
        if empty and _PLACEHOLDER.search(self.about["card"]):
            return ""
        return text if len(text) <= _CARD_CHARACTERS else text[: _CARD_CHARACTERS - 1].rstrip() + "…"


def _is_shown(about: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
    when = about.get("when")
    if when is None:
        return True
    value = settings.get(when["field"])
    return value in when["is"] if isinstance(when["is"], list) else bool(value == when["is"])


def _port(about: Mapping[str, Any]) -> Port:
    return Port(about["name"], about["title"], about.get("required", False))


def _dynamic_ports(about: Mapping[str, Any], settings: Mapping[str, Any]) -> list[Port]:
    """One port for each entry of a list: the entry itself, or its fields named by `name` and `title`."""
    entries = settings.get(about["each"])
    required = about.get("required", False)
    ports: list[Port] = []
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, str) and entry:
            ports.append(Port(entry, entry, required))
        elif isinstance(entry, dict):
            title = str(entry.get(about.get("title")) or "")
            name = str(entry.get(about.get("name")) or "") or slug(title)
            ports.append(Port(name, title or name, required))
    return ports


def _card_value(value: Any, form: str | None) -> str:
    """A setting as it stands on the card. `form` is the field to show of each entry of a list, or "duration"."""
    if form == "duration" and isinstance(value, int):
        return _duration(value)
    if isinstance(value, list):
        shown = (entry.get(form or "title", "") if isinstance(entry, dict) else entry for entry in value)
        return ", ".join(str(text) for text in shown if text)
    return "" if value is None or isinstance(value, (bool, dict)) else str(value)


def _duration(seconds: int) -> str:
    for size, word in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size} {word}{'s' if seconds // size > 1 else ''}"
    return f"{seconds} second{'' if seconds == 1 else 's'}"


def read_node(folder: Path, module: ModuleType | None = None) -> FolderNode:
    """The node in the folder; raises BrokenNode. `module` is its node.py when that has been imported already."""
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise BrokenNode(f"{folder.name} lacks {', '.join(missing)}")
    try:
        about = json.loads((folder / "node.json").read_text(encoding="utf-8"))
        faults = [f"{error.json_path}: {error.message}" for error in _NODE_JSON.iter_errors(about)]
        if faults:
            raise BrokenNode(f"{folder.name}/node.json: {'; '.join(faults)}")
        schema = with_shapes(about["settings"])
        Draft202012Validator.check_schema(schema)
        code = module or _import_file(folder)
        node = FolderNode(folder, about, code.enter, getattr(code, "resume", _never_waits), schema, getattr(code, "UPGRADES", {}))
    except BrokenNode:
        raise
    except Exception as error:
        raise BrokenNode(f"{folder.name}: {type(error).__name__}: {error}") from error
    return node


def _never_waits(settings: Mapping[str, Any], turn: Turn, input: Input) -> Step:
    raise NotImplementedError("this node never waits, so nothing can resume it")


def _import_file(folder: Path) -> ModuleType:
    """The folder's node.py, under a name of its own."""
    name = f"chatloom_plugin:{folder.resolve()}"
    spec = importlib.util.spec_from_file_location(name, folder / "node.py")
    if spec is None or spec.loader is None:
        raise BrokenNode(f"{folder.name}: node.py cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
