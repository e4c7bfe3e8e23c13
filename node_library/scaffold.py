"""Writes the folder of a new node: a small node that works, to be changed."""

import json
import re
from pathlib import Path

_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" '
    'stroke-linecap="round" stroke-linejoin="round"><path d="M12 5v14"/><path d="M5 12h14"/></svg>\n'
)
_NODE_PY = '''"""{title}: says a text in capital letters and goes on."""

from collections.abc import Mapping
from typing import Any

from flow_runtime.effects import Say
from flow_runtime.nodes import Step, Turn


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    return Step(effects=(Say(turn.render(settings["text"]).upper()),), go="next")
'''
_HELP = """# {title}

Says a text in capital letters and goes on.

**Example.** *Hi {{{{ contact.name }}}}!* says *HI ADA!* to Ada.

Write here what your node is for, as you would tell a colleague who does not program.
"""


def new_node(name: str, directory: Path) -> Path:
    """Write the folder of a node of that name into the directory; it passes `conformance.complaints` at once. Raises ValueError."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,38}[a-z0-9]", name):
        raise ValueError("a node is named with small letters, digits and _, like send_postcard")
    folder = directory / name
    if folder.exists():
        raise ValueError(f"{folder} exists already")
    title = name.replace("_", " ").capitalize()
    folder.mkdir(parents=True)
    for file, text in {
        "__init__.py": "",
        "node.json": _json(_about(name, title)),
        "node.py": _NODE_PY.format(title=title),
        "help.md": _HELP.format(title=title),
        "icon.svg": _ICON,
        "cases.json": _json(_CASES),
    }.items():
        (folder / file).write_text(text, encoding="utf-8")
    return folder


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _about(name: str, title: str) -> dict[str, object]:
    return {
        "type": name,
        "version": 1,
        "title": title,
        "category": "messages",
        "summary": "Says a text in capital letters.",
        "hue": 100,
        "card": "{text}",
        "ports": [{"name": "next", "title": "Next"}],
        "settings": {
            "required": ["text"],
            "properties": {
                "text": {
                    "type": "string",
                    "title": "Text",
                    "pattern": "\\S",
                    "x-widget": "rich",
                    "x-help": "What the customer reads, in capital letters.",
                }
            },
        },
    }


_CASES = [
    {
        "name": "says the text in capital letters",
        "settings": {"text": "Hi {{ name }}!"},
        "variables": {"name": "Ada"},
        "expect": {"says": ["HI ADA!"], "go": "next"},
    },
    {"name": "an empty text is a problem", "settings": {"text": ""}, "expect": {"problems": ["missing_setting text"]}},
]
