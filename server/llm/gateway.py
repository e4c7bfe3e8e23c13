"""The only door to LiteLLM. It is imported late and in a thread: that takes seconds, and a server must answer before."""

import asyncio
import logging
import random
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from typing import Any

import httpx

from server.kit.http import OutboundClient, OutboundRefused
from server.kit.jobs import Resources
from server.kit.settings import set_environment_default
from server.llm.failures import failure_of
from server.llm.kinds import KINDS
from server.llm.messages import ModelFailed, Provider, ReplyRequest, ReplyResult

MAX_REPLY_CHARACTERS = 20_000
MAX_REPLY_BYTES = 20_000_000
IDLE_S = 20.0

OnDelta = Callable[[str], Awaitable[None] | None]

_importing = threading.Lock()


@cache
def _imported() -> tuple[ModuleType, ModuleType]:
    set_environment_default("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    import litellm
    import openai

    litellm.suppress_debug_info = True
    litellm.telemetry = False
    litellm.drop_params = True
    # Its log lines may hold what customers wrote and parts of keys.
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy", "openai", "httpx"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return litellm, openai


def _libraries() -> tuple[ModuleType, ModuleType]:
    with _importing:
        return _imported()


async def warm_up() -> None:
    """Import the libraries now, in a thread; call it when the server already answers."""
    await asyncio.to_thread(_libraries)


class Gateway:
    """Asks models. One for each process and event loop."""

    def __init__(self, http: OutboundClient, *, idle_s: float = IDLE_S) -> None:
        """`http` guards where the calls may go; a model that sends nothing for `idle_s` seconds is given up."""
        self._http = http
        self._idle_s = idle_s
        self._client: httpx.AsyncClient | None = None

    async def close(self) -> None:
        """Close the connections to the providers."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def reply(
        self,
        provider: Provider,
        request: ReplyRequest,
        on_delta: OnDelta | None = None,
        *,
        timeout_s: float = 30.0,
        answer_schema: Mapping[str, Any] | None = None,
        streamed: bool = True,
    ) -> ReplyResult:
        """One reply, told piece by piece to `on_delta`. Raises `ModelFailed`; nothing that was told is ever told again.

        Not `streamed` it comes as a whole, for a third of the processor's time: for replies that nobody reads while they are written. A
        model that hangs is then noticed by `timeout_s` only.

        With `answer_schema` the provider is asked for JSON of that schema, by its own means (`response_format`). Not all have them: what
        comes back is text that has to be checked.
        """
        try:
            self._http.check(provider.address)
        except OutboundRefused as refused:
            raise ModelFailed("refused", f"The address of {provider.name} cannot be used. {refused}") from refused
        attempt = _Attempt(provider, request, on_delta, self._idle_s if streamed else timeout_s, answer_schema, streamed)
        libraries = await asyncio.to_thread(_libraries)  # before the clock starts: the first time this takes seconds
        try:
            async with asyncio.timeout(timeout_s):
                return await self._try(attempt, *libraries)
        except TimeoutError as error:
            raise ModelFailed("timeout", f"{provider.name} did not finish within {timeout_s:g} seconds.", partial=attempt.text) from error

    async def _try(self, attempt: "_Attempt", litellm: ModuleType, openai: ModuleType) -> ReplyResult:
        """Try again once when nothing has been said yet: after a short wait, or at once with half of a history that was too long."""
        client = self._connect(openai, attempt.provider)
        try:
            return await attempt.make(litellm, client)
        except ModelFailed as failed:
            if attempt.text or not failed.may_retry:
                raise
            if failed.too_long:
                attempt.shorten()
            else:
                await asyncio.sleep(random.uniform(0.2, 0.8))
        return await attempt.make(litellm, client)

    def _connect(self, openai: ModuleType, provider: Provider) -> Any:
        if self._client is None:
            self._client = self._http.httpx_client(MAX_REPLY_BYTES)
        # A key is always given: without one the libraries would take the operator's own from the environment.
        key = provider.api_key or "none"
        return openai.AsyncOpenAI(api_key=key, base_url=provider.address, http_client=self._client, max_retries=0)


def gateway_of(resources: Resources) -> Gateway:
    """The gateway of a process, for `Tools.one`."""
    return Gateway(resources.http)


@dataclass(slots=True)
class _Attempt:
    """One reply on its way, across tries."""

    provider: Provider
    request: ReplyRequest
    on_delta: OnDelta | None
    idle_s: float
    answer_schema: Mapping[str, Any] | None = None
    streamed: bool = True
    parts: list[str] = field(default_factory=list)
    length: int = 0
    skipped: int = 0

    @property
    def text(self) -> str:
        """What has been said so far."""
        return "".join(self.parts)

    def shorten(self) -> None:
        """Leave out the older half of the conversation."""
        self.skipped = len(self.request.messages) // 2

    async def make(self, litellm: ModuleType, client: Any) -> ReplyResult:
        started = time.perf_counter()
        options: dict[str, Any] = {"temperature": self.request.temperature, "max_tokens": self.request.max_tokens}
        if self.answer_schema is not None:
            schema = {"name": "answer", "strict": True, "schema": self.answer_schema}
            options["response_format"] = {"type": "json_schema", "json_schema": schema}
        if self.streamed:
            options |= {"stream": True, "stream_options": {"include_usage": True}}
        answer = await self._heard(
            litellm.acompletion(
                model=f"openai/{self.provider.model}",
                messages=self._messages(),
                client=client,
                api_key=client.api_key,
                num_retries=0,
                max_retries=0,
                **{name: value for name, value in options.items() if value is not None},
            )
        )
        if answer is None:  # LiteLLM's way of passing on a 422
            raise ModelFailed("refused", f"{self.provider.name} did not accept the request (422).")
        usage, cut = await (self._follow(answer) if self.streamed else self._take_whole(answer))
        if not self.text.strip():
            raise ModelFailed("garbage", f"{self.provider.name} answered, but not with text.")
        return self._result(litellm, usage, cut, round((time.perf_counter() - started) * 1000))

    def _messages(self) -> list[dict[str, str]]:
        system = [{"role": "system", "content": self.request.instructions}] if self.request.instructions else []
        return system + [{"role": message.role, "content": message.content} for message in self.request.messages[self.skipped :]]

    async def _follow(self, stream: Any) -> tuple[Any, bool]:
        """Hear a stream to its end; one that closes without saying that it is finished is no reply."""
        try:
            usage, cut = await self._listen(stream)
        finally:
            with suppress(Exception):
                await stream.aclose()
        if not cut and stream.received_finish_reason is None and self.parts:
            raise ModelFailed("unavailable", f"{self.provider.name} broke off in the middle of its reply.", partial=self.text)
        return usage, cut

    async def _take_whole(self, answer: Any) -> tuple[Any, bool]:
        """A reply that came in one piece: its usage, and whether it was longer than the limit."""
        text = (answer.choices[0].message.content if answer.choices else None) or ""
        if text:
            await self._tell(text[:MAX_REPLY_CHARACTERS])
        return getattr(answer, "usage", None), len(text) > MAX_REPLY_CHARACTERS

    async def _listen(self, stream: AsyncIterator[Any]) -> tuple[Any, bool]:
        """Take the pieces as they come; ends with the usage and whether the limit was reached."""
        usage = None
        while True:
            chunk = await self._heard(anext(stream, None))
            if chunk is None:
                return usage, False
            usage = getattr(chunk, "usage", None) or usage
            piece = (chunk.choices[0].delta.content if chunk.choices else None) or ""
            if piece:
                await self._tell(piece[: MAX_REPLY_CHARACTERS - self.length])
            if self.length >= MAX_REPLY_CHARACTERS:
                return usage, True

    async def _heard(self, coming: Awaitable[Any]) -> Any:
        """What the provider sends next, or the failure that its silence or its error amounts to."""
        try:
            async with asyncio.timeout(self.idle_s):
                return await coming
        except TimeoutError as error:
            raise ModelFailed("timeout", f"{self.provider.name} said nothing for {self.idle_s:g} seconds.", partial=self.text) from error
        except Exception as error:
            raise failure_of(error, self.provider, self.text) from error

    async def _tell(self, piece: str) -> None:
        self.parts.append(piece)
        self.length += len(piece)
        if self.on_delta is not None and (told := self.on_delta(piece)) is not None:
            await told

    def _result(self, litellm: ModuleType, usage: Any, cut: bool, ms: int) -> ReplyResult:
        asked = sum(len(message["content"]) for message in self._messages())
        counted = usage is not None and not cut
        input_tokens = int(usage.prompt_tokens) if counted else asked // 4 + 1
        output_tokens = int(usage.completion_tokens) if counted else self.length // 4 + 1
        cost = _cost(litellm, self.provider, input_tokens, output_tokens)
        return ReplyResult(self.text, self.provider.model, input_tokens, output_tokens, cost, ms, cut)


def _cost(litellm: ModuleType, provider: Provider, input_tokens: int, output_tokens: int) -> float:
    """The price from LiteLLM's list, 0 for a model that is not on it."""
    name = KINDS[provider.kind].prices + provider.model
    if name not in litellm.model_cost:
        return 0.0
    prompt, completion = litellm.cost_per_token(model=name, prompt_tokens=input_tokens, completion_tokens=output_tokens)
    return float(prompt + completion)
