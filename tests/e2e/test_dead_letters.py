"""Somebody looks at what could not be finished, tries a message again and drops a job."""

from datetime import timedelta
from uuid import UUID

import pytest
from playwright.async_api import Page, expect
from sqlalchemy import insert, update

from server.conversations.outbox import pause_channel
from server.conversations.tables import outbox
from server.kit import clock
from server.kit.ids import uuid7
from server.kit.tables import jobs
from tests.e2e.conftest import Person, Served
from tests.e2e.test_pages_axe import check
from tests.server.conversations.outboxes import open_conversation
from tests.server.turns.bots import ECHO, publish
from tests.server.turns.test_poison import arrive, message

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

ADDRESS = "/conversations/dead-letters"


async def break_things(served: Served, tenant_id: UUID) -> UUID:
    """A message that may have arrived, and a job that failed, in the workspace of the signed-in person."""
    state = served.app.state
    bot = await publish(state.db, ECHO, tenant_id, kind="webhook", settings={"url": "http://unused"})
    accepted = await arrive(state.db, bot, "m1", "ada", message("hello"))
    await state.turns.drain(tenant_id, accepted.conversation_id)
    reason = {"error": "The other side did not answer in time.", "attempts": 8, "due_at": clock.now()}
    dead = {"tenant_id": tenant_id, "id": uuid7(), "name": "flows.train", "args": {}, "status": "dead", "error": "No memory left."}
    async with state.db.tenant(tenant_id) as conn:
        await conn.execute(update(outbox).values(status="maybe", **reason))
        await conn.execute(insert(jobs).values(**dead, attempts=3, finished_at=clock.now()))
    await open_conversation(state.db, bot, "on its way")
    async with state.db.tenant(tenant_id) as conn:
        until = clock.now() + timedelta(minutes=20)
        await pause_channel(conn, tenant_id, bot.channel_id, until, "The other side answered 429.")
    return tenant_id


async def test_trying_again_and_dropping_ask_first_where_it_matters(page: Page, served: Served, person: Person) -> None:
    await break_things(served, person.tenant_id)
    await page.goto("/conversations")
    await page.get_by_role("link", name="Dead letters (").click()
    rows = page.get_by_role("region", name="Dead letters").locator("tbody tr")
    number = await rows.count()
    await expect(page.get_by_text("May have arrived").first).to_be_visible()
    job = rows.filter(has_text="No memory left.")
    await job.get_by_role("button", name="Drop").click()
    await page.locator("#confirm").get_by_role("button", name="Drop").click()
    await expect(rows).to_have_count(number - 1)
    await rows.first.get_by_role("button", name="Try again").click()
    await expect(page.locator("#confirm")).to_contain_text("The customer may read it twice.")
    await page.locator("#confirm").get_by_role("button", name="Cancel").click()
    await expect(rows).to_have_count(number - 1)
    await rows.first.get_by_role("checkbox").check()
    await page.get_by_role("button", name="Drop ticked").click()
    await page.locator("#confirm").get_by_role("button", name="Drop").click()
    await expect(rows).to_have_count(number - 2)
    await page.get_by_role("button", name="Send now to Test").click()
    await page.locator("#confirm").get_by_role("button", name="Send now").click()
    await expect(page.get_by_text("Paused")).to_have_count(0)
    await page.get_by_label("Kind").select_option("Background work")
    await page.get_by_role("button", name="Show").click()
    await expect(page.get_by_text("None of this kind")).to_be_visible()


async def test_the_page_is_open_to_everybody(page: Page, served: Served, person: Person) -> None:
    async def shown() -> None:
        await page.goto(ADDRESS)

    await check(page, shown)
    await break_things(served, person.tenant_id)
    await check(page, shown)
