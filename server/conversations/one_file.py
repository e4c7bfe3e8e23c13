"""The one file of a multipart/form-data body (RFC 7578), taken in as it comes: never whole in memory, never for ever."""

import asyncio
import tempfile
import time
import unicodedata
from collections.abc import AsyncIterator
from pathlib import PurePosixPath
from typing import IO, Any

from multipart import MultipartError, MultipartSegment, ParserError, ParserLimitReached, PushMultipartParser, parse_options_header

from server.kit.errors import Problem

FIELD = "file"
MOST_BYTES = 25 * 1024 * 1024
MOST_NAME_BYTES = 255
KEPT_IN_MEMORY = 512 * 1024
MOST_PARTS = 10
PATIENCE_S = 15.0
LEAST_BYTES_PER_S = 2_000


class ReceivedFile:
    """A file that came in: its cleaned name, size and content, in a temporary file that is gone when it is closed."""

    def __init__(self, content: IO[bytes], name: str, size: int) -> None:
        self.content = content
        self.name = name
        self.size = size


async def receive_file(content_type: str, body: AsyncIterator[bytes]) -> ReceivedFile:
    """The file in the field `file`; Problem 400, 408, 413, 415 or 422. The caller closes its content."""
    kind, options = parse_options_header(content_type)
    if kind != "multipart/form-data":
        raise Problem(415, "unsupported_media_type", "Send the file as multipart/form-data, in the field `file`.")
    content: IO[bytes] = tempfile.SpooledTemporaryFile(KEPT_IN_MEMORY)  # noqa: SIM115
    try:
        name, size = await _read(options.get("boundary", ""), body, content)
    except ParserLimitReached:
        content.close()
        raise too_large() from None
    except (MultipartError, UnicodeDecodeError):
        content.close()
        raise Problem(400, "malformed", "The body is not valid multipart/form-data. Send the file again.") from None
    except BaseException:
        content.close()
        raise
    return ReceivedFile(content, name, size)


def too_large() -> Problem:
    """The answer to a file that is larger than we take."""
    return Problem(413, "too_large", f"A file has at most {MOST_BYTES // 1024 // 1024} MB. Send a smaller one.")


async def _read(boundary: str, body: AsyncIterator[bytes], content: IO[bytes]) -> tuple[str, int]:
    found: MultipartSegment | None = None
    current: MultipartSegment | None = None
    with PushMultipartParser(boundary, max_segment_size=MOST_BYTES, max_segment_count=MOST_PARTS) as parser:
        async for chunk in _paced(body):
            for event in parser.parse(chunk):
                if isinstance(event, MultipartSegment):
                    current = event
                    if current.name == FIELD:
                        if current.filename is None:
                            raise ParserError("the field has no file name")
                        if found is not None:
                            raise _missing("Send one file at a time.")
                        found = current
                elif event is not None and current is found:
                    content.write(event)
    if found is None:
        raise _missing("There is no file in the field `file`. Choose one.")
    return clean_name(found.filename or ""), found.size


async def _paced(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The chunks of a body that keeps coming; Problem 408 for one that does not."""
    began, size = time.monotonic(), 0
    chunks: Any = body.__aiter__()
    while True:
        allowed = PATIENCE_S + size / LEAST_BYTES_PER_S - (time.monotonic() - began)
        chunk = await _next(chunks, allowed)
        if chunk is None:
            return
        size += len(chunk)
        yield chunk


async def _next(chunks: Any, allowed_s: float) -> bytes | None:
    try:
        async with asyncio.timeout(allowed_s):
            chunk: bytes = await anext(chunks)
            return chunk
    except StopAsyncIteration:
        return None
    except TimeoutError:
        detail = "The file came too slowly. Try again with a better connection."
        raise Problem(408, "too_slow", detail, headers={"Connection": "close"}) from None


def clean_name(given: str) -> str:
    """The name to show: without folders, invisible characters and what turns writing around, at most 255 bytes; Problem 422 for a NUL."""
    if "\0" in given:
        raise Problem(422, "invalid", "There is a NUL character in the file's name. Rename it.", fields={FIELD: "NUL in the name"})
    last = given.replace("\\", "/").rstrip("/").rpartition("/")[2]
    shown = "".join(letter for letter in unicodedata.normalize("NFC", last) if unicodedata.category(letter)[0] != "C").strip(" .")
    return _cut(shown) or "file"


def _cut(name: str) -> str:
    """At most MOST_NAME_BYTES, on a character's boundary; the ending stays if it is one."""
    if len(name.encode()) <= MOST_NAME_BYTES:
        return name
    ending = PurePosixPath(name).suffix
    ending = ending if len(ending) <= 12 else ""
    room = MOST_NAME_BYTES - len(ending.encode())
    return name.encode()[:room].decode(errors="ignore") + ending


def _missing(sentence: str) -> Problem:
    return Problem(422, "invalid", sentence, fields={FIELD: sentence})
