"""What a process does not load at its start: every library here is megabytes in each of them, for work that most never do."""

import subprocess
import sys

WITHOUT_PAGES = "import server.turns.runner, server.worker; server.worker.load_jobs()"
WITH_PAGES = "from server.app import create_app; create_app()"
HEAVY = ("babel", "litellm", "numpy", "openai", "plotly", "pydantic", "rich", "scipy", "sklearn")
PAGES = ("litestar", "uvicorn")


def _loaded() -> list[set[str]]:
    """The modules loaded by the processes without pages, and those loaded when the pages come on top."""
    program = ["import sys", WITHOUT_PAGES, "print(*sys.modules)", WITH_PAGES, "print(*sys.modules)"]
    done = subprocess.run([sys.executable, "-c", "\n".join(program)], capture_output=True, text=True, check=True)
    return [set(line.split()) for line in done.stdout.splitlines()]


def test_what_is_seldom_needed_is_loaded_when_it_is_needed() -> None:
    without_pages, with_pages = _loaded()
    assert "server.turns.engine" in without_pages
    assert without_pages.isdisjoint([*HEAVY, *PAGES])
    assert "litestar" in with_pages
    assert with_pages.isdisjoint(HEAVY)
