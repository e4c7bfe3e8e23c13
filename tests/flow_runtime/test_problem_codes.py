"""Every code is written down, shown by a broken flow, and listed in the docs."""

import ast
import json
from pathlib import Path

from flow_runtime.checks.codes import CODES, page

ROOT = Path(__file__).parent.parent.parent
SOURCES = [*(ROOT / "flow_runtime" / "checks").glob("*.py"), ROOT / "server" / "flows" / "problems.py"]
SHOWN_ELSEWHERE = {
    "unreadable_document": "test_hostile_documents.py",
    "too_many_nodes": "test_hostile_documents.py",
    "untrainable_intents": "server/flows",
    "card_not_shown": "test_inner_paths.py",
    "too_many_buttons": "test_inner_paths.py",
    "media_not_shown": "test_inner_paths.py",
}


def _written() -> set[str]:
    """The codes that the checks give to problems."""
    found = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Problem", "_problem") and node.args:
                code = node.args[0].value if isinstance(node.args[0], ast.Constant) else None
                found |= {code} if isinstance(code, str) else set()
    return found


def test_the_checks_use_no_code_that_is_not_written_down() -> None:
    assert _written() - CODES.keys() == set()
    assert len(CODES) > 50


def test_every_code_is_shown_by_a_broken_flow_of_its_severity() -> None:
    shown: dict[str, set[str]] = {}
    for path in (Path(__file__).parent / "broken_flows").glob("*.json"):
        problem = json.loads(path.read_text())["problem"]
        shown.setdefault(problem["code"], set()).add(problem["severity"])
    assert CODES.keys() - shown.keys() - SHOWN_ELSEWHERE.keys() == set()
    assert {code: " or ".join(sorted(severities)) for code, severities in shown.items()} == {code: CODES[code][0] for code in shown}


def test_the_docs_list_them_all() -> None:
    assert (ROOT / "docs" / "problems.md").read_text() == page()
