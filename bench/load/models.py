"""A turn with a model call of 200 ms beside an application that does nothing but the call, with the same library, plain and streamed."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import uvloop
from sqlalchemy import insert

from bench.flow import document
from bench.load.customers import Connection, Visitor, closed_load
from bench.load.processes import POSTGRES, WEB, running
from bench.load.runs import Run, table
from bench.load.settings import Options
from bench.load.stand_ins import THINKING_S, standing_in
from bench.place import Place
from server.kit.db import Database
from server.kit.ids import uuid7
from server.llm.tables import model_providers

CONCURRENCIES = (1, 64)
WARM_UP_S = 3.0
FIRST_TRIES = 5
SHORTEST_S = 10.0
"""A busy machine needs seconds for 64 calls at once."""
LOCAL_PRICES = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
"""As in the server: without it the library asks a server in the internet for its prices."""


def flow() -> dict[str, Any]:
    """Every message is answered by the model."""
    settings = {"instructions": "You are a helpful shop assistant.", "history": 0}
    steps: Mapping[str, Any] = {"ask": ("ask_question", {"text": "And?", "save_as": "wish"}), "reply": ("llm_reply", settings)}
    return document(steps, [("ask", "next", "reply"), ("reply", "next", "ask"), ("reply", "failed", "ask"), ("reply", "no_model", "ask")])


def measure(options: Options) -> str:
    """The table: what the platform adds to the bare call, and what share of its rate is left."""
    rows = []
    seconds = max(options.seconds, SHORTEST_S)
    with standing_in() as port:
        place = replace(options.place, settings=replace(options.place.settings, outbound_allow=frozenset({f"127.0.0.1:{port}"})))
        address = f"http://127.0.0.1:{port}/v1"
        channel = str(_bot(place, address))
        for concurrency in options.concurrency or CONCURRENCIES:
            plain = _bare(seconds, place, address, concurrency, "0")
            streamed = _bare(seconds, place, address, concurrency, "1")
            with running(place, flames=options.flames, name=f"model-{concurrency}") as processes:
                uvloop.run(_first_answer(processes.port, channel))
                visitors = [Visitor(processes.port, channel, conversations=1) for _ in range(concurrency)]
                ours = uvloop.run(closed_load(visitors, seconds, processes.watch, WARM_UP_S))
            rows += [
                [f"{concurrency}: `litellm.acompletion`", *_cells(plain), "", ""],
                [f"{concurrency}: the same, streamed", *_cells(streamed), "", ""],
                [f"{concurrency}: ours", *_cells(ours), _beside(ours, plain), _beside(ours, streamed)],
            ]
    said = f"\n\nThe model thinks for {THINKING_S * 1000:.0f} ms. Beside: rate, and how much later the half of the answers comes."
    return table(("at once", "turns/s", "p50 / p95 / p99 ms", "web us", "PG us", "beside plain", "beside streamed"), rows) + said


async def _first_answer(port: int, channel: str) -> None:
    """Wait until the model answers: the first call waits for the library to be imported, on a busy machine too long."""
    for left in reversed(range(FIRST_TRIES)):
        visitor = Visitor(port, channel, conversations=1)
        await visitor.open()
        try:
            await visitor.say(0)
            return
        except RuntimeError:
            if not left:
                raise
        finally:
            visitor.close()


def _bare(seconds: float, place: Place, address: str, concurrency: int, stream: str) -> Run:
    with running(place, webs=0) as processes:
        processes.start_bare("bench.load.bare_model:app", {"BENCH_MODEL_URL": address, "BENCH_STREAM": stream, **LOCAL_PRICES})
        callers = [Caller(processes.port) for _ in range(concurrency)]
        return uvloop.run(closed_load(callers, seconds, processes.watch, WARM_UP_S))


class Caller(Connection):
    """Somebody who asks the bare application."""

    async def say(self, _: int) -> float:
        """One call."""
        return await self.timed_post("/", b"", {})


def _bot(place: Place, address: str) -> Any:
    """The channel of a bot with a connected model."""
    bot = place.publish(flow())

    async def connect() -> None:
        assert place.settings.database_url is not None
        db = Database(place.settings.database_url, pool_size=2)
        values = {"kind": "compatible", "name": "Bench", "base_url": address, "model": "m", "is_default": True}
        async with db.tenant(bot.tenant_id) as conn:
            await conn.execute(insert(model_providers).values(tenant_id=bot.tenant_id, id=uuid7(), **values))
        await db.close()

    uvloop.run(connect())
    return bot.channel_id


def _cells(run: Run) -> list[str]:
    return [f"{run.per_second:,.0f}", run.percentiles, *run.cpu_cells(WEB, POSTGRES)]


def _beside(ours: Run, bare: Run) -> str:
    return f"**{ours.per_second / bare.per_second:.2f}**, {ours.percentile(0.5) - bare.percentile(0.5):+.1f} ms"
