"""Writes docs/events.md from the catalogue of events."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from server.events.catalogue import catalogue  # noqa: E402  the repository has to be on the path first
from server.events.reference import reference  # noqa: E402

if __name__ == "__main__":
    (ROOT / "docs" / "events.md").write_text(reference(catalogue().values()), encoding="utf-8")
