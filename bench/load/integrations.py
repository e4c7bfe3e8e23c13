"""A turn that calls another company's API: web process, job through RQ, worker, turn runner, answer in the same request."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import uvloop

from bench.flow import document
from bench.load.customers import Visitor, closed_load
from bench.load.processes import POSTGRES, REDIS, RUNNER, WEB, WORKER, running
from bench.load.runs import table
from bench.load.settings import Options
from bench.load.stand_ins import standing_in

CONCURRENCIES = (1, 16, 64)
WORKERS = 1
WANTED = 300
ROLES = (WEB, WORKER, RUNNER, POSTGRES, REDIS)


def flow(address: str) -> dict[str, Any]:
    """Every message is answered with what the shop says."""
    steps: Mapping[str, Any] = {
        "ask": ("ask_question", {"text": "Which order?", "save_as": "order"}),
        "look": ("http_request", {"method": "POST", "url": f"{address}/shop", "body_type": "json", "fields": {"order": "{{ order }}"}}),
        "tell": ("send_message", {"text": "Your order {{ order }} is on its way."}),
        "sorry": ("end", {"text": "The shop does not answer.", "outcome": "unresolved"}),
    }
    return document(steps, [("ask", "next", "look"), ("look", "ok", "tell"), ("look", "failed", "sorry"), ("tell", "next", "ask")])


def measure(options: Options) -> str:
    """The table: the latency is that of the customer, from the message to the whole answer."""
    rows = []
    with standing_in() as port:
        place = replace(options.place, settings=replace(options.place.settings, outbound_allow=frozenset({f"127.0.0.1:{port}"})))
        channel = str(place.publish(flow(f"http://127.0.0.1:{port}")).channel_id)
        with running(place, runners=1, workers=WORKERS, flames=options.flames, name="integration") as processes:
            uvloop.run(closed_load([Visitor(processes.port, channel) for _ in range(16)], 2.0))
            place.analyse()
            for concurrency in options.concurrency or CONCURRENCIES:
                visitors = [Visitor(processes.port, channel, conversations=4) for _ in range(concurrency)]
                run = uvloop.run(closed_load(visitors, options.seconds, processes.watch, 2.0))
                rows.append([str(concurrency), f"{run.per_second:,.0f}", run.percentiles, *run.cpu_cells(*ROLES)])
    head = ("at once", "turns/s", "p50 / p95 / p99 ms", *(f"{role} us" for role in ROLES))
    return table(head, rows) + f"\n\nWanted: {WANTED} turns/s."
