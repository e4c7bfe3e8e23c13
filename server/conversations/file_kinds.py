"""What a file is, told from its content alone: neither its name nor what its sender says of it is believed."""

import re
import struct
from collections.abc import Iterator
from pathlib import PurePath
from typing import BinaryIO

HEAD_BYTES = 8 * 1024
MOST_ENTRIES = 4_000
MOST_DIRECTORY_BYTES = 1024 * 1024

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"%PDF-", "application/pdf"),
    (b"{\\rtf", "application/rtf"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"#!AMR", "audio/amr"),
    (b"\x1a\x45\xdf\xa3", "video/webm"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_BRANDS = (
    (b"avif", "image/avif"),
    (b"heic", "image/heic"),
    (b"heix", "image/heic"),
    (b"mif1", "image/heic"),
    (b"M4A", "audio/mp4"),
    (b"qt  ", "video/quicktime"),
    (b"3gp", "video/3gpp"),
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_TYPES = {".doc": "application/msword", ".xls": "application/vnd.ms-excel", ".ppt": "application/vnd.ms-powerpoint"}
_OFFICE = "application/vnd.openxmlformats-officedocument."
_OFFICE_PARTS = {
    "word/": _OFFICE + "wordprocessingml.document",
    "xl/": _OFFICE + "spreadsheetml.sheet",
    "ppt/": _OFFICE + "presentationml.presentation",
}
_OPEN_DOCUMENT = re.compile(r"application/vnd\.oasis\.opendocument\.(?:text|spreadsheet|presentation|graphics)")
_MARKUP = re.compile(rb"\s*<(?:!doctype|\?xml|[a-z!/])", re.IGNORECASE)
_TEXT_TYPES = {".csv": "text/csv", ".tsv": "text/tab-separated-values", ".md": "text/markdown", ".json": "application/json"}
_UNWRITTEN = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")


class Refused(Exception):
    """A file of a kind that is not taken, or that is damaged; the message is for who sent it."""


def media_type_of(file: BinaryIO, name: str) -> str:
    """The media type of a file from its content; its name only tells texts (CSV, Markdown) and old office files apart. Raises Refused."""
    file.seek(0)
    head = file.read(HEAD_BYTES)
    if not head:
        raise Refused("The file is empty. Choose another one.")
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _packed(file)
    if found := next((kind for start, kind in _SIGNATURES if head.startswith(start)), None) or _by_container(head):
        return _whole(file, found)
    suffix = PurePath(name).suffix.lower()
    if head.startswith(_OLE) and suffix in _OLE_TYPES:
        return _OLE_TYPES[suffix]
    return _text(file, head, suffix)


def _by_container(head: bytes) -> str | None:
    if head.startswith(b"RIFF"):
        return _RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        return next((kind for brand, kind in _BRANDS if head.startswith(brand, 8)), "video/mp4")
    if head.startswith(b"BM") and head[6:10] == bytes(4):
        return "image/bmp"
    if head.startswith(b"ID3") and head[3:4] < b"\x10":
        return "audio/mpeg"
    if len(head) > 2 and head[0] == 0xFF and head[1:2] not in (b"\xfe", b"\xff") and head[1] & 0xE0 == 0xE0:
        return "audio/aac" if head[1] & 0x06 == 0 else "audio/mpeg"
    return None


def _whole(file: BinaryIO, media_type: str) -> str:
    """A PDF without its end is not one (ISO 32000-1, 7.5.5); readers look for the mark in the last kilobyte."""
    if media_type == "application/pdf" and b"%%EOF" not in _tail(file, 1024):
        raise Refused("This file cannot be read as PDF: its end is missing. Send it again, or save it anew.")
    return media_type


def _packed(file: BinaryIO) -> str:
    """Office files are zip archives; what is in one is told from its directory, and nothing is unpacked."""
    names = set(_entries(file))
    file.seek(30)
    stored = file.read(100)
    if stored.startswith(b"mimetype") and (found := _OPEN_DOCUMENT.match(stored[8:].decode("latin-1"))):
        return found[0]
    if "[Content_Types].xml" in names:
        for part, media_type in _OFFICE_PARTS.items():
            if any(name.startswith(part) for name in names):
                return media_type
    raise Refused("Archives are not accepted. Unpack it and send the files one by one.")


def _entries(file: BinaryIO) -> Iterator[str]:
    """The names in a zip archive's directory (APPNOTE.TXT 4.3.12 and 4.3.16)."""
    damaged = Refused("This file is a damaged archive. Send it again, or save it anew.")
    tail = _tail(file, 65_557)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        raise damaged
    count, size, start = struct.unpack_from("<HII", tail, at + 10)
    if count > MOST_ENTRIES or size > MOST_DIRECTORY_BYTES:
        raise Refused("There are too many parts in this file. Save it in a simpler form.")
    file.seek(start)
    directory = file.read(size)
    place = 0
    for _ in range(count):
        if directory[place : place + 4] != b"PK\x01\x02" or len(directory) < place + 46:
            raise damaged
        name, extra, comment = struct.unpack_from("<HHH", directory, place + 28)
        yield directory[place + 46 : place + 46 + name].decode("utf-8", "replace")
        place += 46 + name + extra + comment


def _text(file: BinaryIO, head: bytes, suffix: str) -> str:
    if _MARKUP.match(head.removeprefix(b"\xef\xbb\xbf")):
        raise Refused("Web pages and XML are not accepted. Send a picture, a PDF, an office document or plain text.")
    file.seek(0)
    while chunk := file.read(256 * 1024):
        if _UNWRITTEN.search(chunk):
            raise Refused("Files of this kind are not accepted. Send a picture, a recording, a PDF, an office document or plain text.")
    return _TEXT_TYPES.get(suffix, "text/plain")


def _tail(file: BinaryIO, most: int) -> bytes:
    size = file.seek(0, 2)
    file.seek(max(0, size - most))
    return file.read(most)
