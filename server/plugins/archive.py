"""Opens a plugin file that came from outside: nothing of it is run or written before all of it has been looked at."""

import hashlib
import io
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path, PurePosixPath

from server.plugins.keys import PublicKey
from server.plugins.manifest import CALLS, MANIFEST, SIGNATURE, Manifest, refused

MAX_BYTES = 50 << 20
MAX_FILES = 2_000
MAX_MANIFEST_BYTES = 1 << 20
_LINK = 0xA


@dataclass(frozen=True, slots=True)
class Opened:
    """A plugin file that may be unpacked. `publisher` is None for an unsigned one."""

    manifest: Manifest
    sha256: str
    publisher: PublicKey | None
    files: Mapping[str, bytes]

    @property
    def folder_name(self) -> str:
        """The folder it is unpacked to."""
        return f"{self.manifest.name}-{self.manifest.version}-{self.sha256[:8]}"


def open_plugin(data: bytes, trusted: Sequence[PublicKey], *, allow_unsigned: bool = False) -> Opened:
    """The checked content of a plugin file; Problem 422 with what is wrong."""
    if len(data) > MAX_BYTES:
        raise _too_large()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = _checked(archive.infolist())
            content = {entry.filename: _content(archive, entry) for entry in entries}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise refused("damaged", f"This is not a plugin file, or it is damaged: {error}. Make one with `chatloom node pack`.") from None
    if MANIFEST not in content:
        raise refused("damaged", f"This is not a plugin file: {MANIFEST} is missing. Make one with `chatloom node pack`.")
    text, signature = content.pop(MANIFEST), content.pop(SIGNATURE, None)
    if len(text) > MAX_MANIFEST_BYTES:
        raise _too_large()
    manifest = Manifest.read(text)
    publisher = _publisher(manifest, text, signature, trusted, allow_unsigned)
    _same_files(manifest, content)
    _whole(manifest, content)
    return Opened(manifest, hashlib.sha256(data).hexdigest(), publisher, content)


def _checked(entries: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    if len(entries) > MAX_FILES or sum(entry.file_size for entry in entries) > MAX_BYTES:
        raise _too_large()
    names = [entry.filename for entry in entries]
    if len({name.casefold() for name in names}) != len(names):
        raise _unsafe("two files of one name")
    for entry in entries:
        if reason := _why_unsafe(entry):
            raise _unsafe(f"{entry.filename[:80]!r} is {reason}")
    return entries


def _why_unsafe(entry: zipfile.ZipInfo) -> str:
    name, path = entry.orig_filename, PurePosixPath(entry.filename)
    if entry.is_dir():
        return "a folder without a file"
    if path.is_absolute() or "\\" in name or "\0" in name or ":" in name:
        return "an absolute path or one of another system"
    if ".." in path.parts or str(path) != entry.filename:
        return "a path that leads out of the plugin"
    if entry.external_attr >> 28 == _LINK:
        return "a link"
    if path.suffix.lower() == ".pth":
        return "a .pth file, which Python would run by itself"
    return "encrypted" if entry.flag_bits & 1 else ""


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """What is in a file; no more is unpacked than the entry said, and all entries together said no more than MAX_BYTES."""
    with archive.open(entry) as file:
        return file.read(entry.file_size + 1)[: entry.file_size]


def _publisher(
    manifest: Manifest, text: bytes, signature: bytes | None, trusted: Sequence[PublicKey], allow_unsigned: bool
) -> PublicKey | None:
    if manifest.key_id is None and signature is None:
        if allow_unsigned:
            return None
        raise refused(
            "unsigned",
            "The plugin is not signed. Pack it with `chatloom node pack --key FILE`. "
            "(While you develop, CHATLOOM_PLUGINS_UNSIGNED=on lets unsigned ones in.)",
        )
    key = next((key for key in trusted if key.id == manifest.key_id), None)
    if key is None:
        raise refused(
            "unknown_key",
            f"The plugin is signed with the key {manifest.key_id}, which this server does not trust. "
            "If you trust its publisher, add the public key to CHATLOOM_PLUGIN_KEYS.",
        )
    if signature is None or not key.verifies(signature, text):
        raise refused("bad_signature", f"The signature of {key.publisher} does not fit: the file was changed after it was signed.")
    return key


def _same_files(manifest: Manifest, content: Mapping[str, bytes]) -> None:
    if extra := sorted(content.keys() - manifest.files.keys()):
        raise refused("damaged", f"The file {extra[0][:80]!r} is not in the plugin's manifest. Pack the plugin again.")
    if missing := sorted(manifest.files.keys() - content.keys()):
        raise refused("damaged", f"The file {missing[0][:80]!r} of the plugin's manifest is missing. Pack the plugin again.")
    for name, digest in manifest.files.items():
        if hashlib.sha256(content[name]).hexdigest() != digest:
            raise refused("damaged", f"The file {name[:80]!r} is not the one that was packed. Get the plugin again from its publisher.")


def _whole(manifest: Manifest, content: Mapping[str, bytes]) -> None:
    """The manifest and the files tell the same story, and what the plugin needs is here."""
    for node in manifest.nodes:
        if f"{node.type}/node.json" not in content:
            raise refused("damaged", f"The plugin says that it has the step {node.type}, but there is no {node.type}/node.json.")
    if not manifest.nodes or (manifest.calls and CALLS not in content):
        raise refused("damaged", "The plugin has no step, or calls without a calls.py. Pack the plugin again.")
    for requirement in manifest.requires:
        name, _, version = requirement.partition("==")
        try:
            present = metadata.version(name)
        except metadata.PackageNotFoundError:
            present = ""
        if not present or (version and version != present):
            has = f"has {name} {present}" if present else f"does not have {name}"
            raise refused(
                "requires", f"The plugin requires {requirement}, and this server {has}. Put the package into the plugin's vendor/."
            )


def unpack(opened: Opened, into: Path) -> Path:
    """The folder with the plugin's files, written once; processes that do it at the same time do not see each other's half."""
    folder = into / opened.folder_name
    if is_unpacked(opened.manifest, folder):
        return folder
    into.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=into))
    for name, data in opened.files.items():
        file = fresh / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    (fresh / MANIFEST).write_bytes(opened.manifest.encoded())
    fresh.chmod(0o755)
    try:
        os.replace(fresh, folder)
    except OSError:  # another process was first, or what is there was changed
        if is_unpacked(opened.manifest, folder):
            shutil.rmtree(fresh)
        else:
            shutil.rmtree(folder)
            os.replace(fresh, folder)
    return folder


def is_unpacked(manifest: Manifest, folder: Path) -> bool:
    """Whether the folder holds the files of the manifest, unchanged."""
    try:
        return all(hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest for name, digest in manifest.files.items())
    except OSError:
        return False


def _too_large() -> Exception:
    return refused("too_large", f"A plugin has at most {MAX_FILES} files and {MAX_BYTES >> 20} MB, packed and unpacked.")


def _unsafe(what: str) -> Exception:
    return refused("unsafe", f"The plugin file holds {what}. Nothing was unpacked. Pack the plugin with `chatloom node pack`.")
