"""A person starts from a template and talks to the bot at once."""

import pytest
from playwright.async_api import Page, expect

from tests.e2e.drawing import Canvas

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


async def test_from_an_empty_workspace_to_a_talking_bot(page: Page) -> None:
    await page.goto("/flows")
    card = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="Tell the order status"))
    await card.get_by_text("What it does and needs").click()
    await expect(card).to_contain_text("The address of your shop's order lookup")
    await card.get_by_role("button", name="Use it: Tell the order status").click()
    await Canvas(page).ready()
    await page.get_by_role("tab", name="Test").click()
    await expect(page.locator("#test chatloom-widget")).to_contain_text("What is your order number?")
    await page.goto("/flows")
    await expect(page.get_by_role("link", name="Tell the order status")).to_be_visible()


async def test_the_gallery_by_keyboard(page: Page) -> None:
    await page.goto("/flows/templates")
    await page.get_by_role("button", name="Use it: Ask for opinions").focus()
    await page.keyboard.press("Enter")
    await Canvas(page).ready()
    await expect(page.get_by_role("button", name="Publish").first).to_be_visible()
