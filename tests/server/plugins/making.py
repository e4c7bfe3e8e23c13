"""Plugins made for tests."""

import json
from pathlib import Path
from typing import Any

from node_library.scaffold import new_node
from server.plugins.keys import SigningKey
from server.plugins.pack import pack

KEY = SigningKey.new("acme")
"""The publisher that the tests' server trusts."""

ENTER = '''"""{doc}"""

from collections.abc import Mapping
from typing import Any

from flow_runtime.effects import Call, Say
from flow_runtime.errors import NodeFailure
from flow_runtime.nodes import Step, Turn


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    text = turn.render(settings["text"])
{body}
    return Step(effects=(Say(text.upper()),), go="next")
'''


def write_plugin(folder: Path, name: str, body: str = "", *, version: str = "1.0.0", **about: Any) -> Path:
    """A plugin folder with one node of the plugin's name, which says its text in capitals after `body` ran (`text` is what it says)."""
    new_node(name, folder)
    code = ENTER.format(doc=name, body="\n".join(f"    {line}" for line in (body or "pass").splitlines()))
    (folder / name / "node.py").write_text(code)
    (folder / "plugin.json").write_text(json.dumps({"name": name, "version": version, **about}))
    return folder


def packed(folder: Path, key: SigningKey | None = KEY) -> bytes:
    """The plugin file of a folder."""
    return pack(folder, key)[1]


def flow_with(type: str, text: str = "hi {{ message.text }}", *, catches: bool = False) -> dict[str, Any]:
    """A flow that asks, runs the step on what is said, and asks again; `catches` says what went wrong in the step."""
    nodes: dict[str, Any] = {
        "ask": {"type": "ask_question", "settings": {"text": "Say something.", "save_as": "said"}},
        "do": {"type": type, "settings": {"text": text}, "on_error": {"do": "branch" if catches else "stop"}},
    }
    joints = [("ask", "next", "do"), ("do", "next", "ask")]
    if catches:
        nodes["sorry"] = {"type": "send_message", "settings": {"text": "Sorry: {{ error.kind }}: {{ error.message }}"}}
        joints += [("do", "failed", "sorry"), ("sorry", "next", "ask")]
    return {
        "schema_version": 1,
        "name": f"Uses {type}",
        "triggers": [{"id": "start", "type": "conversation_start", "node": "ask"}],
        "nodes": nodes,
        "variables": {"said": {"type": "text"}},
        "edges": {f"e{n}": {"source": source, "port": port, "target": target} for n, (source, port, target) in enumerate(joints)},
    }
