"""The channels in a browser: the wizard, the live check, a rotated secret, switching off, removal; both themes, wide and on a phone."""

import pytest
from playwright.async_api import Page, expect

from tests.e2e.flows import import_flow, order_help
from tests.e2e.test_pages_axe import check, go

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


async def test_a_channel_is_added_checked_rotated_and_removed(page: Page) -> None:
    flow = await import_flow(page, order_help())
    assert flow
    await page.goto("/channels")
    await expect(page.get_by_role("heading", name="No channel yet")).to_be_visible()
    await page.get_by_role("link", name="Webhook").click()
    await expect(page.get_by_role("heading", name="New channel: Webhook")).to_be_visible()
    await page.get_by_label("Name").fill("Shop")
    await page.get_by_label("Address for the bot's messages").fill("http://127.0.0.1/")
    await page.get_by_role("button", name="Add channel").click()
    await expect(page.locator('[data-field="setting.url"] [role=alert]')).to_be_visible()
    await expect(page.get_by_label("Name")).to_have_value("Shop")
    await page.get_by_label("Address for the bot's messages").fill("https://shop.example.com/bot")
    await page.get_by_role("button", name="Add channel").click()

    await expect(page.get_by_role("heading", name="Shop")).to_be_visible()
    await page.get_by_role("button", name="Check now").click()
    await expect(page.locator("#findings")).to_contain_text("Everything is in place.")
    await page.get_by_text("Show the signing secret").click()
    await expect(page.locator("details code")).to_contain_text("whsec_")

    await page.get_by_label("Signing secret").fill("whsec_" + "A" * 40)
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Two secrets count now")).to_be_visible()
    await page.get_by_role("button", name="Forget the old one").click()
    await page.locator("#confirm").get_by_role("button", name="Forget").click()
    await expect(page.get_by_text("Two secrets count now")).to_have_count(0)

    await page.get_by_role("button", name="Switch off").click()
    await page.get_by_role("button", name="Check now").click()
    await expect(page.locator("#findings")).to_contain_text("Messages are turned away.")
    await page.get_by_role("button", name="Remove").click()
    await page.locator("#confirm").get_by_role("button", name="Remove").click()
    await expect(page.get_by_role("heading", name="No channel yet")).to_be_visible()


async def test_the_pages_in_both_themes_and_on_a_phone(page: Page) -> None:
    await check(page, lambda: go(page, "/channels/new/slack"))
    await page.goto("/channels/new/webhook")
    await page.get_by_label("Address for the bot's messages").fill("https://shop.example.com/bot")
    await page.get_by_role("button", name="Add channel").click()
    await expect(page.get_by_role("heading", name="Webhook", exact=True)).to_be_visible()
    address = page.url

    async def open_channel() -> None:
        await page.goto(address)
        await page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")

    await check(page, open_channel)
    await page.get_by_role("link", name="Choose").click()
    await page.locator("summary", has_text="Tidy the text").click()
    await page.get_by_role("switch", name="Tidy the text").check()
    await page.get_by_label("Longest text, in characters").fill("none")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator('[data-field="normalise.longest"] [role=alert]')).to_be_visible()
    address = page.url
    await check(page, open_channel)
    await page.get_by_role("switch", name="Tidy the text").check()
    await page.get_by_label("Longest text, in characters").fill("500")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("On: Tidy the text, Clean pictures.")).to_be_visible()
    await check(page, lambda: go(page, "/channels"))
