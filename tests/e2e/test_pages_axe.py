"""Every page of flows: no violation of WCAG, light and dark, wide and on a phone; nothing wider than the screen."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.e2e.drawing import Canvas
from tests.e2e.flows import import_flow, order_help

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
PHONE = {"width": 360, "height": 740}
DESK = {"width": 1600, "height": 900}


async def violations(page: Page) -> list[str]:
    """What axe finds on the page as it is now."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE.read_text())
    await page.wait_for_timeout(250)  # transitions of colours
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found: dict[str, Any] = await page.evaluate("rules => axe.run({runOnly: rules})", rules)
    return [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found["violations"] for node in one["nodes"]]


async def check(page: Page, open_it: Callable[[], Awaitable[None]]) -> None:
    """The page in both themes, wide and narrow."""
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        for size in (DESK, PHONE):
            await page.set_viewport_size(size)  # type: ignore[arg-type]
            await open_it()
            assert await violations(page) == [], (scheme, size)
            assert await page.evaluate("document.scrollingElement.scrollWidth <= innerWidth"), (scheme, size)


async def test_home_and_the_list_of_flows(page: Page) -> None:
    await check(page, lambda: go(page, "/"))
    await check(page, lambda: go(page, "/flows"))
    await import_flow(page, order_help())
    await check(page, lambda: go(page, "/flows"))

    async def dialog() -> None:
        await go(page, "/flows")
        await page.get_by_role("button", name="New flow").first.click()

    await check(page, dialog)


async def go(page: Page, address: str) -> None:
    await page.goto(address)


async def test_the_editor_with_each_panel(page: Page) -> None:
    flow = await import_flow(page, order_help())

    async def canvas() -> Canvas:
        await page.goto(f"/flows/{flow}")
        return await Canvas(page).ready()

    async def form() -> None:
        await canvas()
        await page.locator("#need").focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("#node-form")).to_be_visible()

    async def problems() -> None:
        await canvas()
        await page.get_by_role("tab", name="Problems").click()

    async def test() -> None:
        await canvas()
        await page.get_by_role("tab", name="Test").click()
        await expect(page.locator("#test chatloom-widget")).to_contain_text("What can I help you with today?")
        await expect(page.locator("#trace")).to_have_count(1)

    async def publish() -> None:
        await canvas()
        await page.locator("#publish-open").click()
        await expect(page.locator("#publish-body")).to_contain_text("What changed?")

    async def about() -> None:
        await canvas()
        await page.locator("#flow-name").click()
        await page.get_by_role("button", name="Add variable").click()

    for open_it in (form, problems, test, publish, about):
        await check(page, open_it)


async def test_the_list_view_and_the_intents(page: Page) -> None:
    intents = {"track": {"examples": ["where is it", "my parcel"]}, "refund": {"examples": ["money back"]}}
    flow = await import_flow(page, {**order_help(), "intents": intents})
    await check(page, lambda: go(page, f"/flows/{flow}/outline"))
    await check(page, lambda: go(page, f"/flows/{flow}/intents"))

    async def dialog() -> None:
        await go(page, f"/flows/{flow}/intents")
        await page.get_by_role("button", name="Edit track").click()
        await expect(page.locator("#intent-form").get_by_label("Name")).to_be_visible()

    await check(page, dialog)
