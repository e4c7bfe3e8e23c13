"""What a plugin says of itself: `plugin.json` as its author writes it, and the manifest that is signed and travels with the files."""

import re
from pathlib import Path
from typing import Annotated, Any

import msgspec

from server.kit.errors import Problem

FORMAT = 1
ABOUT = "plugin.json"
MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"
CALLS = "calls.py"
VENDOR = "vendor"

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,38}[a-z0-9]$")]
Version = Annotated[str, msgspec.Meta(pattern=r"^(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})$")]
Host = Annotated[str, msgspec.Meta(pattern=r"^(?=.{1,253}$)[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[1-9]\d{0,4})?$")]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
Requirement = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,60}(==[A-Za-z0-9.]{1,30})?$")]
ShortText = Annotated[str, msgspec.Meta(max_length=200)]

_encoder = msgspec.json.Encoder(order="sorted")


class NodeName(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of step in a plugin."""

    type: Name
    version: Annotated[int, msgspec.Meta(ge=1)]


class About(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`plugin.json`: what the author writes.

    `calls` are functions of calls.py that flows may ask for as `plugin.<name>.<call>`, `network` the hosts those may reach (`host` or
    `host:port`; the port of https when none is given), `requires` packages that the server must have (`name` or `name==1.2`).
    """

    name: Name
    version: Version
    title: ShortText = ""
    summary: ShortText = ""
    calls: tuple[Name, ...] = ()
    network: tuple[Host, ...] = ()
    requires: tuple[Requirement, ...] = ()


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is signed: the author's words, the nodes found, and the SHA-256 of every file. `key_id` is None in an unsigned one."""

    format: int
    name: Name
    version: Version
    title: ShortText
    summary: ShortText
    nodes: tuple[NodeName, ...]
    calls: tuple[Name, ...]
    network: tuple[Host, ...]
    requires: tuple[Requirement, ...]
    files: dict[str, Sha256]
    key_id: str | None

    def encoded(self) -> bytes:
        """Canonical JSON (sorted keys, no spaces): the very bytes that are signed."""
        return _encoder.encode(self)

    @classmethod
    def read(cls, text: bytes) -> "Manifest":
        """The manifest in these bytes; Problem 422."""
        try:
            manifest = msgspec.json.decode(text, type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise refused("damaged", f"The plugin's {MANIFEST} cannot be read: {error}. Pack the plugin again.") from None
        if manifest.format != FORMAT:
            raise refused("newer", f"The plugin file has format {manifest.format}, this server reads {FORMAT}. Update Chatloom.")
        return manifest

    @property
    def label(self) -> str:
        """Name and version, as people read them."""
        return f"{self.title or self.name} {self.version}"


def refused(code: str, detail: str, **extra: Any) -> Problem:
    """A plugin file that is not taken, and what to do."""
    return Problem(422, f"plugin_{code}", detail, extra=extra)


def read_about(folder: Path) -> About | None:
    """`plugin.json` of a folder; None when there is none. Raises ValueError with a sentence."""
    file = folder / ABOUT
    if not file.is_file():
        return None
    try:
        return msgspec.json.decode(file.read_bytes(), type=About)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file}: {error}") from None


def version_key(version: str) -> tuple[int, ...]:
    """The version as it is compared: 1.10.0 comes after 1.9.0."""
    return tuple(int(number) for number in re.findall(r"\d+", version))
