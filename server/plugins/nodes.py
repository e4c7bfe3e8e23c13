"""A plugin's steps as the runtime and the editor use them: what describes them is read here, their code runs in the plugin's process."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any, cast, get_type_hints

import msgspec

from flow_runtime.effects import Call, effect_from_json
from flow_runtime.errors import FlowError, NodeFailure
from flow_runtime.inputs import CallError, Input, input_to_json
from flow_runtime.nodes import Step, Turn
from flow_runtime.upgrades import SettingsUpgrade
from node_library import FolderNode, read_node
from server.plugins.hosts import Hosts, PluginFailed

NODE_S = 2.0
UPGRADES_KEPT = 1_000
_FACTS = tuple(
    name for name in dir(Turn) if not name.startswith("_") and name not in ("random", "taken") and not callable(getattr(Turn, name))
)
ASKED = frozenset(("render", "render_url", "value", "holds"))
"""What a plugin may ask of the turn. Its other methods are the interpreter's: with them a plugin could change what the turn is."""
_STEP = get_type_hints(Step)


@dataclass(frozen=True, eq=False)
class PluginNode(FolderNode):
    """A kind of step whose code runs elsewhere. `plugin` is the name of the plugin it belongs to."""

    plugin: str = ""


class _Code:
    """The two functions of a node, as read_node expects them of a module."""

    def __init__(self, plugin: str, type: str, hosts: Hosts) -> None:
        self._plugin = plugin
        self._type = type
        self._hosts = hosts

    def enter(self, settings: Mapping[str, Any], turn: Turn) -> Step:
        """Run the node's enter in its process."""
        return self._run({"do": "enter"}, settings, turn)

    def resume(self, settings: Mapping[str, Any], turn: Turn, input: Input) -> Step:
        """Run the node's resume in its process."""
        return self._run({"do": "resume", "input": input_to_json(input)}, settings, turn)

    def upgrades_to(self, version: int) -> dict[int, SettingsUpgrade]:
        """What brings settings of each older version to the next one, in the node's process."""
        upgrade = lru_cache(UPGRADES_KEPT)(self._upgraded)
        return {older: partial(_by_text, upgrade, older) for older in range(1, version)}

    def _upgraded(self, older: int, settings: str) -> str:
        told = self._hosts.run({"do": "upgrade", "node": self._type, "version": older, "settings": json.loads(settings)}, _refuses, NODE_S)
        return json.dumps(told["settings"])

    def _run(self, asked: dict[str, Any], settings: Mapping[str, Any], turn: Turn) -> Step:
        seen = {name: getattr(turn, name) for name in _FACTS if hasattr(turn, name)}
        times = {name: value.isoformat() for name, value in seen.items() if isinstance(value, datetime)}
        facts = {name: value for name, value in seen.items() if name not in times}

        def answer(name: str, args: list[Any]) -> Any:
            if name == "dice":
                return turn.random.getstate()
            if name not in ASKED:
                raise NodeFailure("plugin", f"A step cannot ask for {name}.")
            return getattr(turn, name)(*args)

        told = self._hosts.run({**asked, "node": self._type, "settings": settings, "facts": facts, "times": times}, answer, NODE_S)
        try:
            step = step_from_json(told["step"])
            taken = bool(told["taken"])
        except (KeyError, TypeError, ValueError, AttributeError, FlowError, msgspec.ValidationError) as error:
            raise PluginFailed(self._plugin, f"it returned something that is no step ({error}).") from None
        for effect in step.effects:
            if isinstance(effect, Call) and effect.kind.startswith("plugin.") and not effect.kind.startswith(f"plugin.{self._plugin}."):
                raise PluginFailed(self._plugin, f"it asked for {effect.kind}, which belongs to another plugin.")
        if taken:
            turn.take_message()
        return step


def _by_text(upgrade: Callable[[int, str], str], older: int, settings: dict[str, Any]) -> Any:
    """The upgraded settings; the same settings are upgraded once."""
    return json.loads(upgrade(older, json.dumps(settings)))


def _refuses(name: str, args: list[Any]) -> Any:
    raise NodeFailure("plugin", f"An upgrade cannot ask for {name}.")


def step_from_json(data: Mapping[str, Any]) -> Step:
    """The step that `host.step_to_json` wrote; raises one of many errors when it is none."""
    values: dict[str, Any] = {}
    for name, value in data.items():
        if name == "effects":
            values[name] = tuple(effect_from_json(effect) for effect in value)
        elif name == "error":
            values[name] = None if value is None else CallError(str(value["kind"]), str(value["message"]))
        else:
            values[name] = msgspec.convert(value, _STEP[name])
    return Step(**values)


def plugin_node(plugin: str, folder: Path, hosts: Hosts) -> PluginNode:
    """The step in a folder of an unpacked plugin; raises BrokenNode. Nothing of its code is imported."""
    code = _Code(plugin, folder.name, hosts)
    node = read_node(folder, cast(ModuleType, code))
    return PluginNode(node.folder, node.about, node.enter, node.resume, node.schema, code.upgrades_to(node.version), plugin=plugin)
