"""Webhooks in a browser: adding one, its secret shown once, a test that fails and why, switching off, removal; both themes, on a phone."""

import pytest
from playwright.async_api import Page, expect

from server.events.bad import put_aside
from server.events.record import record
from tests.e2e.conftest import Person, Served
from tests.e2e.test_pages_axe import check, go

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

PAGE = "/settings/webhooks"


async def test_a_webhook_is_added_tried_and_removed(page: Page) -> None:
    await check(page, lambda: go(page, PAGE))
    await page.get_by_role("textbox", name="Name").fill("Warehouse")
    await page.get_by_role("textbox", name="Address").fill("http://169.254.169.254/")
    await page.get_by_role("checkbox", name="conversation.ended").check()
    await page.get_by_role("button", name="Add webhook").click()
    await expect(page.locator("[aria-invalid=true]")).to_have_count(1)
    await expect(page.get_by_role("checkbox", name="conversation.ended")).to_be_checked()
    await page.get_by_role("textbox", name="Address").fill("https://warehouse.invalid/events")
    await page.get_by_role("button", name="Add webhook").click()
    await expect(page.get_by_text("whsec_")).to_be_visible()
    await page.get_by_role("link", name="Webhooks").last.click()
    await page.get_by_role("link", name="Warehouse").click()
    await expect(page.get_by_text("whsec_")).to_have_count(0)

    await page.get_by_role("button", name="Send a test").click()
    await page.get_by_role("link", name="webhook.test").click()
    attempts = page.get_by_role("table", name="Attempts")
    while not await attempts.count():
        await page.reload()
    await expect(attempts).to_contain_text("warehouse.invalid")
    delivery = page.url
    await check(page, lambda: go(page, delivery))
    await page.get_by_role("link", name="Warehouse").click()
    await expect(page.get_by_text("The last message was not taken.")).to_be_visible()
    webhook = page.url
    await check(page, lambda: go(page, webhook))

    await page.get_by_role("button", name="Switch off").click()
    await page.locator("#confirm").get_by_role("button", name="Switch off").click()
    await expect(page.get_by_role("button", name="Switch on")).to_be_visible()
    await page.get_by_role("button", name="Remove").click()
    await page.locator("#confirm").get_by_role("button", name="Remove").click()
    await expect(page.get_by_role("heading", name="Nobody is told yet")).to_be_visible()


async def test_the_catalogue_of_events(page: Page, person: Person, served: Served) -> None:
    state = served.app.state
    tenant_id = person.tenant_id
    async with state.db.tenant(tenant_id) as conn:
        await record(conn, tenant_id, "message.failed", {"seq": 2, "reason": "<b>The number is not on WhatsApp.</b>"})
        await put_aside(conn, "webhooks", tenant_id, 1, "message.lost", "There is no type of event called message.lost.", again=False)
    await check(page, lambda: go(page, "/settings/events"))
    await page.get_by_role("link", name="message.failed").click()
    await page.locator("summary", has_text="Event").first.click()
    await expect(page.get_by_text("<b>The number is not on WhatsApp.</b>")).to_be_visible()
    address = page.url
    await check(page, lambda: go(page, address))
    await go(page, "/settings/events")
    await page.get_by_role("link", name="See why").click()
    await expect(page.get_by_text("There is no type of event called message.lost.")).to_be_visible()
    await page.get_by_role("button", name="Drop: message.lost").click()
    await page.locator("#confirm").get_by_role("button", name="Drop").click()
    await expect(page.get_by_text("message.lost")).to_have_count(0)
