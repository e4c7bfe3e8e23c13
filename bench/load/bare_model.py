"""The bare limit of model calls: an application that does nothing but `litellm.acompletion`, streamed with `BENCH_STREAM=1`."""

import os
from typing import Any

import litellm

ADDRESS = os.environ["BENCH_MODEL_URL"]
STREAM = os.environ.get("BENCH_STREAM") == "1"

litellm.suppress_debug_info = True
litellm.telemetry = False


class App:
    """Answers every request with the model's reply."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while True:
                event = await receive()
                await send({"type": f"{event['type']}.complete"})
                if event["type"] == "lifespan.shutdown":
                    return
        while (await receive()).get("more_body"):
            pass
        text = await _reply("hello there")
        headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(text)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": text})


async def _reply(text: str) -> bytes:
    asked: dict[str, Any] = {"model": "openai/m", "api_base": ADDRESS, "api_key": "none", "max_retries": 0}
    messages = [{"role": "system", "content": "You are a helpful shop assistant."}, {"role": "user", "content": text}]
    if not STREAM:
        answer: Any = await litellm.acompletion(messages=messages, **asked)
        return str(answer.choices[0].message.content).encode()
    stream: Any = await litellm.acompletion(messages=messages, stream=True, stream_options={"include_usage": True}, **asked)
    return "".join([(chunk.choices[0].delta.content if chunk.choices else None) or "" async for chunk in stream]).encode()


app = App()
