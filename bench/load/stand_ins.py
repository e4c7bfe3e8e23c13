"""The outside world in a process of its own, so that it takes no time from the load generator: a shop and a model provider.

`POST /shop` answers JSON at once. `POST /v1/chat/completions` speaks the OpenAI protocol, whole or streamed, after THINKING_S.
`python -m bench.load.stand_ins PORT`.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import uvloop

from bench.place import ROOT, free_port, wait_for_port

THINKING_S = 0.2
TEXT = "You can send it back within thirty days and we refund the whole price to you at once"
WORDS = TEXT.split()
_USAGE = {"prompt_tokens": 12, "completion_tokens": len(WORDS), "total_tokens": 12 + len(WORDS)}


@contextmanager
def standing_in() -> Iterator[int]:
    """Run them; the port."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "bench.load.stand_ins", str(port)], cwd=ROOT)
    try:
        wait_for_port(port, process)
        yield port
    finally:
        process.kill()
        process.wait()


class _Connection(asyncio.Protocol):
    """One connection: requests one after the other."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, rest = bytes(self._received).partition(b"\r\n\r\n")
        length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
        if not found or len(rest) < length:
            return
        self._received = bytearray(rest[length:])
        if b"/chat/completions" not in head.split(b"\r\n", 1)[0]:
            self._transport.write(_whole({"state": "shipped"}))
            return
        streamed = bool(msgspec.json.decode(rest[:length]).get("stream"))
        asyncio.get_running_loop().call_later(THINKING_S, self._reply, _STREAMED if streamed else _REPLY)

    def _reply(self, content: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(content)


def _whole(body: Any) -> bytes:
    content = msgspec.json.encode(body)
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(content) + content


def _stream() -> bytes:
    chunks = [{"delta": {"content": f"{word} "}, "finish_reason": None} for word in WORDS] + [{"delta": {}, "finish_reason": "stop"}]
    events = [_chunk([{"index": 0, **chunk}]) for chunk in chunks] + [_chunk([], usage=_USAGE), b"data: [DONE]\n\n"]
    body = b"".join(b"%x\r\n%s\r\n" % (len(event), event) for event in events)
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n"


def _chunk(choices: list[dict[str, Any]], **more: Any) -> bytes:
    event = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices, **more}
    return b"data: %s\n\n" % msgspec.json.encode(event)


_MESSAGE = {"role": "assistant", "content": TEXT}
_CHOICE = {"index": 0, "message": _MESSAGE, "finish_reason": "stop"}
_REPLY = _whole({"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "choices": [_CHOICE], "usage": _USAGE})
_STREAMED = _stream()


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(_Connection, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
