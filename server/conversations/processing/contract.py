"""How a folder becomes a stage of the pipeline.

stage.json  title, summary, its place in the order, what it reads, where it runs, how long it may take, its settings
process.py  `process`, below
cases.json  what it does, by example; run as tests

What `process` is depends on what the stage reads and where it runs:

    text, place, visitor   def process(said: Said, settings: Settings) -> Result        inline and in a thread
                           async def process(said, settings, aids: Aids) -> Result      outside
    file                   async def process(file: Given, settings, aids) -> FileResult
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from msgspec import structs

from flow_runtime import Attachment, Input, Message
from server.kit.http import OutboundClient

Settings = Mapping[str, str]
"""The settings of a stage by name, with the defaults of its stage.json filled in."""


class Rejected(Exception):
    """The input must not reach the flow; the message tells who sent it why, and what to do."""


class StageFailed(Exception):
    """The stage could not do its work; the message says why, without anything that the customer wrote."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """How a request for the web chat came: what a browser says of itself, the network address, the page around."""

    user_agent: str = ""
    address: str = ""
    referrer: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """An input as the stages before left it, and what they found, by their names."""

    input: Input
    found: Mapping[str, Any] = field(default_factory=dict)
    visitor: Visitor | None = None

    @property
    def text(self) -> str:
        """The customer's words; empty for what has none."""
        return self.input.text if isinstance(self.input, Message | Attachment) else ""

    @property
    def language(self) -> str | None:
        """What the channel says the text is in, or else what a stage found."""
        told = self.input.language if isinstance(self.input, Message) else None
        found = self.found.get("language", {}).get("language")
        return told or (found if isinstance(found, str) else None)

    def with_text(self, text: str) -> Input:
        """The same input saying `text`."""
        assert isinstance(self.input, Message | Attachment)
        return structs.replace(self.input, text=text)


@dataclass(frozen=True, slots=True)
class Result:
    """What a stage found (kept with the input as its annotation) and the input that goes on, where the stage changed it."""

    found: Mapping[str, Any] = field(default_factory=dict)
    input: Input | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """A file on its way into the store: its content from the start, its media type as the content says, its size in bytes."""

    content: BinaryIO
    name: str
    media_type: str
    size: int


@dataclass(frozen=True, slots=True)
class FileResult:
    """What a stage found about a file, and the content that goes on, where the stage changed it (of the same media type)."""

    found: Mapping[str, Any] = field(default_factory=dict)
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Aids:
    """What stages that reach outside may use: the guarded HTTP client, and the address of the virus scanner, if there is one."""

    http: OutboundClient
    clamd: str | None = None
