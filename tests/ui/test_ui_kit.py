"""The style guide in Chromium: accessible in both themes, whole on a phone, and everything on it works."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from litestar import Litestar, get
from litestar.static_files import create_static_files_router
from playwright.async_api import Browser, Page, Route, expect

from server.editor.ui_kit import handlers
from server.kit.pages import UI
from tests.ui.serving import served

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
AXE = (Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@get("/favicon.ico", status_code=204)
async def favicon() -> None:
    """Browsers ask."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def address() -> AsyncIterator[str]:
    static = create_static_files_router("/static", [UI / "static"])
    async with served(Litestar([*handlers, favicon, static], openapi_config=None)) as where:
        yield where


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser, address: str) -> AsyncIterator[Page]:
    page = await browser.new_page(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    await page.goto(f"{address}/ui-kit")
    yield page
    await page.close()
    assert complaints == []


async def violations(page: Page) -> list[Any]:
    await page.evaluate(AXE)
    found: list[Any] = await page.evaluate(
        "rules => axe.run({runOnly: rules}).then(({violations}) => violations.map(one => [one.id, one.nodes.map(node => node.html)]))",
        RULES,
    )
    return found


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/ui-kit", "/ui-kit/bare"])
@pytest.mark.parametrize("width", [1280, 360])
async def test_everybody_can_use_it(browser: Browser, address: str, theme: Any, path: str, width: int) -> None:
    page = await browser.new_page(viewport={"width": width, "height": 800}, color_scheme=theme, reduced_motion="reduce")
    await page.goto(address + path)
    assert await violations(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await page.close()


async def test_the_chosen_theme_is_kept_and_there_before_the_first_paint(page: Page) -> None:
    await page.get_by_role("button", name="Theme").click()
    await page.get_by_role("menuitemradio", name="Dark").click()
    await expect(page.locator("html")).to_have_class("dark")
    module: list[Route] = []

    async def hold(route: Route) -> None:
        module.append(route)

    await page.route("**/app-*.js", hold)
    await page.reload(wait_until="commit")
    await expect(page.locator("h1")).to_be_visible()
    await expect(page.locator("html")).to_have_class("dark")
    for route in module:
        await route.continue_()
    await page.unroute("**/app-*.js")


async def test_a_menu_opens_beside_its_button_and_moves_by_arrow_keys(page: Page) -> None:
    button = page.get_by_role("button", name="More")
    await button.focus()
    await page.keyboard.press("Enter")
    menu = page.locator("#kit-menu")
    await expect(menu.get_by_role("menuitem", name="Rename")).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await expect(menu.get_by_role("menuitem", name="Duplicate")).to_be_focused()
    above, below = await button.bounding_box(), await menu.bounding_box()
    assert above
    assert below
    assert abs(below["x"] - above["x"]) < 2
    await page.keyboard.press("Escape")
    await expect(button).to_be_focused()


async def test_tabs_move_by_arrow_keys(page: Page) -> None:
    await page.get_by_role("tab", name="Properties").focus()
    await page.keyboard.press("ArrowRight")
    await expect(page.get_by_role("tab", name="Problems")).to_be_focused()
    await expect(page.locator("#kit-two")).to_be_visible()
    await expect(page.locator("#kit-one")).to_be_hidden()


async def test_rows_are_added_moved_sorted_and_removed(page: Page) -> None:
    rows = page.locator("[data-rows] input")

    async def texts() -> list[str]:
        return [await rows.nth(at).input_value() for at in range(await rows.count())]

    await page.get_by_role("button", name="Add reply").click()
    await expect(rows.last).to_be_focused()
    await page.keyboard.type("Returns")
    assert await texts() == ["Track my order", "Billing", "Something else", "Returns"]
    await page.locator("[data-rows] > li:nth-child(2)").get_by_role("button", name="Move up").click()
    assert await texts() == ["Billing", "Track my order", "Something else", "Returns"]
    await page.locator("[data-rows] > li:nth-child(3)").get_by_role("button", name="Remove").click()
    assert await texts() == ["Billing", "Track my order", "Returns"]
    grip, goal = await page.locator(".grip").nth(2).bounding_box(), await page.locator(".grip").nth(0).bounding_box()
    assert grip
    assert goal
    await page.mouse.move(grip["x"] + 5, grip["y"] + 10)
    await page.mouse.down()
    await page.mouse.move(goal["x"] + 5, goal["y"] + 20, steps=6)
    await page.mouse.move(goal["x"] + 5, goal["y"] + 4, steps=4)
    await page.mouse.up()
    assert await texts() == ["Returns", "Billing", "Track my order"]


async def test_variables_go_in_at_the_caret_by_chip_and_by_typing(page: Page) -> None:
    message = page.locator("#f-message")
    await message.fill("Hi !")
    await message.press("ArrowLeft")
    await page.get_by_role("button", name="order_id").click()
    await expect(message).to_have_value("Hi {{ order_id }}!")
    await message.fill("")
    await page.keyboard.type("{{con")
    await expect(page.locator("#completions").get_by_role("option")).to_have_text(["contact.name", "contact.language"])
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(message).to_have_value("{{ contact.language }}")


async def test_dialogs_ask_before_something_is_lost(page: Page, address: str) -> None:
    await page.get_by_role("button", name="Ask first").click()
    dialog = page.get_by_role("dialog", name="Delete “Order help”?")
    await dialog.get_by_role("button", name="Cancel").click()
    assert page.url == f"{address}/ui-kit"
    await page.get_by_role("button", name="Ask first").click()
    await dialog.get_by_role("button", name="Delete").click()
    await page.wait_for_url(f"{address}/ui-kit?")
    await page.get_by_role("button", name="Open a dialog").click()
    assert await violations(page) == []
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_toasts_come_from_the_server_s_events(page: Page) -> None:
    await page.evaluate(
        "document.body.dispatchEvent(new CustomEvent('toast', {bubbles: true, detail: {text: 'Saved', variant: 'success'}}))"
    )
    toast = page.locator("#toasts .toast")
    await expect(toast).to_have_text("Saved")
    await toast.get_by_role("button", name="Dismiss").click()
    await expect(toast).to_have_count(0)


async def test_right_to_left_mirrors_the_page_without_breaking_it(page: Page) -> None:
    await page.evaluate("document.documentElement.dir = 'rtl'")
    nav = await page.locator(".shell-nav").bounding_box()
    assert nav
    assert nav["x"] > 900
    assert await page.evaluate("document.documentElement.scrollWidth") <= 1280
