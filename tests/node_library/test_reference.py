"""docs/nodes.md says what the nodes are and do; its examples are the cases, and each is run here."""

from pathlib import Path

import pytest

from node_library import load_library
from node_library.cases import complaints_about
from node_library.reference import reference

ROOT = Path(__file__).parents[2]
LIBRARY = load_library()
PAGE = (ROOT / "docs" / "nodes.md").read_text(encoding="utf-8")


def test_the_page_is_up_to_date() -> None:
    assert reference(LIBRARY) == PAGE, "docs/nodes.md is older than the nodes: run .venv/bin/python scripts/node_reference.py"


def test_the_readme_leads_to_it() -> None:
    assert "(docs/nodes.md)" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("type", sorted(LIBRARY))
def test_every_example_of_the_page_does_what_it_says(type: str) -> None:
    node = LIBRARY[type]
    section = PAGE.split(f"\n### {node.title}\n")[1].split("\n##")[0]
    examples = [line for line in section.splitlines() if line.startswith("- **")]
    assert len(examples) == len(node.cases)
    for line, case in zip(examples, node.cases, strict=True):
        assert line.casefold().startswith(f"- **{case['name']}".casefold())
        assert list(complaints_about(node, case)) == []
