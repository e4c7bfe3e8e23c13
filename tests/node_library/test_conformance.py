"""The conformance tests find what is wrong with a folder, and say where."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from node_library.conformance import complaints
from node_library.scaffold import new_node

Change = Callable[[dict[str, Any]], None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return new_node("send_postcard", tmp_path)


def test_a_new_folder_has_nothing_to_complain_about(folder: Path) -> None:
    assert complaints(folder) == []


def _change_json(path: Path, change: Callable[[Any], None]) -> None:
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda about: about.pop("summary"), "'summary' is a required property"),
        (lambda about: about.update(category="magic"), "'magic' is not one of"),
        (lambda about: about.update(title="x" * 60), "is too long"),
        (lambda about: about["settings"]["properties"]["text"].update({"x-widget": "crystal_ball"}), "there is no widget crystal_ball"),
        (lambda about: about["settings"]["properties"]["text"].update({"default": 7}), "the default does not fit"),
        (lambda about: about["settings"]["properties"]["text"].update({"type": "words"}), "'words' is not valid"),
        (lambda about: about["settings"]["properties"]["text"].update({"x-show-if": {"field": "mood", "is": 1}}), "is shown by mood"),
        (lambda about: about["settings"]["properties"].update(kind={"title": "Kind", "x-widget": "select"}), "a select needs an enum"),
        (lambda about: about["settings"]["properties"].update(rows={"title": "Rows", "x-widget": "rows"}), "rows need columns"),
        (
            lambda about: about["settings"]["properties"].update(
                rows={"title": "Rows", "x-widget": "rows", "items": {"properties": {"a": {"title": "A", "x-widget": "rich"}}}}
            ),
            "settings.rows.a: a column has a title",
        ),
        (lambda about: about.update(card="{colour}"), "card: colour is no setting"),
        (lambda about: about["ports"].append({"each": "stamps"}), "ports: stamps is no setting"),
        (lambda about: about["ports"].append({"name": "lost", "title": "Lost"}), "no case leaves by lost"),
        (lambda about: about.update(waits=["timer"]), "no case waits for timer"),
    ],
)
def test_faults_of_node_json(folder: Path, change: Change, complaint: str) -> None:
    _change_json(folder / "node.json", change)
    assert any(complaint in sentence for sentence in complaints(folder)), complaints(folder)


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("import socket\n", "imports socket"),
        ("from os import path\n", "imports os"),
        ("import urllib.request\n", "imports urllib.request"),
        ("import random\n", "imports random"),
        ("def peek():\n    return open('/etc/passwd')\n", "calls open()"),
        ("from datetime import datetime\ndef late():\n    return datetime.now()\n", "reads the clock"),
        ("raise OSError('no')\n", "OSError: no"),
        ("def (\n", "SyntaxError"),
    ],
)
def test_faults_of_the_code(folder: Path, code: str, complaint: str) -> None:
    with (folder / "node.py").open("a") as file:
        file.write(code)
    assert any(complaint in sentence for sentence in complaints(folder)), complaints(folder)


@pytest.mark.parametrize(
    ("returned", "complaint"),
    [
        ('Step(go="elsewhere")', 'there is no port "elsewhere"'),
        ("Step()", "exactly one of them"),
        ('Step(go="next", end="completed")', "exactly one of them"),
        ('Step(wait_for="message")', 'node.json does not say that it waits for "message"'),
        ('Step(go="next", set={"a": object()})', "a value must be text"),
        ('Step(effects=(Say("quiet"),), go="next")', "expected"),
        ('(settings.update(text="x"), Step(effects=(Say("HI ADA!"),), go="next"))[1]', "changes its settings"),
        ('Step(effects=(Say("HI ADA!" if not seen.append(1) and len(seen) % 2 else "BYE"),), go="next")', "does not do the same twice"),
    ],
)
def test_faults_of_what_it_does(folder: Path, returned: str, complaint: str) -> None:
    code = (folder / "node.py").read_text().split("def enter")[0]
    (folder / "node.py").write_text(f"{code}seen: list[int] = []\n\n\ndef enter(settings, turn):\n    return {returned}\n")
    assert any(complaint.lower() in sentence.lower() for sentence in complaints(folder)), complaints(folder)


@pytest.mark.parametrize(
    ("icon", "complaint"),
    [
        ("<svg", "icon.svg"),
        ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"/>', "24 x 24"),
        (
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" stroke="currentColor"><script>x</script></svg>',
            "<script> is not only drawing",
        ),
        ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" stroke="currentColor" onload="x"/>', "is not only drawing"),
        ('<!DOCTYPE svg [<!ENTITY a "b">]><svg/>', "no doctype"),
    ],
)
def test_faults_of_the_icon(folder: Path, icon: str, complaint: str) -> None:
    (folder / "icon.svg").write_text(icon)
    assert any(complaint in sentence for sentence in complaints(folder))


@pytest.mark.parametrize("name", ["node.json", "node.py", "help.md", "icon.svg", "cases.json"])
def test_a_missing_file(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert any(name in sentence for sentence in complaints(folder))


def test_help_that_helps_nobody(folder: Path) -> None:
    (folder / "help.md").write_text("todo")
    assert any("help.md" in sentence for sentence in complaints(folder))


def test_only_happy_cases(folder: Path) -> None:
    _change_json(folder / "cases.json", lambda cases: cases.pop())
    assert complaints(folder) == ["cases.json: no case with settings that are wrong"]


def test_a_case_whose_settings_are_wrong(folder: Path) -> None:
    _change_json(folder / "cases.json", lambda cases: cases[0]["settings"].update(text="{{ 1 + }}"))
    assert any("its settings have problems: ['expression_error text']" in sentence for sentence in complaints(folder))


def test_a_case_that_expects_another_problem(folder: Path) -> None:
    _change_json(folder / "cases.json", lambda cases: cases[1]["expect"].update(problems=["invalid_setting text"]))
    assert any("found ['missing_setting text']" in sentence for sentence in complaints(folder))
