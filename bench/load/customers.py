"""Customers that cost little: keep-alive connections, one request at a time on each, closed or open load."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from bench.load.runs import Run
from bench.place import message_id

CONVERSATIONS_EACH = 20
WARM_UP_S = 1.0
ANSWER_WITHIN_S = 30.0

Watch = Callable[[float], Awaitable[Mapping[str, float]]]
"""Waits for so many seconds and says how many seconds of processor time each role used meanwhile."""


class Customer(Protocol):
    """Somebody who sends one thing after the other and waits for each answer."""

    async def open(self) -> None:
        """Get ready."""

    async def say(self, number: int) -> float:
        """Send one; the milliseconds until the whole answer was there."""

    def close(self) -> None:
        """Go away."""


class Connection:
    """A keep-alive connection."""

    def __init__(self, port: int, address: str = "127.0.0.1") -> None:
        """`address` is the loopback address it comes from: the server counts what comes from one."""
        self._port = port
        self._address = address
        self._reader: Any = None
        self._writer: Any = None

    async def open(self) -> None:
        """Connect; once more does no harm."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port, local_addr=(self._address, 0), limit=2**20)

    def close(self) -> None:
        """Hang up."""
        if self._writer is not None:
            self._writer.close()

    async def post(self, path: str, content: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """The status and the body of the answer. The server closes a connection that was idle for a while: then a new one is taken."""
        if self._reader.at_eof():
            self.close()
            await self.open()
        self.send("POST", path, headers, content)
        head = await self.head()
        return status_of(head), await self._reader.readexactly(_length_of(head))

    async def timed_post(self, path: str, content: bytes, headers: Mapping[str, str]) -> float:
        """The milliseconds until the answer was there; RuntimeError when it is not good."""
        began = time.perf_counter()
        status, answer = await self.post(path, content, headers)
        if status != 200:
            raise RuntimeError(f"{status}: {answer.decode()}")
        return (time.perf_counter() - began) * 1000

    def send(self, method: str, path: str, headers: Mapping[str, str], content: bytes = b"") -> None:
        """Write a request."""
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *(f"{name}: {value}" for name, value in headers.items())]
        self._writer.write("\r\n".join([*lines, f"Content-Length: {len(content)}\r\n\r\n"]).encode() + content)

    async def head(self) -> bytes:
        """The head of the answer."""
        async with asyncio.timeout(ANSWER_WITHIN_S):
            head: bytes = await self._reader.readuntil(b"\r\n\r\n")
        return head.lower()

    async def until(self, end: bytes) -> bytes:
        """What comes, up to and with `end`."""
        found: bytes = await self._reader.readuntil(end)
        return found


def status_of(head: bytes) -> int:
    """The status in the head of an answer."""
    return int(head.split(b" ", 2)[1])


def _length_of(head: bytes) -> int:
    return int(next((line for line in head.split(b"\r\n") if line.startswith(b"content-length:")), b"content-length:0")[15:])


class Visitor:
    """One connection of one customer after another, over the chat route."""

    def __init__(self, port: int, channel_id: str, *, conversations: int = CONVERSATIONS_EACH, messages: int = 3) -> None:
        """Each answer must hold so many `messages`: the customer's own and the bot's."""
        self._connection = Connection(port)
        self._channel_id = channel_id
        self._count = conversations
        self._messages = messages
        self.conversations: list[tuple[str, str]] = []

    async def open(self) -> None:
        """Connect and start some conversations."""
        await self._connection.open()
        for _ in range(self._count):
            answer = await self._post({"start": True}, None)
            self.conversations.append((answer["conversation_id"], answer["token"]))

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    async def say(self, number: int) -> float:
        """One message in the next conversation."""
        conversation_id, token = self.conversations[number % len(self.conversations)]
        body = {"conversation_id": conversation_id, "text": f"hello there, this is message number {number}"}
        began = time.perf_counter()
        answer = await self._post(body, token)
        took = (time.perf_counter() - began) * 1000
        if len(answer["messages"]) != self._messages or answer["status"] != "answered":
            raise RuntimeError(f"not the expected answer: {answer}")
        return took

    async def _post(self, body: dict[str, Any], token: str | None) -> Any:
        content = msgspec.json.encode({"channel_id": self._channel_id, "client_message_id": message_id(), **body})
        bearer = {"Authorization": f"Bearer {token}"} if token else {}
        status, answer = await self._connection.post("/api/v2/chat/message", content, {"Content-Type": "application/json", **bearer})
        if status != 200:
            raise RuntimeError(answer.decode())
        return msgspec.json.decode(answer)


async def unwatched(seconds: float) -> Mapping[str, float]:
    """For a run whose processor time nobody wants to know."""
    await asyncio.sleep(seconds)
    return {}


async def closed_load(customers: Sequence[Customer], seconds: float, watch: Watch = unwatched, warm_up: float = WARM_UP_S) -> Run:
    """Each customer sends the next as soon as the last is answered. Measured for `seconds` after a while to warm up."""
    await asyncio.gather(*(customer.open() for customer in customers))
    begin = time.perf_counter() + warm_up
    end = begin + seconds

    async def talk(customer: Customer) -> list[float]:
        took, number = [], 0
        while time.perf_counter() < end:
            ms = await customer.say(number)
            number += 1
            if begin <= time.perf_counter() < end:
                took.append(ms)
        return took

    watching = asyncio.create_task(_after(warm_up, watch, seconds))
    try:
        latencies = [ms for each in await asyncio.gather(*(talk(customer) for customer in customers)) for ms in each]
        return Run(latencies, seconds, await watching)
    finally:
        watching.cancel()
        for customer in customers:
            customer.close()


async def _after(pause: float, watch: Watch, seconds: float) -> Mapping[str, float]:
    await asyncio.sleep(pause)
    return await watch(seconds)


async def open_load(
    customers: Sequence[Customer], per_second: float, seconds: float, watch: Watch = unwatched, warm_up: float = WARM_UP_S
) -> Run:
    """They come at random moments, `per_second` of them, whether the others are answered or not: the latency counts from the moment at
    which one came, so that a server that stands still is not spared. The customers are the connections there are to come by."""
    await asyncio.gather(*(customer.open() for customer in customers))
    free: asyncio.Queue[tuple[Customer, int]] = asyncio.Queue()
    for customer in customers:
        free.put_nowait((customer, 0))
    latencies: list[float] = []
    chance = random.Random(1)
    begin = time.perf_counter() + warm_up
    end = begin + seconds
    under_way: set[asyncio.Task[None]] = set()

    async def come(due: float) -> None:
        customer, number = await free.get()
        late = (time.perf_counter() - due) * 1000
        took = await customer.say(number)
        free.put_nowait((customer, number + 1))
        if begin <= due < end:
            latencies.append(max(late, 0.0) + took)

    watching = asyncio.create_task(_after(warm_up, watch, seconds))
    due = time.perf_counter()
    failed: list[BaseException] = []

    def ended(task: "asyncio.Task[None]") -> None:
        under_way.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            failed.append(error)

    try:
        while due < end and not failed:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            task = asyncio.create_task(come(due))
            under_way.add(task)
            task.add_done_callback(ended)
            due += chance.expovariate(per_second)
        used = await watching
        if under_way:
            await asyncio.wait(under_way, timeout=ANSWER_WITHIN_S)
        if failed:
            raise failed[0]
        return Run(latencies, seconds, used)
    finally:
        for left in (watching, *under_way):
            left.cancel()
        for customer in customers:
            customer.close()
