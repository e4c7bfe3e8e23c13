"""The workspace's figures as Prometheus reads them."""

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
from litestar import Litestar
from sqlalchemy import update

from server.conversations.figures import ChannelQueue, QueueFigure
from server.conversations.outbox import pause_channel
from server.conversations.tables import outbox
from server.kit import clock
from server.kit.db import Database
from server.turns.metrics import exposition
from tests.conftest import Workspace
from tests.server.conversations.outboxes import open_conversation
from tests.server.turns.bots import ECHO, publish
from tests.server.turns.talk import say

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SAMPLE = re.compile(r'[a-z_]+(\{[a-z]+="(\\.|[^"\\\n])*"(,[a-z]+="(\\.|[^"\\\n])*")*\})? -?[0-9.e+]+')
METRICS = "/api/v2/chat/metrics"


def test_every_figure_is_explained_and_every_sample_can_be_read() -> None:
    queues = [QueueFigure("inbox", "pending", 3, NOON - timedelta(seconds=90)), QueueFigure("timers", "due", 0, None)]
    until = NOON + timedelta(seconds=30)
    channel = ChannelQueue(UUID(int=1), "Shop", 'odd"\\\n', 5, 1, 0, 2, NOON - timedelta(hours=1), until, "slow down")
    page = exposition(
        queues, [channel], (120, (1.5, 9.25, 40.0)), {("webhook", "slack", "not_proven"): 7, ("job", "nothing_to_do"): 3}, 4, NOON
    )
    lines = page.splitlines()
    samples = [line for line in lines if not line.startswith("#")]
    assert all(SAMPLE.fullmatch(line) for line in samples), samples
    named = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    assert {re.split(r"[ {]", line)[0] for line in samples} <= named
    assert 'chatloom_queue_oldest_seconds{queue="inbox",status="pending"} 90' in lines
    assert 'chatloom_webhooks_rejected_total{kind="slack",reason="not_proven"} 7' in lines
    assert 'chatloom_turn_milliseconds{quantile="0.95"} 9.25' in lines
    assert "chatloom_jobs_without_work_total 3" in lines
    odd = '{channel="00000000-0000-0000-0000-000000000001",kind="odd\\"\\\\\\n"'
    assert f"chatloom_channel_paused_seconds{odd}}} 30" in lines
    assert f'chatloom_outbox_rows{odd},status="dead"}} 2' in lines


async def test_tells_of_this_workspace_alone(
    app: Litestar, client: httpx.AsyncClient, db: Database, owner: Workspace, other_owner: Workspace
) -> None:
    bot = await publish(db, ECHO, tenant_id=owner.tenant_id)
    await say(client, bot, await say(client, bot, start=True), text="Ada")
    hook = await publish(db, ECHO, tenant_id=owner.tenant_id, kind="webhook")
    await open_conversation(db, hook, "one", "two", "three")
    async with db.tenant(owner.tenant_id) as conn:
        await conn.execute(update(outbox).where(outbox.c.seq == 1).values(status="maybe"))
        await pause_channel(conn, owner.tenant_id, hook.channel_id, clock.now() + timedelta(minutes=5), "slow down")
    assert (await client.post(f"/hooks/webhook/{hook.channel_id}", content=b"{}")).status_code == 503
    answer = await owner.client.get(METRICS)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    lines = answer.text.splitlines()
    place = f'channel="{hook.channel_id}",kind="webhook"'
    assert f'chatloom_outbox_rows{{{place},status="pending"}} 2' in lines
    assert f'chatloom_outbox_rows{{{place},status="maybe"}} 1' in lines
    assert "chatloom_turns_last_minute 2" in lines
    assert 'chatloom_webhooks_rejected_total{kind="webhook",reason="channel_not_ready"} 1' in lines
    others = (await other_owner.client.get(METRICS)).text
    assert str(hook.channel_id) not in others
    assert "chatloom_turns_last_minute 0" in others.splitlines()
