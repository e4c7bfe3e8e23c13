"""One request straight to the application, which also tells whether the body was read; streams are left after their first piece."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from litestar import Litestar

PATIENCE_S = 20.0


@dataclass
class Answer:
    """What came back."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    body_was_read: bool = False


async def call(app: Litestar, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
    """Send a request and wait for the answer, or for the first piece of a stream."""
    answer = Answer()
    over = asyncio.Event()
    sent = False

    async def receive() -> dict[str, Any]:
        nonlocal sent
        if sent:
            await over.wait()
            return {"type": "http.disconnect"}
        answer.body_was_read = sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {name.decode().lower(): value.decode("latin-1") for name, value in message["headers"]}
        elif message["type"] == "http.response.body":
            answer.body += message.get("body", b"")
            if not message.get("more_body") or answer.body:
                over.set()

    running = asyncio.ensure_future(app(_scope(method, path, headers, body), receive, send))  # type: ignore[arg-type]
    waiting = asyncio.ensure_future(over.wait())
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.wait((running, waiting), return_when=asyncio.FIRST_COMPLETED)
    if "text/event-stream" in answer.headers.get("content-type", ""):
        running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    over.set()
    await waiting
    return answer


def _scope(method: str, path: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    path, _, query = path.partition("?")
    everything = {"host": "localhost:8800", "content-length": str(len(body)), **headers}
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": quote(path).encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in everything.items()],
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 8800),
        "state": {},
    }
