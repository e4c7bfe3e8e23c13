"""Where files live: under keys that the server makes, never under names that people give."""

import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import BinaryIO, Protocol

_KEY = re.compile(r"[0-9a-f-]+(?:/[0-9a-f-]+)*")


class Files(Protocol):
    """A store of files. Its calls block: from a coroutine they are made in a thread."""

    def put(self, key: str, content: BinaryIO) -> None:
        """Keep what is left to read of `content` under `key`; after a crash it is there whole or not at all."""

    def open(self, key: str) -> BinaryIO:
        """The content under `key`; raises FileNotFoundError."""

    def remove(self, key: str) -> None:
        """Forget `key`; nothing happens when it is not there."""


class Folder:
    """The store as a folder of this machine, or one that all machines share. A key is its path: hexadecimal words between slashes."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, key: str, content: BinaryIO) -> None:
        """Keep what is left to read of `content` under `key`."""
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix="new-", delete=False) as half:
            try:
                shutil.copyfileobj(content, half, 256 * 1024)
                half.flush()
                os.fsync(half.fileno())
                os.replace(half.name, path)
            except BaseException:
                Path(half.name).unlink(missing_ok=True)
                raise

    def open(self, key: str) -> BinaryIO:
        """The content under `key`; raises FileNotFoundError."""
        return self._path(key).open("rb")

    def remove(self, key: str) -> None:
        """Forget `key`."""
        self._path(key).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise ValueError("a key of a file is hexadecimal words between slashes")
        return self._root / key
