"""What a process had in its hands when it died, so that the same message does not kill the next one, and the next.

A message of the chat route is stored in the commit of its turn: if the turn kills the process, nothing is known of the message, and its
sender sends it again. So each process writes down whose turns it is about to take: into a mapped file, because the kernel keeps what is in
it whatever becomes of the process (not of the machine), and because that costs no system call. The others on this machine find the files
that nobody holds any more. Who stands in them is suspected for ten minutes: their messages are stored first, and a runner takes them and
counts the tries.
"""

import fcntl
import logging
import mmap
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from uuid import UUID, uuid4

SUSPECTED_S = 600.0
LOOK_EVERY_S = 1.0
_MARK_BYTES = 16
_LIVE, _DEAD = "live-", "dead-"

log = logging.getLogger(__name__)


def mark_of(conversation_id: UUID | None, channel_id: UUID, key: str) -> bytes:
    """16 bytes that stand for a conversation, or for the message that starts one."""
    return (
        conversation_id.bytes if conversation_id is not None else blake2b(channel_id.bytes + key.encode(), digest_size=_MARK_BYTES).digest()
    )


class UnderWay:
    """The turns that this process is taking, in a file in `folder`, and those that others were taking when they died.

    It takes `hands` batches at a time, each of at most `most` turns: in the file a count and so many marks for each.
    """

    def __init__(self, folder: Path, hands: int, most: int) -> None:
        self._folder = folder
        self._batch_bytes = 1 + most * _MARK_BYTES
        self._bytes = hands * self._batch_bytes
        self._name = uuid4().hex
        self._file: int | None = None
        self._map: mmap.mmap | None = None
        self._free = list(range(0, self._bytes, self._batch_bytes))
        self._dead: dict[str, frozenset[bytes]] = {}
        self._look_at = 0.0

    def open(self) -> None:
        """Begin to write down; a folder that cannot be written to is not worth refusing customers."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            new = self._folder / self._name
            self._file = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX)
            os.truncate(self._file, self._bytes)
            self._map = mmap.mmap(self._file, self._bytes)
            new.rename(self._folder / f"{_LIVE}{self._name}")  # nobody may find it before it is held
        except OSError as error:
            log.warning("a message that kills this process could do so again, because %s cannot be written: %s", self._folder, error)

    def close(self) -> None:
        """End in peace: nobody is suspected."""
        if self._file is not None:
            with suppress(OSError):
                (self._folder / f"{_LIVE}{self._name}").unlink(missing_ok=True)
            self.drop()

    def drop(self) -> None:
        """Let go of the file as it is, as the kernel does for a process that is killed."""
        if self._map is not None:
            self._map.close()
        if self._file is not None:
            os.close(self._file)
        self._file = self._map = None

    @contextmanager
    def taking(self, marks: Sequence[bytes]) -> Iterator[None]:
        """These turns are under way within."""
        if self._map is None or not marks:
            yield
            return
        start = self._free.pop()
        self._map[start + 1 : start + 1 + len(marks) * _MARK_BYTES] = b"".join(marks)
        self._map[start] = len(marks)
        try:
            yield
        finally:
            self._free.append(start)
            if self._map is not None:
                self._map[start] = 0

    def suspects(self, mark: bytes) -> bool:
        """Whether a process that died within the last ten minutes had this in its hands."""
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + LOOK_EVERY_S
            self._look()
        return any(mark in marks for marks in self._dead.values())

    def _look(self) -> None:
        """Read what was left behind since the last time."""
        found: dict[str, frozenset[bytes]] = {}
        with suppress(OSError):
            for left in list(self._folder.glob(f"{_LIVE}*")):
                if not left.name.endswith(self._name):
                    self._bury(left)
            for dead in list(self._folder.glob(f"{_DEAD}*")):
                if time.time() - dead.stat().st_mtime > SUSPECTED_S:
                    dead.unlink(missing_ok=True)
                else:
                    found[dead.name] = self._dead.get(dead.name) or self._marks_in(dead)
        self._dead = found

    def _bury(self, left: Path) -> None:
        """If nobody holds this file any more: keep what is in it for a while, if there is anything."""
        with suppress(OSError):
            file = os.open(left, os.O_RDONLY)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if self._marks_in(left):
                    os.utime(left)
                    left.rename(left.with_name(_DEAD + left.name.removeprefix(_LIVE)))
                else:
                    left.unlink()
            finally:
                os.close(file)

    def _marks_in(self, file: Path) -> frozenset[bytes]:
        content = file.read_bytes()
        found: set[bytes] = set()
        for start in range(0, len(content), self._batch_bytes):
            first = start + 1
            found |= {content[at : at + _MARK_BYTES] for at in range(first, first + content[start] * _MARK_BYTES, _MARK_BYTES)}
        return frozenset(found)
