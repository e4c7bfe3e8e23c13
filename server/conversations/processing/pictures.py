"""Pictures read and written anew by Pillow, in a child process with little memory, no files and a time limit.

A picture of a customer is hostile input to a large decoder: what goes wrong there must not reach this process.
"""

import asyncio
import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import msgspec

CHILD = Path(__file__).with_name("picture_child.py")
TIMEOUT_S = 10.0
AT_ONCE = 4
CLEANED = frozenset(("image/jpeg", "image/png", "image/webp", "image/tiff", "image/gif", "image/bmp", "image/avif"))
WRITTEN = frozenset(("image/jpeg", "image/png", "image/webp"))

_places: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


class NotAPicture(Exception):
    """It cannot be read as a picture, or is one too large to be opened; the message says which."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that was written anew: its size in dots, and which kinds of metadata were left out (`removed`)."""

    content: bytes
    media_type: str
    width: int
    height: int
    removed: list[str]


async def clean(content: bytes, media_type: str) -> Picture:
    """The picture without metadata, turned as it is meant to be seen; as it was when it has none. Raises NotAPicture."""
    return await _ask({"do": "clean", "media_type": media_type}, content)


async def convert(content: bytes, media_type: str, most_bytes: int) -> Picture:
    """The picture as `media_type` (of WRITTEN), small enough for `most_bytes`; without metadata. Raises NotAPicture."""
    return await _ask({"do": "convert", "media_type": media_type, "most_bytes": most_bytes}, content)


async def _ask(asked: dict[str, Any], content: bytes) -> Picture:
    async with _places.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE)):
        return _picture(await _run(msgspec.json.encode(asked) + b"\n" + content), content)


async def _run(asked: bytes) -> bytes:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", str(CHILD)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
    )
    try:
        async with asyncio.timeout(TIMEOUT_S):
            answer, _ = await child.communicate(asked)
    except TimeoutError:
        raise NotAPicture(f"it could not be read within {TIMEOUT_S:g} s") from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()
    return answer


def _picture(answer: bytes, content: bytes) -> Picture:
    head, _, written = answer.partition(b"\n")
    try:
        told = msgspec.json.decode(head)
    except msgspec.DecodeError:
        raise NotAPicture("it takes more memory than there is for one picture") from None
    if "error" in told:
        raise NotAPicture(told["error"])
    return Picture(written or content, told["media_type"], told["width"], told["height"], told["removed"])
