"""Writes docs/nodes.md from the node folders."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from node_library import load_library  # noqa: E402  the repository has to be on the path first
from node_library.reference import reference  # noqa: E402

if __name__ == "__main__":
    (ROOT / "docs" / "nodes.md").write_text(reference(load_library()), encoding="utf-8")
