"""A node type that has changed: flows drawn with its older versions still open, run and are upgraded."""

import json
from pathlib import Path
from typing import Any

import pytest

from flow_runtime import ConversationStarted, Say, load_flow, problems_of, start
from flow_runtime.upgrades import upgraded_nodes
from node_library import load_library
from node_library.conformance import complaints
from node_library.contract import read_node
from node_library.scaffold import new_node
from tests.flow_runtime.playing import AT

FIXTURES = Path(__file__).parent.parent / "data" / "node_versions"
NODE = """
from collections.abc import Mapping
from typing import Any

from flow_runtime.effects import Say
from flow_runtime.nodes import Step, Turn


def _second(settings: dict[str, Any]) -> dict[str, Any]:
    return {"text": settings["words"]}


def _third(settings: dict[str, Any]) -> dict[str, Any]:
    return {"text": settings["text"], "loud": settings["text"].isupper()}


UPGRADES = {1: _second, 2: _third}


def enter(settings: Mapping[str, Any], turn: Turn) -> Step:
    text = turn.render(settings["text"])
    return Step(effects=(Say(text.upper() if settings["loud"] else text),), go="next")
"""


@pytest.fixture
def library(tmp_path: Path) -> Any:
    """Ours, and a node in its third version."""
    folder = new_node("greeting", tmp_path)
    about = json.loads((folder / "node.json").read_text())
    text = {"type": "string", "title": "Text", "x-widget": "rich", "x-customer": True, "pattern": "\\S"}
    about["version"] = 3
    about["card"] = "{text}"
    about["ports"] = [{"name": "next", "title": "Next"}]
    loud = {"title": "Loud", "default": False, "x-widget": "switch"}
    about["settings"] = {"required": ["text"], "properties": {"text": text, "loud": loud}}
    (folder / "node.json").write_text(json.dumps(about))
    (folder / "node.py").write_text(NODE)
    return {**load_library(), "greeting": read_node(folder)}


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("greeting_*.json")), ids=lambda path: path.stem)
def test_a_flow_with_an_older_version_runs(path: Path, library: Any) -> None:
    case = json.loads(path.read_text())
    assert [problem.code for problem in problems_of(case["document"], library) if problem.severity == "error"] == []
    outcome = start(load_flow(case["document"], library), ConversationStarted(at=AT), conversation_id="c")
    assert [effect.text for effect in outcome.effects if isinstance(effect, Say)] == case["says"]
    node = upgraded_nodes(case["document"], library)["nodes"]["n"]
    assert (node["settings"], node["type_version"]) == (case["settings"], 3)


def test_an_upgrade_that_fails_and_a_newer_version_are_told(library: Any) -> None:
    document = json.loads((FIXTURES / "greeting_1.json").read_text())["document"]
    document["nodes"]["n"]["settings"] = {"nothing": "of the kind"}
    (failed,) = [problem for problem in problems_of(document, library) if problem.severity == "error"]
    assert failed.code == "upgrade_failed"
    assert "From version 1 to 2: KeyError" in failed.message
    document["nodes"]["n"]["type_version"] = 4
    assert "unknown_node_version" in [problem.code for problem in problems_of(document, library)]


def test_a_node_without_its_upgrades_is_refused(library: Any) -> None:
    folder = library["greeting"].folder
    (folder / "node.py").write_text(NODE.replace("1: _second, ", ""))
    assert any("UPGRADES says nothing of version 1" in sentence for sentence in complaints(folder))
