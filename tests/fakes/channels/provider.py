"""What the fakes of all providers share: they record what they took, complain about what breaks their rules, and fail when told to."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.conversations.chat_script import Said
from tests.fakes.http import Answering, FakeServer, Request


@dataclass(frozen=True)
class Fault:
    """One call goes wrong. `took_it`: the message was taken, but the answer never comes; the line is cut after `silent_s`."""

    status: int = 500
    body: Any = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    took_it: bool = False
    silent_s: float = 0.0


@dataclass(frozen=True)
class Took:
    """An answer with more to it than a body."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):
    """The provider's answer to a call that breaks its rules."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(str(body))
        self.status = status
        self.body = body


class FakeProvider(FakeServer):
    """A provider with one bot and one customer. `calls` are the calls it took, `broken` what broke its rules.

    `hook_url` is the address of the server that a person entered there.
    """

    kind: str
    gives_files = True
    """Whether a person there can send any file, or only write."""
    name_of_files = ""
    """What a customer's files are called where the provider does not tell their names."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.calls: list[dict[str, Any]] = []
        self.broken: list[str] = []
        self.faults: list[Fault] = []
        self.said: list[Said] = []
        self.sent = 0
        self.hook_url = ""

    async def _answer(self, request: Request, to: Answering) -> None:
        if self.sends(request) and self.faults:
            fault = self.faults.pop(0)
            if fault.took_it:
                self.take(request)
                await to.wait(fault.silent_s)
                return
            await to.send(fault.status, fault.body, fault.headers)
            return
        try:
            body = self.take(request)
        except Refused as refused:
            self.broken.append(f"{request.method} {request.path}: {refused}")
            await to.send(refused.status, refused.body)
            return
        took = body if isinstance(body, Took) else Took(body)
        await to.send(took.status, took.body, took.headers)

    @abstractmethod
    def sends(self, request: Request) -> bool:
        """Whether the call sends a message to the customer."""

    @abstractmethod
    def take(self, request: Request) -> Any:
        """The answer to a call, which is recorded; raises Refused."""

    @property
    @abstractmethod
    def settings(self) -> dict[str, str]:
        """What is entered for the channel."""

    @property
    @abstractmethod
    def secrets(self) -> dict[str, str]:
        """Its secrets."""

    @abstractmethod
    def writes(self, text: str) -> httpx.Request:
        """The webhook that says that the customer wrote."""

    @abstractmethod
    def presses(self, label: str) -> httpx.Request:
        """The webhook that says that the customer pressed the button with this label."""

    @abstractmethod
    def gives(self, name: str, media_type: str) -> httpx.Request:
        """The webhook that says that the customer sent a file."""
