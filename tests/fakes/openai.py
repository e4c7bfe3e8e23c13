"""A model provider that speaks the OpenAI protocol; the model's name says how it behaves.

`echo` repeats the last message, `say:<text>` says that text, `script` says one of `says` after the other, `slow:<seconds>` thinks first,
`fail:<status>` and `fail:<status>:<seconds>` refuse (the latter asks to come back), `flaky:<times>` fails so often before it answers,
`short:<count>` accepts so many messages at most;
`html`, `empty`, `tool`, `stall`, `cut`, `hangup`, `flood`, `bloat` and `redirect` are what they say.
"""

import json
from collections import deque
from typing import Any

from tests.fakes.http import Answering, FakeServer, Request

KEY = "sk-fake-key-of-the-tenant"
USAGE = {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17}


class FakeOpenAI(FakeServer):
    """`POST /v1/chat/completions`, streamed or whole, and `GET /v1/models`. Keys other than `key` are refused; None takes any."""

    def __init__(self, key: str | None = KEY) -> None:
        super().__init__(self._answer)
        self.key = key
        self.failures = 0
        self.says: deque[str] = deque()

    @property
    def base_url(self) -> str:
        """What a person would type as the address of the model."""
        return f"{self.url}/v1"

    @property
    def asked(self) -> list[dict[str, Any]]:
        """The body of every question."""
        return [request.json for request in self.requests if request.path.endswith("/chat/completions")]

    async def _answer(self, request: Request, to: Answering) -> None:
        if self.key is not None and request.headers.get("authorization") != f"Bearer {self.key}":
            await to.send(401, _error("Incorrect API key provided", "invalid_api_key"))
        elif request.path.endswith("/models"):
            await to.send(200, {"object": "list", "data": [{"id": "echo", "object": "model"}]})
        else:
            await self._behave(request.json, to)

    async def _behave(self, question: dict[str, Any], to: Answering) -> None:
        how, _, more = question["model"].partition(":")
        match how:
            case "echo":
                await _reply(question, to, question["messages"][-1]["content"])
            case "say":
                await _reply(question, to, more)
            case "script":
                await _reply(question, to, self.says.popleft())
            case "slow":
                await to.wait(float(more))
                await _reply(question, to, "at last")
            case "fail":
                status, _, wait = more.partition(":")
                await to.send(int(status), _error(f"told to fail with {status}"), {"Retry-After": wait} if wait else None)
            case "flaky":
                self.failures += 1
                broken = self.failures <= int(more)
                await (to.send(503, _error("overloaded")) if broken else _reply(question, to, f"after {self.failures} tries"))
            case "short":
                if len(question["messages"]) > int(more):
                    await to.send(400, _error("This model's maximum context length is 10 tokens.", "context_length_exceeded"))
                else:
                    await _reply(question, to, "short enough")
            case "html":
                await to.send(200, b"<html><body>Welcome to nginx!</body></html>", {"Content-Type": "text/html"})
            case "empty":
                await _reply(question, to, None)
            case "tool":
                await _reply(
                    question, to, None, [{"id": "call_1", "type": "function", "function": {"name": "delete_all", "arguments": "{}"}}]
                )
            case "redirect":
                await to.send(302, b"", {"Location": "http://169.254.169.254/latest/meta-data/"})
            case "hangup":
                to.writer.close()
            case "stall" | "cut" | "flood" | "bloat":
                await _misbehave(how, question, to)
            case _:
                await to.send(404, _error(f"The model `{question['model']}` does not exist", "model_not_found"))


def _error(message: str, code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": "server_error" if code is None else "invalid_request_error", "param": None, "code": code}}


async def _reply(question: dict[str, Any], to: Answering, text: str | None, tools: list[dict[str, Any]] | None = None) -> None:
    if not question.get("stream"):
        message = {"role": "assistant", "content": text, **({"tool_calls": tools} if tools else {})}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        await to.send(200, {"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": USAGE})
        return
    await to.start(200, {"Content-Type": "text/event-stream"})
    words = text.split(" ") if text else []
    for number, word in enumerate(words):
        await to.raw(_chunk({"content": word if number == len(words) - 1 else f"{word} "}))
    if tools:
        await to.raw(_chunk({"tool_calls": [{"index": 0, **tools[0]}]}))
    await to.raw(_chunk({}, "stop"))
    if (question.get("stream_options") or {}).get("include_usage"):
        await to.raw(_event({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [], "usage": USAGE}))
    await to.raw(b"data: [DONE]\n\n")


async def _misbehave(how: str, question: dict[str, Any], to: Answering) -> None:
    """Begin an answer and never end it properly."""
    await to.start(200, {"Content-Type": "text/event-stream"})
    await to.raw(_chunk({"role": "assistant", "content": "It will "}) + _chunk({"content": "arrive"}))
    if how == "stall":
        await to.wait(60)
    while how == "flood":
        await to.raw(_chunk({"content": "blah " * 200}))
    while how == "bloat":
        await to.raw(b": a comment that never ends " * 5000)


def _chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return _event({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]})


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"
