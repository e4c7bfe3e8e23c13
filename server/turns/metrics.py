"""The workspace's figures in the text format of Prometheus (version 0.0.4): queues, ages, channels, turns, webhooks that were refused."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from server.conversations.figures import ChannelQueue, QueueFigure, channel_queues, queue_figures
from server.kit import clock
from server.kit.counts import counts
from server.kit.db import Database
from server.security.identity import Identity
from server.turns.engine import Turns

MEDIA_TYPE = "text/plain; version=0.0.4"
_STATUSES = ("pending", "sending", "maybe", "dead")
_QUANTILES = ("0.5", "0.95", "0.99")

_TURNS = text("""
    select count(*) as turns, percentile_cont(array[0.5, 0.95, 0.99]) within group (order by ms) as ms
    from turns join conversations c on c.tenant_id = turns.tenant_id and c.id = turns.conversation_id
    where c.tenant_id = :tenant_id and c.updated_at > :since and turns.at > :since
""")
_WAITS = text("""
    select 'calls' as queue, status, count(*) as rows, min(created_at) as oldest from calls
     where tenant_id = :tenant_id and status in ('pending', 'running') group by status
    union all
    select 'timers', 'due', count(*), min(due_at) from timers where tenant_id = :tenant_id and status = 'waiting' and due_at <= :now
""")

Labels = Mapping[str, str]


@dataclass(slots=True)
class Exposition:
    """Lines of the format, with a help and a type before each name's first sample."""

    lines: list[str] = field(default_factory=list)

    def add(self, name: str, about: str, samples: Iterable[tuple[Labels, float]], kind: str = "gauge") -> None:
        """One figure with its samples."""
        self.lines += [f"# HELP {name} {about}", f"# TYPE {name} {kind}"]
        self.lines += [f"{name}{_labels(labels)} {value:.12g}" for labels, value in samples]

    def text(self) -> str:
        """The whole document."""
        return "\n".join(self.lines) + "\n"


def _labels(labels: Labels) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}" if labels else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


@get("/api/v2/chat/metrics", opt={"permission": "operations:read"}, tags=["operations"], media_type=MEDIA_TYPE)
async def show_metrics(
    db: NamedDependency[Database], redis: NamedDependency[Redis], turns: NamedDependency[Turns], identity: NamedDependency[Identity]
) -> Response[str]:
    """Figures of the workspace for Prometheus. They are counted now, in the database, so that any process gives the same answer."""
    async with db.tenant(identity.tenant_id) as conn:
        queues = [*await queue_figures(conn, identity.tenant_id), *await _waits(conn, identity.tenant_id)]
        channels = await channel_queues(conn, identity.tenant_id)
        recent = await _recent_turns(conn, identity.tenant_id)
    counted = await counts(redis, identity.tenant_id)
    page = exposition(queues, channels, recent, counted, turns.waiting_of(identity.tenant_id), clock.now())
    return Response(page, media_type=MEDIA_TYPE, headers={"Cache-Control": "no-store"})


def exposition(
    queues: Sequence[QueueFigure],
    channels: Sequence[ChannelQueue],
    recent: tuple[int, Sequence[float]],
    counted: Mapping[tuple[str, ...], int],
    waiting: int,
    now: datetime,
) -> str:
    """The document."""
    out = Exposition()
    named = [({"queue": one.queue, "status": one.status}, one) for one in queues]
    out.add("chatloom_queue_rows", "Inputs, jobs, calls and timers that are not finished.", [(labels, one.rows) for labels, one in named])
    ages = [(labels, _age(one.oldest, now)) for labels, one in named if one.oldest is not None]
    out.add("chatloom_queue_oldest_seconds", "How long the oldest of them has waited.", ages)
    places = [({"channel": str(one.id), "kind": one.kind}, one) for one in channels]
    rows = [
        ({**labels, "status": status}, getattr(one, status)) for labels, one in places for status in ("pending", "sending", "maybe", "dead")
    ]
    out.add("chatloom_outbox_rows", "Messages that are not sent, by channel.", rows)
    out.add("chatloom_outbox_oldest_seconds", "Age of the oldest message to be sent.", [(at, _age(one.oldest, now)) for at, one in places])
    pauses = [(labels, -_age(one.paused_until, now) if one.paused_until else 0.0) for labels, one in places]
    out.add("chatloom_channel_paused_seconds", "For how long a channel still wants to be left alone.", pauses)
    count, quantiles = recent
    out.add("chatloom_turns_last_minute", "Turns taken in the last 60 seconds.", [({}, count)])
    milliseconds = [({"quantile": name}, value) for name, value in zip(_QUANTILES, quantiles, strict=False)]
    out.add("chatloom_turn_milliseconds", "What those turns took in the runtime.", milliseconds)
    out.add("chatloom_turns_waiting", "Turns that wait in the process that answers.", [({}, waiting)])
    refused = [({"kind": what[1], "reason": what[2]}, number) for what, number in sorted(counted.items()) if what[0] == "webhook"]
    out.add("chatloom_webhooks_rejected_total", "Webhooks that were not taken.", refused, "counter")
    stopped = [({"kind": what[1], "reason": what[2]}, number) for what, number in sorted(counted.items()) if what[0] == "processing"]
    out.add("chatloom_messages_refused_total", "Messages that a processing stage did not let through.", stopped, "counter")
    idle = counted.get(("job", "nothing_to_do"), 0)
    out.add("chatloom_jobs_without_work_total", "Jobs whose work was gone or not theirs to do.", [({}, idle)], "counter")
    return out.text()


def _age(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else round((now - since).total_seconds(), 3)


async def _waits(conn: AsyncConnection, tenant_id: UUID) -> Sequence[QueueFigure]:
    rows = await conn.execute(_WAITS, {"tenant_id": tenant_id, "now": clock.now()})
    return [QueueFigure(*row) for row in rows]


async def _recent_turns(conn: AsyncConnection, tenant_id: UUID) -> tuple[int, Sequence[float]]:
    row = (await conn.execute(_TURNS, {"tenant_id": tenant_id, "since": clock.now() - timedelta(seconds=60)})).one()
    return row.turns, row.ms or ()


handlers = [show_metrics]
