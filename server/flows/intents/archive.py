"""Arrays and settings in one block of bytes: NumPy's own format and JSON behind a checksum, nothing that can run code."""

import hashlib
import io
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

FORMAT = 1
_MAGIC = b"chatloom-intents\n"
_META = "meta"


class DamagedModel(ValueError):
    """The bytes are not a whole model, or not of this version: train again from the examples."""


def pack(arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, object]) -> bytes:
    """The arrays and the JSON-able `meta` as bytes."""
    buffer = io.BytesIO()
    text = msgspec.json.encode({"format": FORMAT, **meta})
    np.savez_compressed(buffer, allow_pickle=False, **{_META: np.frombuffer(text, np.uint8)}, **arrays)
    body = buffer.getvalue()
    return _MAGIC + hashlib.sha256(body).digest() + body


def unpack(blob: bytes) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """What `pack` was given; raises `DamagedModel` when a single byte differs."""
    if not blob.startswith(_MAGIC):
        raise DamagedModel("This is not an intent model. Train it again.")
    digest, body = blob[len(_MAGIC) :][:32], blob[len(_MAGIC) + 32 :]
    if hashlib.sha256(body).digest() != digest:
        raise DamagedModel("The stored intent model is damaged. Train it again.")
    try:
        with np.load(io.BytesIO(body), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        meta = msgspec.json.decode(arrays.pop(_META).tobytes(), type=dict[str, Any])
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error, msgspec.DecodeError) as error:
        raise DamagedModel("The stored intent model cannot be read. Train it again.") from error
    if meta.get("format") != FORMAT:
        raise DamagedModel(f"The stored intent model has format {meta.get('format')}, this version reads {FORMAT}. Train it again.")
    return arrays, meta
