"""An outside world that answers when it is told to, and not before: any HTTP service, and a model that speaks the OpenAI protocol."""

from collections import deque
from dataclasses import dataclass
from typing import Any

from tests.fakes.http import Answering, Request
from tests.fakes.openai import FakeOpenAI

LOOK_EVERY_S = 0.01


@dataclass(frozen=True)
class Told:
    """The next answer: the text of a model, or what a service sends. With a path it is for the request to that path."""

    text: str = ""
    status: int = 200
    body: Any = None
    path: str | None = None


class ScriptedWorld(FakeOpenAI):
    """Keeps whoever asks waiting until `tell`; answers in the order in which it was told."""

    def __init__(self) -> None:
        super().__init__()
        self._told: deque[Told] = deque()

    def tell(self, answer: Told) -> None:
        """Answer the request that waits, or the next one."""
        self._told.append(answer)

    async def _answer(self, request: Request, to: Answering) -> None:
        told = await self._next(request.path, to)
        if told is None:
            return
        if not request.path.endswith("/chat/completions"):
            await to.send(told.status, told.body)
        else:
            how = f"say:{told.text}" if told.status < 400 else f"fail:{told.status}"
            await self._behave({**request.json, "model": how}, to)

    async def _next(self, path: str, to: Answering) -> Told | None:
        while not to.stopping.is_set():
            told = next((told for told in self._told if told.path in (None, path)), None)
            if told is not None:
                self._told.remove(told)
                return told
            await to.wait(LOOK_EVERY_S)
        return None
