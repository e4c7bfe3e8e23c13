"""How soon a webhook is acknowledged (stored, the bot's turn comes after): the most the server takes, then half of it as open load."""

import base64
import time
from dataclasses import replace

import msgspec
import uvloop

from bench.flow import five_nodes
from bench.load.customers import Connection, closed_load, open_load
from bench.load.processes import POSTGRES, REDIS, RUNNER, WEB, running
from bench.load.runs import Run, table
from bench.load.settings import Options
from bench.load.stand_ins import standing_in
from bench.place import message_id
from server.channels.sealed import FIRST_SECRET
from server.channels.webhook.adapter import signature

SECRET = "whsec_" + base64.b64encode(b"a secret of twenty-four bytes").decode()
AT_ONCE = 32
SHARES = (0.25, 0.5)
ROLES = (WEB, RUNNER, POSTGRES, REDIS)
WANTED_MS = 50
CONTACTS_EACH = 20


class Provider(Connection):
    """Delivers signed messages of some contacts."""

    def __init__(self, port: int, channel_id: str, name: str) -> None:
        super().__init__(port)
        self._path = f"/hooks/webhook/{channel_id}"
        self._name = name

    async def say(self, number: int) -> float:
        """One delivery."""
        key, timestamp = message_id(), str(int(time.time()))
        contact = {"id": f"{self._name}-{number % CONTACTS_EACH}"}
        content = msgspec.json.encode({"contact": contact, "text": f"hello there, this is message number {number}"})
        signed = {"webhook-id": key, "webhook-timestamp": timestamp, "webhook-signature": signature(SECRET, key, timestamp, content)}
        return await self.timed_post(self._path, content, {"Content-Type": "application/json", **signed})


def measure(options: Options) -> str:
    """The table; the runner takes the turns meanwhile, and what the bot says goes to a shop that answers at once."""
    with standing_in() as port:
        place = replace(options.place, settings=replace(options.place.settings, outbound_allow=frozenset({f"127.0.0.1:{port}"})))
        bot = place.publish(five_nodes(), kind="webhook", about={"url": f"http://127.0.0.1:{port}/shop"}, secrets={FIRST_SECRET: SECRET})
        with running(place, runners=1, flames=options.flames, name="webhook") as processes:

            def providers(kind: str, count: int) -> list[Provider]:
                return [Provider(processes.port, str(bot.channel_id), f"{kind}{number}") for number in range(count)]

            uvloop.run(closed_load(providers("first", AT_ONCE), 2.0))
            place.analyse()
            most = uvloop.run(closed_load(providers("closed", AT_ONCE), options.seconds, processes.watch))
            rows = [[f"closed, {AT_ONCE} at once", *_cells(most)]]
            processes.until_calm()
            for share in SHARES:
                run = uvloop.run(open_load(providers(f"open{share}-", 64), most.per_second * share, options.seconds, processes.watch))
                rows.append([f"open, {share:.0%} of it", *_cells(run)])
                processes.until_calm()
    head = ("load", "stored/s", "p50 / p95 / p99 ms", *(f"{role} us" for role in ROLES))
    return table(head, rows) + f"\n\nWanted: p95 of {WANTED_MS} ms at most at half of the maximum."


def _cells(run: Run) -> list[str]:
    return [f"{run.per_second:,.0f}", run.percentiles, *run.cpu_cells(*ROLES)]
