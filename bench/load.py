"""A load generator that costs little: keep-alive connections, one request at a time on each."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from bench.place import cpu_seconds, message_id

CONVERSATIONS_EACH = 20
WARM_UP_S = 1.0
_HEAD = "POST /api/v2/chat/message HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@dataclass(frozen=True)
class Result:
    """What a run came to. `cpu_us` is the server's processor time per turn."""

    turns: int
    seconds: float
    milliseconds: Sequence[float]
    cpu_us: float

    @property
    def per_second(self) -> float:
        """Turns per second."""
        return self.turns / self.seconds

    def percentile(self, share: float) -> float:
        """The latency that so many stay below."""
        ordered = sorted(self.milliseconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class Connection:
    """One connection of one customer after another."""

    def __init__(self, port: int, channel_id: str) -> None:
        self._port = port
        self._channel_id = channel_id
        self._conversations: list[tuple[str, str]] = []
        self._reader: Any = None
        self._writer: Any = None

    async def open(self) -> None:
        """Connect and start some conversations."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        for _ in range(CONVERSATIONS_EACH):
            answer = await self._post({"start": True}, None)
            self._conversations.append((answer["conversation_id"], answer["token"]))

    def close(self) -> None:
        """Hang up."""
        self._writer.close()

    async def say(self, number: int) -> float:
        """One message; the milliseconds until the whole answer was there."""
        conversation_id, token = self._conversations[number % len(self._conversations)]
        body = {"conversation_id": conversation_id, "text": f"hello there, this is message number {number}"}
        began = time.perf_counter()
        answer = await self._post(body, token)
        took = (time.perf_counter() - began) * 1000
        if len(answer["messages"]) != 3:
            raise RuntimeError(f"not the expected answer: {answer}")
        return took

    async def _post(self, body: dict[str, Any], token: str | None) -> Any:
        content = msgspec.json.encode({"channel_id": self._channel_id, "client_message_id": message_id(), **body})
        bearer = f"Authorization: Bearer {token}\r\n" if token else ""
        head = f"{_HEAD}{bearer}Content-Length: {len(content)}\r\n\r\n"
        self._writer.write(head.encode() + content)
        answer_head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(next(line for line in answer_head.lower().split(b"\r\n") if line.startswith(b"content-length:"))[15:])
        answer = await self._reader.readexactly(length)
        if not answer_head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(answer.decode())
        return msgspec.json.decode(answer)


async def measure(port: int, channel_id: str, concurrency: int, seconds: float, pid: int) -> Result:
    """Let so many customers write for some seconds, after a second to warm up."""
    connections = [Connection(port, channel_id) for _ in range(concurrency)]
    await asyncio.gather(*(connection.open() for connection in connections))
    begin = time.perf_counter() + WARM_UP_S
    end = begin + seconds

    async def watch() -> float:
        await asyncio.sleep(WARM_UP_S)
        before = cpu_seconds(pid)
        await asyncio.sleep(seconds)
        return cpu_seconds(pid) - before

    async def write(connection: Connection) -> list[float]:
        took = []
        number = 0
        while time.perf_counter() < end:
            ms = await connection.say(number)
            number += 1
            if begin <= time.perf_counter() < end:
                took.append(ms)
        return took

    watching = asyncio.create_task(watch())
    latencies = [ms for each in await asyncio.gather(*(write(connection) for connection in connections)) for ms in each]
    cpu_us = await watching * 1e6 / max(len(latencies), 1)
    for connection in connections:
        connection.close()
    return Result(len(latencies), seconds, latencies, cpu_us)
