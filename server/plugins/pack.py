"""Makes a plugin file from a folder: the same folder and key give the same bytes."""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from server.plugins.archive import MAX_BYTES, MAX_FILES
from server.plugins.keys import SigningKey
from server.plugins.manifest import ABOUT, CALLS, FORMAT, MANIFEST, SIGNATURE, VENDOR, About, Manifest, NodeName, read_about

_DATE = (1980, 1, 1, 0, 0, 0)
_LEFT_OUT = frozenset(("__pycache__", "tests"))
_KEPT_BESIDE = (CALLS, "README.md", "LICENSE")


def node_folders(folder: Path) -> list[Path]:
    """The nodes of a plugin: the folder itself when it is one, else the folders in it that are."""
    if (folder / "node.json").is_file():
        return [folder]
    return sorted(path.parent for path in folder.glob("*/node.json"))


def about_of(folder: Path) -> About:
    """What the plugin says of itself; a single node without plugin.json is a plugin of its own. Raises ValueError with a sentence."""
    about = read_about(folder)
    if about is not None:
        return about
    if not (folder / "node.json").is_file():
        raise ValueError(
            f"{folder} has neither {ABOUT} nor node.json. Write a node with `chatloom node new my_node`, then pack its folder."
        )
    node = json.loads((folder / "node.json").read_text(encoding="utf-8"))
    facts = {"name": node["type"], "version": f"{node['version']}.0.0", "title": node["title"], "summary": node["summary"]}
    return msgspec.convert(facts, About)


def pack(folder: Path, key: SigningKey | None) -> tuple[Manifest, bytes]:
    """The plugin file, signed with the key, or unsigned without one. Raises ValueError with a sentence."""
    about = about_of(folder)
    files = _contents(folder)
    if len(files) > MAX_FILES or sum(map(len, files.values())) > MAX_BYTES:
        raise ValueError(f"A plugin has at most {MAX_FILES} files and {MAX_BYTES >> 20} MB. Leave out what the nodes do not need.")
    nodes = tuple(_node_name(path) for path in node_folders(folder))
    if not nodes:
        raise ValueError(f"{folder} has no node. Write one with `chatloom node new my_node --into {folder}`.")
    if about.calls and CALLS not in files:
        raise ValueError(f"{ABOUT} names the calls {', '.join(about.calls)}, but there is no {CALLS}.")
    manifest = Manifest(
        FORMAT,
        about.name,
        about.version,
        about.title,
        about.summary,
        nodes,
        about.calls,
        about.network,
        about.requires,
        {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        None if key is None else key.public.id,
    )
    text = manifest.encoded()
    files = {MANIFEST: text, **({} if key is None else {SIGNATURE: key.sign(text)}), **files}
    return manifest, zipped(files)


def zipped(files: dict[str, bytes]) -> bytes:
    """A zip file that depends on nothing but its content."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, _DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return out.getvalue()


def _node_name(folder: Path) -> NodeName:
    try:
        about: dict[str, Any] = json.loads((folder / "node.json").read_text(encoding="utf-8"))
        return msgspec.convert({"type": about["type"], "version": about["version"]}, NodeName)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{folder}/node.json: {error}") from None


def _contents(folder: Path) -> dict[str, bytes]:
    """The files that go along: nodes, calls.py, vendor, README and licence; tests, caches and hidden files do not."""
    found: dict[str, bytes] = {}
    for node in node_folders(folder):
        found |= {f"{_node_name(node).type}/{name}": content for name, content in _files(node)}
    if (folder / VENDOR).is_dir():
        found |= {f"{VENDOR}/{name}": content for name, content in _files(folder / VENDOR)}
    beside = () if (folder / "node.json").is_file() else _KEPT_BESIDE
    found |= {name: (folder / name).read_bytes() for name in beside if (folder / name).is_file()}
    return dict(sorted(found.items()))


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and not path.is_symlink() and not any(part in _LEFT_OUT or part.startswith(".") for part in name.parts):
            yield name.as_posix(), path.read_bytes()
