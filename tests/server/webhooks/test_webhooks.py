"""Telling other systems of events: who is told, what, signed how, how often, and what happens when they do not listen."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from litestar import Litestar
from sqlalchemy import func, select, text, update

import server.webhooks.jobs  # noqa: F401  it registers the job
from server.events.read import read_all
from server.kit import clock
from server.kit.db import Database
from server.kit.jobs import Resources, run_job
from server.kit.settings import Settings
from server.kit.tables import events, jobs
from server.webhooks.deliver import PAUSES, attempt_delivery
from server.webhooks.fan_out import forget_deliveries, reader
from server.webhooks.limits import AT_ONCE, under_way
from server.webhooks.tables import webhook_attempts, webhook_deliveries, webhooks
from tests.conftest import Workspace
from tests.server.events.logs import log, log_messages
from tests.server.webhooks.receivers import Receiver

ROUTE = "/api/v1/webhooks"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        yield server


@pytest.fixture
async def settings(settings: Settings, receiver: Receiver) -> Settings:
    """Settings that let webhooks reach the receiver."""
    return replace(settings, outbound_allow=frozenset({receiver.host}))


@dataclass
class Time:
    """The time as the server sees it; `pass_by` lets some go."""

    ahead: timedelta = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def pass_by(self, pause: timedelta) -> None:
        self.ahead += pause


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """A clock that can be put forward."""
    given = Time()
    monkeypatch.setattr(clock, "now", given.now)
    return given


@dataclass
class Told:
    """A workspace with one webhook, and its worker."""

    owner: Workspace
    db: Database
    resources: Resources
    id: str

    @property
    def address(self) -> str:
        return f"{ROUTE}/{self.id}"

    async def work(self) -> None:
        """What the runner and a worker do once: read the log, do the jobs that are due."""
        await read_all(self.db, reader)
        due = select(jobs.c.id).where(jobs.c.status == "pending", jobs.c.due_at <= clock.now()).order_by(jobs.c.due_at, jobs.c.id)
        async with self.db.tenant(self.owner.tenant_id) as conn:
            found = list(await conn.scalars(due))
        for job_id in found:
            await run_job(self.resources, self.owner.tenant_id, job_id)

    async def deliveries(self, **query: str) -> list[dict[str, Any]]:
        answer = await self.owner.client.get(f"{self.address}/deliveries", params=query)
        found: list[dict[str, Any]] = answer.raise_for_status().json()["data"]
        return found

    async def attempts(self, delivery_id: str) -> list[dict[str, Any]]:
        answer = await self.owner.client.get(f"{self.address}/deliveries/{delivery_id}/attempts")
        found: list[dict[str, Any]] = answer.raise_for_status().json()["data"]
        return found

    async def view(self) -> dict[str, Any]:
        answer: dict[str, Any] = (await self.owner.client.get(self.address)).raise_for_status().json()
        return answer


@pytest.fixture
async def told(owner: Workspace, app: Litestar, receiver: Receiver) -> Told:
    state = app.state
    made = await owner.client.post(ROUTE, json={"name": "Warehouse", "url": f"{receiver.url}/events"})
    opened = made.raise_for_status().json()
    receiver.secret = opened["secret"]
    resources = Resources(state.settings, state.db, state.redis, state.live, state.vault, state.http)
    return Told(owner, state.db, resources, opened["webhook"]["id"])


class TestTelling:
    async def test_each_event_is_told_once_signed_and_in_its_shape(self, told: Told, receiver: Receiver) -> None:
        await log_messages(told.db, told.owner.tenant_id, 1, 2)
        await told.work()
        await told.work()
        assert [body["data"]["seq"] for _, body in receiver.got] == [1, 2]
        (delivery, body) = receiver.got[0]
        assert body["type"] == "message.sent"
        assert body["data"]["turn"] == body["data"]["version"] == 1
        assert datetime.fromisoformat(body["timestamp"]) <= datetime.now(UTC)
        sent = await told.deliveries()
        assert [one["status"] for one in sent] == ["done", "done"]
        assert delivery in {one["id"] for one in sent}

    async def test_what_happened_before_it_was_there_is_not_told(self, owner: Workspace, told: Told, receiver: Receiver) -> None:
        before = datetime.now(UTC) - timedelta(minutes=5)
        async with told.db.tenant(owner.tenant_id) as conn:
            await log(conn, owner.tenant_id, "message.sent", turn=1, seq=1)
            await conn.execute(update(events).values(at=before))
        await told.work()
        assert receiver.got == []

    async def test_only_of_the_chosen_types(self, told: Told, receiver: Receiver) -> None:
        wanted = {"name": "Warehouse", "url": f"{receiver.url}/events", "event_types": ["flow.published"]}
        (await told.owner.client.put(told.address, json=wanted)).raise_for_status()
        await log_messages(told.db, told.owner.tenant_id, 1)
        async with told.db.tenant(told.owner.tenant_id) as conn:
            await log(conn, told.owner.tenant_id, "flow.published", version=3)
        await told.work()
        assert [body["type"] for _, body in receiver.got] == ["flow.published"]

    async def test_another_workspace_is_not_told(self, told: Told, other_owner: Workspace, receiver: Receiver) -> None:
        await log_messages(told.db, other_owner.tenant_id, 1)
        await told.work()
        assert receiver.got == []

    async def test_a_test_is_sent_also_while_it_is_off(self, told: Told, receiver: Receiver) -> None:
        (await told.owner.client.put(f"{told.address}/enabled", json={"enabled": False})).raise_for_status()
        answer = (await told.owner.client.post(f"{told.address}/tests")).raise_for_status().json()
        await told.work()
        assert [(key, body["type"]) for key, body in receiver.got] == [(answer["delivery_id"], "webhook.test")]

    async def test_while_it_is_off_it_is_told_nothing(self, told: Told, receiver: Receiver) -> None:
        await log_messages(told.db, told.owner.tenant_id, 1)
        await read_all(told.db, reader)
        (await told.owner.client.put(f"{told.address}/enabled", json={"enabled": False})).raise_for_status()
        await log_messages(told.db, told.owner.tenant_id, 2)
        await told.work()
        assert receiver.got == []
        assert [one["status"] for one in await told.deliveries()] == ["dead"]


class TestFailing:
    async def test_what_is_not_taken_is_sent_again_under_the_same_id(self, told: Told, receiver: Receiver, time: Time) -> None:
        receiver.statuses = [500, 429]
        await log_messages(told.db, told.owner.tenant_id, 1)
        await told.work()
        (delivery,) = await told.deliveries(status="pending")
        assert [one["status"] for one in await told.attempts(delivery["id"])] == [500]
        for pause in PAUSES[:2]:
            time.pass_by(pause)
            await told.work()
        assert [one["status"] for one in await told.attempts(delivery["id"])] == [500, 429, 200]
        assert {key for key, _ in receiver.got} == {delivery["id"]}
        assert (await told.view())["paused_until"] is None

    async def test_the_others_wait_while_one_fails(self, told: Told, receiver: Receiver, time: Time) -> None:
        receiver.statuses = [503]
        await log_messages(told.db, told.owner.tenant_id, 1)
        await told.work()
        await log_messages(told.db, told.owner.tenant_id, 2)
        await told.work()
        assert [body["data"]["seq"] for _, body in receiver.got] == [1]
        time.pass_by(PAUSES[0])
        await told.work()
        await told.work()
        assert [body["data"]["seq"] for _, body in receiver.got] == [1, 1, 2]

    async def test_after_three_days_it_is_switched_off_and_says_why(self, told: Told, receiver: Receiver, time: Time) -> None:
        assert sum(PAUSES, timedelta()) > timedelta(days=3)
        receiver.statuses = [500] * (len(PAUSES) + 1)
        await log_messages(told.db, told.owner.tenant_id, 1)
        for pause in (timedelta(0), *PAUSES):
            time.pass_by(pause)
            await told.work()
        (delivery,) = await told.deliveries(status="dead")
        assert delivery["attempts"] == len(PAUSES) + 1
        view = await told.view()
        assert (view["enabled"], view["trouble"]) == (False, "The other side took nothing for three days.")
        async with told.db.tenant(told.owner.tenant_id) as conn:
            props = await conn.scalar(select(events.c.props).where(events.c.type == "health.changed"))
        assert props == {"part": "webhook", "part_id": told.id, "status": "failing", "reason": view["trouble"]}

    async def test_an_address_that_is_gone_is_left_alone_at_once(self, told: Told, receiver: Receiver) -> None:
        receiver.statuses = [410]
        await log_messages(told.db, told.owner.tenant_id, 1)
        await told.work()
        assert (await told.view())["enabled"] is False

    async def test_a_lost_connection_is_told_in_words(self, told: Told, receiver: Receiver) -> None:
        wanted = {"name": "Warehouse", "url": "http://127.0.0.1:9/"}
        refused = await told.owner.client.put(told.address, json=wanted)
        assert refused.status_code == 422
        async with told.db.tenant(told.owner.tenant_id) as conn:
            await conn.execute(update(webhooks).values(url="https://10.0.0.1/"))
        await log_messages(told.db, told.owner.tenant_id, 1)
        await told.work()
        (delivery,) = await told.deliveries()
        (attempt,) = await told.attempts(delivery["id"])
        assert attempt["status"] is None
        assert attempt["error"]

    async def test_what_was_given_up_can_be_sent_again(self, told: Told, receiver: Receiver) -> None:
        receiver.statuses = [410]
        await log_messages(told.db, told.owner.tenant_id, 1)
        await told.work()
        (delivery,) = await told.deliveries(status="dead")
        (await told.owner.client.put(f"{told.address}/enabled", json={"enabled": True})).raise_for_status()
        (await told.owner.client.post(f"{told.address}/deliveries/{delivery['id']}/replay")).raise_for_status()
        await told.work()
        assert [one["status"] for one in await told.attempts(delivery["id"])] == [410, 200]
        assert (await told.deliveries())[0]["status"] == "done"


class TestAttempts:
    async def test_an_attempt_that_is_rung_twice_is_made_once(self, told: Told, receiver: Receiver) -> None:
        await log_messages(told.db, told.owner.tenant_id, 1)
        await told.work()
        (delivery,) = await told.deliveries()
        for attempt in (1, 2):
            await attempt_delivery(told.resources, told.owner.tenant_id, UUID(delivery["id"]), attempt)
        assert len(receiver.got) == 1

    async def test_a_delivery_that_was_removed_meanwhile_is_no_error(self, told: Told, receiver: Receiver) -> None:
        await log_messages(told.db, told.owner.tenant_id, 1)
        await read_all(told.db, reader)
        (await told.owner.client.delete(told.address)).raise_for_status()
        await told.work()
        assert receiver.got == []

    async def test_old_deliveries_are_forgotten(self, told: Told, time: Time) -> None:
        await log_messages(told.db, told.owner.tenant_id, 1)
        await told.work()
        await forget_deliveries(told.db)
        assert len(await told.deliveries()) == 1
        time.pass_by(timedelta(days=31))
        await forget_deliveries(told.db)
        async with told.db.tenant(told.owner.tenant_id) as conn:
            assert await conn.scalar(select(func.count()).select_from(webhook_deliveries)) == 0
            assert await conn.scalar(select(func.count()).select_from(webhook_attempts)) == 0


class TestLimits:
    async def test_it_is_told_at_its_rate_and_everything_once(self, told: Told, receiver: Receiver, time: Time) -> None:
        wanted = {"name": "Warehouse", "url": f"{receiver.url}/events", "per_second": 1}
        assert (await told.owner.client.put(told.address, json=wanted)).json()["per_second"] == 1
        await log_messages(told.db, told.owner.tenant_id, 1, 2, 3)
        await told.work()
        assert len(receiver.got) == 1
        assert [one["attempts"] for one in await told.deliveries(status="pending")] == [0, 0]
        time.pass_by(timedelta(seconds=5))
        await told.work()
        assert sorted(body["data"]["seq"] for _, body in receiver.got) == [1, 2, 3]

    async def test_a_slow_one_leaves_hands_free_for_others(self, told: Told, receiver: Receiver, time: Time) -> None:
        await log_messages(told.db, told.owner.tenant_id, 1)
        with ExitStack() as busy:
            for _ in range(AT_ONCE):
                assert busy.enter_context(under_way(told.owner.tenant_id, UUID(told.id))) == 0
            await told.work()
            assert receiver.got == []
        time.pass_by(timedelta(minutes=2))
        await told.work()
        assert [(one["status"], one["attempts"]) for one in await told.deliveries()] == [("done", 1)]


class TestSecrets:
    async def test_old_and_new_secret_count_for_a_day(self, told: Told, receiver: Receiver, time: Time) -> None:
        renewed = (await told.owner.client.post(f"{told.address}/secret")).raise_for_status().json()
        await log_messages(told.db, told.owner.tenant_id, 1)
        await told.work()
        old, receiver.secret = receiver.secret, renewed["secret"]
        await log_messages(told.db, told.owner.tenant_id, 2)
        await told.work()
        assert [body["type"] for _, body in receiver.got] == ["security.secret_rotated", "message.sent", "message.sent"]
        receiver.secret = old
        time.pass_by(timedelta(hours=25))
        await log_messages(told.db, told.owner.tenant_id, 3)
        await told.work()
        assert len(receiver.got) == 3

    async def test_the_secret_is_sealed_and_not_shown_again(self, told: Told, receiver: Receiver) -> None:
        assert receiver.secret not in (await told.owner.client.get(ROUTE)).text
        async with told.db.tenant(told.owner.tenant_id) as conn:
            stored = await conn.scalar(text("select webhooks::text from webhooks"))
        assert receiver.secret.removeprefix("whsec_") not in stored


class TestOpening:
    @pytest.mark.parametrize(
        ("field", "body"),
        [
            ("name", {"name": " ", "url": "https://example.com"}),
            ("url", {"name": "x", "url": "ftp://example.com"}),
            ("per_second", {"name": "x", "url": "https://example.com", "per_second": 0}),
            ("url", {"name": "x", "url": "http://169.254.169.254/latest/"}),
            ("event_types", {"name": "x", "url": "https://example.com", "event_types": ["message.lost"]}),
        ],
    )
    async def test_says_which_field_is_wrong(self, owner: Workspace, field: str, body: dict[str, Any]) -> None:
        refused = await owner.client.post(ROUTE, json=body)
        assert refused.status_code == 422
        assert list(refused.json()["fields"]) == [field]
        assert (await owner.client.get(ROUTE)).json()["data"] == []
