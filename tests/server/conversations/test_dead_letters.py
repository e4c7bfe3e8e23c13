"""What could not be finished can be seen, tried again and dropped."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from litestar import Litestar
from redis.asyncio import Redis
from sqlalchemy import insert, select, update

from server.conversations.outbox import pause_channel
from server.conversations.tables import inbox, outbox
from server.kit import clock
from server.kit.db import Database
from server.kit.ids import uuid7
from server.kit.jobs import WAITING
from server.kit.tables import jobs
from tests.conftest import Workspace
from tests.server.conversations.outboxes import open_conversation, outbox_rows
from tests.server.turns.bots import ECHO, Bot, publish
from tests.server.turns.test_poison import arrive, message

LETTERS = "/api/v1/dead-letters"


@pytest.fixture
async def bot(db: Database, owner: Workspace) -> Bot:
    """A bot of the owner's workspace behind a webhook."""
    return await publish(db, ECHO, kind="webhook", settings={"url": "http://unused"}, tenant_id=owner.tenant_id)


async def letters(owner: Workspace, **query: Any) -> list[dict[str, Any]]:
    answer = (await owner.client.get(LETTERS, params=query)).raise_for_status().json()
    found: list[dict[str, Any]] = answer["data"]
    return found


async def break_message(db: Database, bot: Bot, app: Litestar, status: str = "dead") -> UUID:
    """A conversation whose first answer was not taken by the channel."""
    accepted = await arrive(db, bot, str(uuid7()), "ada", message("hello"))
    await app.state.turns.drain(bot.tenant_id, accepted.conversation_id)
    async with db.tenant(bot.tenant_id) as conn:
        broken = {"status": status, "error": "The other side answered 410.", "attempts": 8}
        await conn.execute(update(outbox).where(outbox.c.conversation_id == accepted.conversation_id).values(**broken))
    return accepted.conversation_id


async def status_of(db: Database, bot: Bot, table: Any) -> list[tuple[str, int]]:
    async with db.tenant(bot.tenant_id) as conn:
        return [(row.status, row.attempts) for row in await conn.execute(select(table.c.status, table.c.attempts))]


class TestMessages:
    async def test_is_listed_with_its_reason(self, db: Database, owner: Workspace, bot: Bot, app: Litestar) -> None:
        conversation_id = await break_message(db, bot, app)
        letter = (await letters(owner))[0]
        assert (letter["kind"], letter["status"], letter["reason"]) == ("outbox", "dead", "The other side answered 410.")
        assert letter["conversation_id"] == str(conversation_id)
        assert await letters(owner, kind="job") == []

    async def test_is_sent_when_it_is_tried_again(self, db: Database, owner: Workspace, bot: Bot, app: Litestar) -> None:
        await break_message(db, bot, app)
        letter = (await letters(owner))[0]
        answer = await owner.client.post(f"{LETTERS}/{letter['id']}/replay")
        assert (answer.status_code, answer.json()) == (202, {"replayed": 1})
        assert letter not in await letters(owner)
        assert ("pending", 0) in await status_of(db, bot, outbox)

    async def test_is_dropped_for_good(self, db: Database, owner: Workspace, bot: Bot, app: Litestar) -> None:
        await break_message(db, bot, app)
        letter = (await letters(owner))[0]
        assert (await owner.client.delete(f"{LETTERS}/{letter['id']}")).status_code == 204
        assert letter not in await letters(owner)
        again = await owner.client.delete(f"{LETTERS}/{letter['id']}")
        assert (again.status_code, again.json()["type"]) == (404, "urn:chatloom:not_found")

    async def test_one_that_may_have_arrived_is_left_out_of_trying_all(
        self, db: Database, owner: Workspace, bot: Bot, app: Litestar
    ) -> None:
        await break_message(db, bot, app, "maybe")
        await break_message(db, bot, app)
        uncertain = [letter for letter in await letters(owner) if letter["status"] == "maybe"]
        answer = await owner.client.post(f"{LETTERS}/replay", params={"kind": "outbox"})
        assert answer.json()["replayed"] > 0
        assert await letters(owner) == uncertain


class TestMany:
    async def test_those_named_are_tried_again_even_if_they_may_have_arrived(
        self, db: Database, owner: Workspace, bot: Bot, app: Litestar
    ) -> None:
        await break_message(db, bot, app, "maybe")
        await break_message(db, bot, app)
        uncertain, *others = sorted(await letters(owner), key=lambda letter: letter["status"] != "maybe")
        answer = await owner.client.post(f"{LETTERS}/replay", params={"letter": [uncertain["id"], uncertain["id"]]})
        assert answer.json() == {"replayed": 1}
        assert {letter["id"] for letter in await letters(owner)} == {letter["id"] for letter in others}

    async def test_all_or_some_are_dropped(self, db: Database, owner: Workspace, bot: Bot, app: Litestar) -> None:
        await break_message(db, bot, app)
        await break_message(db, bot, app, "maybe")
        before = await letters(owner)
        answer = await owner.client.delete(LETTERS, params={"letter": [before[0]["id"]]})
        assert (answer.status_code, answer.json()) == (200, {"dropped": 1})
        assert (await owner.client.delete(LETTERS, params={"kind": "outbox"})).json() == {"dropped": len(before) - 1}
        assert await letters(owner) == []

    async def test_ids_that_are_none_of_ours_are_not_found(self, owner: Workspace) -> None:
        assert (await owner.client.delete(LETTERS, params={"letter": ["nonsense"]})).status_code == 404
        assert (await owner.client.delete(LETTERS, params={"letter": [f"job:{UUID(int=1)}"]})).json() == {"dropped": 0}

    async def test_the_page_drops_what_is_ticked(self, db: Database, owner: Workspace, bot: Bot, app: Litestar) -> None:
        await break_message(db, bot, app)
        first, *rest = await letters(owner)
        page = "/conversations/dead-letters"
        assert (await owner.client.post(f"{page}/removal", data={"letter": first["id"]})).status_code < 400
        assert {letter["id"] for letter in await letters(owner)} == {letter["id"] for letter in rest}
        assert (await owner.client.post(f"{page}/removal", data={})).status_code == 422
        assert (await owner.client.post(f"{page}/removal", data={"all": "true"})).status_code < 400
        assert await letters(owner) == []


class TestInputs:
    async def test_a_failed_turn_is_taken_again(self, db: Database, owner: Workspace, bot: Bot, app: Litestar) -> None:
        accepted = await arrive(db, bot, "m0", "ada", message("hello"))
        async with db.tenant(bot.tenant_id) as conn:
            await conn.execute(update(inbox).values(status="dead", error="the turn failed", attempts=3))
        letter = (await letters(owner, kind="inbox"))[0]
        assert (letter["what"], letter["reason"]) == ("message", "the turn failed")
        (await owner.client.post(f"{LETTERS}/{letter['id']}/replay")).raise_for_status()
        await app.state.turns.drain(bot.tenant_id, accepted.conversation_id)
        assert await status_of(db, bot, inbox) == [("processed", 1)]

    async def test_a_dropped_one_stays_unanswered(self, db: Database, owner: Workspace, bot: Bot) -> None:
        await arrive(db, bot, "m0", "ada", message("hello"))
        async with db.tenant(bot.tenant_id) as conn:
            await conn.execute(update(inbox).values(status="dead", error="the turn failed"))
        letter = (await letters(owner))[0]
        (await owner.client.delete(f"{LETTERS}/{letter['id']}")).raise_for_status()
        assert [status for status, _ in await status_of(db, bot, inbox)] == ["ignored"]


class TestJobs:
    @pytest.fixture
    async def job_id(self, db: Database, owner: Workspace) -> UUID:
        job_id = uuid7()
        async with db.tenant(owner.tenant_id) as conn:
            dead = {"tenant_id": owner.tenant_id, "id": job_id, "name": "flows.train", "args": {}, "status": "dead", "error": "no memory"}
            await conn.execute(insert(jobs).values(**dead, attempts=3, finished_at=clock.now()))
        return job_id

    async def test_waits_again_and_is_rung_for(self, db: Database, owner: Workspace, bot: Bot, job_id: UUID, app: Litestar) -> None:
        (await owner.client.post(f"{LETTERS}/job:{job_id}/replay")).raise_for_status()
        assert await status_of(db, bot, jobs) == [("pending", 0)]
        redis: Redis = app.state.redis
        assert any(str(job_id) in str(ring) for ring in await redis.lrange(WAITING, 0, -1))

    async def test_is_dropped(self, db: Database, owner: Workspace, bot: Bot, job_id: UUID) -> None:
        (await owner.client.delete(f"{LETTERS}/job:{job_id}")).raise_for_status()
        assert await status_of(db, bot, jobs) == [("dropped", 3)]


class TestList:
    async def test_is_paged_without_gaps(self, db: Database, owner: Workspace, bot: Bot, app: Litestar) -> None:
        for _ in range(3):
            await break_message(db, bot, app)
        whole = [letter["id"] for letter in await letters(owner)]
        assert len(whole) > 3
        pages: list[str] = []
        cursor: str | None = None
        while True:
            query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
            answer = (await owner.client.get(LETTERS, params=query)).json()
            pages += [letter["id"] for letter in answer["data"]]
            if (cursor := answer["next"]) is None:
                break
        assert pages == whole

    @pytest.mark.parametrize("bad", ["nonsense", "outbox:1", "job:x", "inbox:", f"outbox:{UUID(int=1)}", f"job:{UUID(int=1)}"])
    async def test_an_id_that_is_none_of_ours_is_not_found(self, owner: Workspace, bad: str) -> None:
        assert (await owner.client.post(f"{LETTERS}/{bad}/replay")).status_code == 404

    async def test_an_unknown_kind_and_a_damaged_cursor_are_refused(self, owner: Workspace) -> None:
        assert (await owner.client.get(LETTERS, params={"kind": "letters"})).status_code == 422
        assert (await owner.client.get(LETTERS, params={"cursor": "%%"})).status_code == 422


class TestPage:
    async def test_shows_what_to_do_and_leads_to_the_conversation(self, db: Database, owner: Workspace, bot: Bot, app: Litestar) -> None:
        conversation_id = await break_message(db, bot, app, "maybe")
        page = (await owner.client.get("/conversations/dead-letters", headers={"accept": "text/html"})).text
        assert f"/conversations/{conversation_id}" in page
        assert "May have arrived" in page
        assert "The customer may read it twice." in page
        assert "Dead letters (" in (await owner.client.get("/conversations", headers={"accept": "text/html"})).text

    async def test_shows_what_is_on_its_way_and_sends_to_a_paused_channel_again(
        self, db: Database, owner: Workspace, bot: Bot, app: Litestar
    ) -> None:
        conversation_id = await open_conversation(db, bot, "hello")
        async with db.tenant(bot.tenant_id) as conn:
            later = clock.now() + timedelta(hours=1)
            await pause_channel(conn, bot.tenant_id, bot.channel_id, later, "Too many <b>requests</b>.")
        address = "/conversations/dead-letters"
        page = (await owner.client.get(address, headers={"accept": "text/html"})).text
        assert "Too many &lt;b&gt;requests&lt;/b&gt;." in page
        assert (await owner.client.post(f"{address}/pauses/{bot.channel_id}/removal", data={"_csrf": ""})).status_code < 400
        assert [row.due_at <= clock.now() for row in await outbox_rows(db, bot)] == [True]
        rung = [ring.decode() for ring in await app.state.redis.lrange("doorbell", 0, -1)]
        assert f"{bot.tenant_id}:{conversation_id}" in rung
        again = await owner.client.post(f"{address}/pauses/{bot.channel_id}/removal", data={"_csrf": ""})
        assert again.status_code == 404

    async def test_says_so_when_there_are_none(self, owner: Workspace) -> None:
        page = (await owner.client.get("/conversations/dead-letters", headers={"accept": "text/html"})).text
        assert "Everything was delivered" in page
