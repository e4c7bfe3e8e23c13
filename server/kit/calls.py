"""Outside work that a flow asks for: how a room says that it can do a kind of it, what it is given and what it gives back.

A room has a module `perform` whose functions carry `@performs(kind)` or `@answers(kind)`; they are found there, there is no list to edit.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar, cast
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from flow_runtime import CallError
from server.kit.jobs import Resources

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A call that is performed now: `lease_no` proves that this process may.

    `id` is the idempotency key all the way out. One try may take `timeout_s`; a failed one is made again `retry_times` at most, after
    `retry_pause_s`; nothing is begun after `due_at`. `tries` is how many were made before.
    """

    tenant_id: UUID
    id: str
    conversation_id: UUID
    kind: str
    payload: Mapping[str, Any]
    timeout_s: float
    due_at: datetime
    attempts: int = 1
    lease_no: int = 0
    retry_times: int = 0
    retry_pause_s: float = 0.0
    tries: int = 0

    @property
    def try_id(self) -> str:
        """The id of this try, for what is counted try by try."""
        return f"{self.id}#{self.tries}" if self.tries else self.id


@dataclass(frozen=True, slots=True)
class CallEnd:
    """How a call ended.

    `may_retry` says of a failure that another try may come out otherwise. `usage` is what a model's answer took, as the event `model.used`
    tells it; `also` is written in the same commit as the end.
    """

    ok: bool
    value: Any = None
    error: CallError | None = None
    ms: float = 0.0
    usage: Mapping[str, Any] | None = None
    also: Callable[[AsyncConnection], Awaitable[None]] | None = None
    may_retry: bool = True

    @classmethod
    def failed(cls, kind: str, message: str, *, may_retry: bool = True) -> "CallEnd":
        """The end of a call that came to nothing: `kind` for the flow's branches, `message` for people."""
        return cls(False, error=CallError(kind, message), may_retry=may_retry)


class CallFailed(Exception):
    """Raised by whoever performs a call when it comes to nothing; the flow gets `error.kind` and `error.message`."""

    def __init__(self, kind: str, message: str, *, may_retry: bool = True) -> None:
        super().__init__(message)
        self.end = CallEnd.failed(kind, message, may_retry=may_retry)


class Tools:
    """What a process performs calls with."""

    def __init__(self, resources: Resources) -> None:
        self.resources = resources
        self._made: dict[Callable[[Resources], Any], Any] = {}

    def one(self, make: Callable[[Resources], T]) -> T:
        """What `make` makes of the resources, made once for this process and closed with it."""
        if make not in self._made:
            self._made[make] = make(self.resources)
        return cast(T, self._made[make])

    async def close(self) -> None:
        """Close what was made and has a `close`."""
        for made in self._made.values():
            if hasattr(made, "close"):
                await made.close()
        self._made.clear()


Performer = Callable[[Tools, OpenCall], Awaitable[CallEnd]]
Answerer = Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class Performing:
    """Who does a kind of call: with `in_process` the process that took the turn, at once; otherwise a worker."""

    function: Performer
    in_process: bool


performers: dict[str, Performing] = {}
answerers: dict[str, Answerer] = {}


def performs(kind: str, *, in_process: bool = False) -> Callable[[Performer], Performer]:
    """Allow `kind` of call: `async def f(tools: Tools, call: OpenCall) -> CallEnd`; CallFailed is an end too.

    It may be called again with the same id, after a crash or for a retry: whatever goes out carries `call.id` as its idempotency key.
    """

    def register(function: Performer) -> Performer:
        _only(kind, function, performers[kind].function if kind in performers else answerers.get(kind))
        performers[kind] = Performing(function, in_process)
        return function

    return register


def answers(kind: str) -> Callable[[Answerer], Answerer]:
    """Allow `kind` as a quick call: `def f(payload) -> value`, answered within the turn. For pure functions of a few milliseconds only.

    A failure is CallFailed. The value must be plain JSON.
    """

    def register(function: Answerer) -> Answerer:
        _only(kind, function, performers[kind].function if kind in performers else answerers.get(kind))
        answerers[kind] = function
        return function

    return register


def _only(kind: str, function: Any, known: Any) -> None:
    if known is not None and known is not function:
        raise ValueError(f"two functions perform {kind}: {known.__module__} and {function.__module__}")
