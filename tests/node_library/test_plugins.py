"""A new node is a new folder: nothing else is touched, and a broken one keeps nobody from working."""

import sys
from datetime import UTC, datetime
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from flow_runtime import ConversationStarted, Say, load_flow, problems_of, start
from node_library import load_library
from node_library.scaffold import new_node

AT = datetime(2026, 1, 1, tzinfo=UTC)


def _flow_of(type: str) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "name": "Plugin",
        "triggers": [{"id": "start", "type": "conversation_start", "node": "n"}],
        "nodes": {"n": {"type": type, "settings": {"text": "hi {{ contact.name }}"}}},
        "edges": {},
    }


def test_a_folder_in_the_plugins_directory_runs_in_a_flow(tmp_path: Path) -> None:
    new_node("shout_hello", tmp_path)
    library = load_library(tmp_path)
    document = _flow_of("shout_hello")
    assert problems_of(document, library) == []
    outcome = start(load_flow(document, library), ConversationStarted(at=AT), conversation_id="c", contact={"name": "Ada"})
    assert outcome.effects[0] == Say("HI ADA")
    assert "shout_hello" in [entry.type for entry in library.palette()]


def test_without_the_folder_the_flow_says_what_is_missing() -> None:
    problems = problems_of(_flow_of("shout_hello"), load_library())
    assert [problem.code for problem in problems] == ["unknown_node_type"]


def test_an_installed_package_brings_its_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new_node("wave", tmp_path / "chatloom_wave")
    (tmp_path / "chatloom_wave" / "__init__.py").write_text("")
    info = tmp_path / "chatloom_wave-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: chatloom-wave\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[chatloom.nodes]\nwave = chatloom_wave.wave\nlost = chatloom_wave.lost\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        library = load_library()
        assert library["wave"].title == "Wave"
        assert [(refused.origin, refused.reason) for refused in library.refused] == [
            ("package chatloom_wave.lost", "No module named 'chatloom_wave.lost'")
        ]
        assert EntryPoint("wave", "chatloom_wave.wave", "chatloom.nodes").module == "chatloom_wave.wave"
    finally:
        for name in [name for name in sys.modules if name.startswith("chatloom_wave")]:
            del sys.modules[name]


def test_a_broken_plugin_is_refused_with_its_reason_and_the_others_work(tmp_path: Path) -> None:
    new_node("fine", tmp_path)
    (new_node("no_help", tmp_path) / "help.md").unlink()
    (new_node("bad_code", tmp_path) / "node.py").write_text("import nowhere_to_be_found\n")
    (new_node("bad_json", tmp_path) / "node.json").write_text("{")
    (new_node("no_enter", tmp_path) / "node.py").write_text("")
    library = load_library(tmp_path)
    assert "fine" in library
    reasons = {Path(refused.origin).name: refused.reason for refused in library.refused}
    assert reasons.keys() == {"no_help", "bad_code", "bad_json", "no_enter"}
    assert reasons["no_help"] == "no_help lacks help.md"
    assert "nowhere_to_be_found" in reasons["bad_code"]


def test_a_plugin_cannot_take_the_place_of_a_node(tmp_path: Path) -> None:
    new_node("end", tmp_path)
    library = load_library(tmp_path)
    assert library["end"].folder != tmp_path / "end"
    assert "already" in library.refused[0].reason


def test_two_plugin_folders_of_one_name_do_not_share_their_code(tmp_path: Path) -> None:
    first, second = new_node("twin", tmp_path / "a"), new_node("twin", tmp_path / "b")
    (second / "node.py").write_text((second / "node.py").read_text().replace(".upper()", ".lower()"))
    one, two = load_library(first.parent)["twin"], load_library(second.parent)["twin"]
    assert one.enter is not two.enter


@pytest.mark.parametrize("name", ["", "Send", "a", "with space", "1st", "../up", "x" * 60, "end_"])
def test_a_node_needs_a_usable_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="small letters"):
        new_node(name, tmp_path)


def test_a_folder_is_never_overwritten(tmp_path: Path) -> None:
    new_node("mine", tmp_path)
    with pytest.raises(ValueError, match="exists already"):
        new_node("mine", tmp_path)
