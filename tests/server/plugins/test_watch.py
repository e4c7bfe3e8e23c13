"""The author's folder is read again while the server runs, and a key that is not trusted any more opens nothing."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from litestar import Litestar

from node_library.scaffold import new_node
from server.kit.settings import Settings
from server.plugins.shelf import shelf
from server.plugins.watch import watching


async def soon(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - it is a library that changes, not an event
            await asyncio.sleep(0.05)


async def test_what_an_author_saves_is_there_a_moment_later(app: Litestar, settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    state = app.state
    async with watching(state.db, state.live, replace(settings, plugins_dir=folder)):
        assert "wave" not in shelf().library
        node = new_node("wave", folder)
        await soon(lambda: "wave" in shelf().library)
        first = shelf().library["wave"]
        about = node / "node.json"
        about.write_text(about.read_text().replace('"title": "Wave"', '"title": "Wave twice"'))
        await soon(lambda: shelf().library["wave"].title == "Wave twice")
        (node / "node.py").write_text((node / "node.py").read_text().replace(".upper()", ".lower()"))
        await soon(lambda: shelf().library["wave"].enter is not first.enter)
        (node / "node.json").write_text("{")
        await soon(lambda: "wave" not in shelf().library)
        assert "node.json" in shelf().library.refused[0].reason or "wave" in shelf().library.refused[0].reason
    assert "wave" not in shelf().library
