"""A bad network: stands between a client and a server and lets bytes through, or not."""

import asyncio
import os
import socket
import struct
import threading
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Self

SLOW_S = 0.15
CHUNK = 65_536


class Fault(StrEnum):
    """What happens to the bytes."""

    NONE = "none"
    REFUSE = "refuse"  # connections are reset at once, those that are open too
    HANG = "hang"  # nothing moves, nothing ends
    CUT = "cut"  # a connection is reset when the server has begun to answer
    SLOW = "slow"  # every piece takes its time
    GARBAGE = "garbage"  # what the server says arrives as noise
    DEAF = "deaf"  # the server hears, its answers are lost
    MUTE = "mute"  # the server hears nothing


@dataclass
class FaultProxy:
    """Listens on a TCP port of 127.0.0.1 while it is entered with `with`; the server behind it listens on a socket file."""

    server: str
    fault: Fault = Fault.NONE
    port: int = 0
    connections: int = 0
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _serving: set["asyncio.Task[None]"] = field(default_factory=set)

    def __enter__(self) -> Self:
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._ready.wait(10), "the proxy did not start"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(10)

    def become(self, fault: Fault) -> None:
        """From now on the network is like this."""
        self.fault = fault
        self._loop.call_soon_threadsafe(self._changed)

    def _changed(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()
        if self.fault is Fault.REFUSE:
            for writer in list(self._open):
                _reset(writer)

    async def _serve(self) -> None:
        self._loop, self._stopping, self._moved = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
        listening = await asyncio.start_server(self._connected, "127.0.0.1", 0, backlog=256)
        self.port = listening.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stopping.wait()
        listening.close()
        self.fault = Fault.REFUSE
        self._changed()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        self.connections += 1
        if self.fault is Fault.REFUSE:
            _reset(writer)
            return
        try:
            from_server, to_server = await asyncio.open_unix_connection(self.server)
        except OSError:
            _reset(writer)
            return
        ends = (writer, to_server)
        self._open.update(ends)
        pumps = [
            asyncio.create_task(self._pump(reader, to_server, answers=False)),
            asyncio.create_task(self._pump(from_server, writer, answers=True)),
        ]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        for end in ends:
            self._open.discard(end)
            _reset(end)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool) -> None:
        try:
            while chunk := await reader.read(CHUNK):
                passed = await self._passed(chunk, answers=answers)
                if passed is None:
                    return
                writer.write(passed)
                await writer.drain()
        except OSError:
            return

    async def _passed(self, chunk: bytes, *, answers: bool) -> bytes | None:
        """The bytes that arrive instead of `chunk`; None when the connection ends."""
        while self.fault is Fault.HANG:
            await self._moved.wait()
        if self.fault is Fault.SLOW:
            await asyncio.sleep(SLOW_S)
        if answers and self.fault is Fault.CUT:
            return None
        if answers and self.fault is Fault.GARBAGE:
            return os.urandom(len(chunk))
        lost = self.fault is Fault.DEAF if answers else self.fault is Fault.MUTE
        return b"" if lost else chunk


def _reset(writer: asyncio.StreamWriter) -> None:
    """End the connection without a farewell."""
    raw = writer.get_extra_info("socket")
    if raw is not None and raw.family == socket.AF_INET and not writer.is_closing():
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
