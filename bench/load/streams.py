"""A thousand open widgets on one web process: memory, what they cost while nothing happens, how soon a message is at its widget."""

import asyncio
import random
import time
from collections.abc import Sequence

import uvloop

from bench.load.customers import Connection, Visitor, status_of
from bench.load.processes import POSTGRES, REDIS, WEB, Processes, running
from bench.load.runs import Run, table
from bench.load.settings import Options

STREAMS = 1_000
PER_ADDRESS = 100
OPEN_AT_ONCE = 32
SPEAKERS = 16
MESSAGES_PER_SECOND = 50.0
ADDRESSES = tuple(f"127.0.0.{2 + number}" for number in range(STREAMS // PER_ADDRESS))


class Widget(Connection):
    """One open event stream; notes when the next message of the bot is there."""

    def __init__(self, port: int, number: int, channel_id: str, conversation: tuple[str, str]) -> None:
        super().__init__(port, ADDRESSES[number % len(ADDRESSES)])
        self.conversation = conversation
        self._path = f"/w/{channel_id}/events?conversation={conversation[0]}"
        self.heard = asyncio.Event()
        self.heard_at = 0.0

    async def listen(self, gate: asyncio.Semaphore) -> None:
        """Open the stream, with some others at once, and take what comes, until it is cut."""
        async with gate:
            while status_of(head := await self._ask()) == 503:  # come again later, says the server
                self.close()
                await asyncio.sleep(1.0)
        if status_of(head) != 200:
            raise RuntimeError(head.decode())
        while True:
            event = await self.until(b"\n\n")
            if b'"direction":"out"' in event:
                self.heard_at = time.perf_counter()
                self.heard.set()

    async def _ask(self) -> bytes:
        """The head of the answer."""
        await self.open()
        self.send("GET", self._path, {"Authorization": f"Bearer {self.conversation[1]}", "Accept": "text/event-stream"})
        return await self.head()


def measure(options: Options) -> str:
    """The table."""
    with running(options.place, runners=1, flames=options.flames, name="streams") as processes:
        return uvloop.run(_measure(options, processes))


async def _measure(options: Options, processes: Processes) -> str:
    channel = str(options.place.bot.channel_id)
    streams = options.concurrency[0] if options.concurrency else STREAMS
    speakers = [Visitor(processes.port, channel, conversations=-(-streams // SPEAKERS)) for _ in range(SPEAKERS)]
    await asyncio.gather(*(speaker.open() for speaker in speakers))
    await asyncio.to_thread(options.place.analyse)
    before = processes.memory()[WEB].rss
    widgets = [
        Widget(processes.port, number, channel, conversation)
        for number, conversation in enumerate([one for speaker in speakers for one in speaker.conversations][:streams])
    ]
    began = time.perf_counter()
    gate = asyncio.Semaphore(OPEN_AT_ONCE)
    listening = [asyncio.create_task(widget.listen(gate)) for widget in widgets]
    await _all_hear(widgets, listening)
    opened = time.perf_counter() - began
    await asyncio.sleep(10)  # the looks for missed news are rarer by then
    idle = await processes.watch(options.seconds)
    rss = processes.memory()[WEB].rss
    run = await _speak(options, processes, speakers, widgets)
    for task in listening:
        task.cancel()
    ended = await asyncio.gather(*listening, return_exceptions=True)
    lost = [error for error in ended if isinstance(error, Exception)]
    rows = [
        ["all open after, s", f"{opened:.1f}"],
        ["memory of the web process before, MB", f"{before:.0f}"],
        ["with the streams, MB", f"{rss:.0f}"],
        ["for each stream, kB", f"{(rss - before) * 1024 / streams:.0f}"],
        *(
            [f"{role}: share of a processor while nothing happens", f"{idle[role] / options.seconds:.1%}"]
            for role in (WEB, POSTGRES, REDIS)
        ),
        ["messages/s", f"{run.per_second:.0f}"],
        ["message sent to answer at the widget: p50 / p95 / p99 ms", run.percentiles],
        ["streams lost", str(len(lost))],
    ]
    return table((f"{streams:,} open streams", ""), rows)


async def _all_hear(widgets: Sequence[Widget], listening: Sequence["asyncio.Task[None]"]) -> None:
    """Wait until every stream has brought the greeting that is there already."""
    async with asyncio.timeout(120):
        for widget, task in zip(widgets, listening, strict=True):
            hearing = asyncio.ensure_future(widget.heard.wait())
            await asyncio.wait((hearing, task), return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                for other in listening:
                    other.cancel()
                task.result()


async def _speak(options: Options, processes: Processes, speakers: Sequence[Visitor], widgets: Sequence[Widget]) -> Run:
    """Customers write in random conversations; how long after that their widget has the answer."""
    at = {widget.conversation[0]: widget for widget in widgets}
    latencies: list[float] = []
    chance, begin = random.Random(1), time.perf_counter()

    async def write(speaker: Visitor) -> None:
        number = 0
        while time.perf_counter() < begin + options.seconds:
            widget = at.get(speaker.conversations[number % len(speaker.conversations)][0])
            if widget is not None:
                widget.heard.clear()
                sent = time.perf_counter()
                await speaker.say(number)
                await asyncio.wait_for(widget.heard.wait(), 30)
                latencies.append((widget.heard_at - sent) * 1000)
            number += 1
            await asyncio.sleep(chance.expovariate(MESSAGES_PER_SECOND / SPEAKERS))

    watching = asyncio.create_task(processes.watch(options.seconds))
    await asyncio.gather(*(write(speaker) for speaker in speakers))
    return Run(latencies, options.seconds, await watching)
