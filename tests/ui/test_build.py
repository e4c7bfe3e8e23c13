"""What the build makes: typed, small, and everything the pages ask for."""

import gzip
import json
import re
import subprocess
from pathlib import Path

from server.kit.pages import DIST, asset, preloads

ROOT = Path(__file__).parents[2]
KILOBYTE = 1000


def compressed(name: str) -> int:
    return len(gzip.compress((DIST / json.loads((DIST / "manifest.json").read_text())[name]).read_bytes(), 9))


def chunks_of(name: str) -> int:
    return sum(len(gzip.compress((DIST / Path(address).name).read_bytes(), 9)) for address in preloads(name))


def test_the_sources_are_typed() -> None:
    checked = subprocess.run([ROOT / "node_modules/.bin/tsc", "--noEmit"], cwd=ROOT, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def test_the_first_editor_page_stays_below_60_kilobytes() -> None:
    scripts = compressed("app.js") + compressed("editor.js") + chunks_of("editor.js") + compressed("theme.js")
    others = compressed("app.css") + compressed("editor.css") + compressed("icons.svg")
    page_of_30_steps = 8 * KILOBYTE
    assert scripts + others + page_of_30_steps <= 60 * KILOBYTE


def test_the_widget_stays_below_15_kilobytes() -> None:
    assert compressed("widget.js") <= 15 * KILOBYTE


def test_heavy_libraries_wait_until_they_are_needed() -> None:
    needed_at_once = "".join((DIST / Path(address).name).read_text() for address in [asset("editor.js"), *preloads("editor.js")])
    assert "flow-canvas" in needed_at_once
    assert "acyclicer" not in needed_at_once  # a word of the layout library


def test_every_icon_that_a_page_names_is_in_the_sprite() -> None:
    sprites = [(DIST / Path(asset(name)).name).read_text() for name in ("icons.svg", "more-icons.svg")]
    there = {name for sprite in sprites for name in re.findall(r'<symbol id="([^"]+)"', sprite)}
    pages = (ROOT / "ui/templates").rglob("*.html")
    named = {name for page in pages for name in re.findall(r"""\bicon\(["']([a-z0-9-]+)["']\)""", page.read_text())}
    assert named <= there
    assert {f"node-{folder.name}" for folder in (ROOT / "node_library").iterdir() if (folder / "icon.svg").exists()} <= there


def test_the_lock_names_no_registry_and_every_package_has_its_hash() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert not [name for name, entry in packages.items() if "resolved" in entry]
    assert [name for name, entry in packages.items() if name and "integrity" not in entry] == []


def test_every_token_that_a_style_uses_exists() -> None:
    styles = "".join((DIST / Path(asset(name)).name).read_text() for name in ("app.css", "pages.css", "editor.css"))
    used = set(re.findall(r"var\((--[\w-]+)\)", styles))
    defined = set(re.findall(r"(--[\w-]+)\s*:", styles)) | set(re.findall(r"@property (--[\w-]+)", styles))
    assert {name for name in used - defined if not name.startswith("--sidebar")} == set()


def test_versions_are_exact() -> None:
    package = json.loads((ROOT / "package.json").read_text())
    versions = {**package["dependencies"], **package["devDependencies"]}
    assert [name for name, version in versions.items() if not re.fullmatch(r"\d+\.\d+\.\d+", version)] == []
    assert versions["htmx.org"] == "4.0.1"
