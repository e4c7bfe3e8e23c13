"""Every page of flows and of customers: no violation of WCAG, light and dark, wide and on a phone; nothing wider than the screen."""

import re
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect

from server.analytics.ingest import roll_up
from tests.e2e.conftest import Person, Served
from tests.e2e.drawing import Canvas
from tests.e2e.flows import document, edge, import_flow, order_help, step
from tests.server.turns.bots import ECHO, publish
from tests.server.turns.talk import say

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
STILL = """() => {
  const inside = [...document.querySelectorAll("chatloom-widget")].map((widget) => widget.shadowRoot ?? document);
  const endless = (one) => one.effect.getComputedTiming().endTime === Infinity;
  return ![document, ...inside].some((root) => root.getAnimations().some((one) => one.playState === "running" && !endless(one)));
}"""
PHONE = {"width": 360, "height": 740}
DESK = {"width": 1600, "height": 900}


async def violations(page: Page, *only: str) -> list[str]:
    """What axe finds on the page as it is now; `only` names the rules to look at, else all of WCAG's and the best practices."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE.read_text())
    await page.wait_for_function(STILL)
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    rules = {"type": "rule", "values": list(only)} if only else {"type": "tag", "values": tags}
    found: dict[str, Any] = await page.evaluate("rules => axe.run({runOnly: rules, resultTypes: ['violations']})", rules)
    return [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found["violations"] for node in one["nodes"]]


async def check(page: Page, open_it: Callable[[], Awaitable[None]]) -> None:
    """The page wide and narrow, in the light theme and in the dark one, where only the colours differ."""
    for size in (DESK, PHONE):
        await page.emulate_media(color_scheme="light")
        await page.set_viewport_size(size)  # type: ignore[arg-type]
        await open_it()
        assert await violations(page) == [], size
        assert await page.evaluate("document.scrollingElement.scrollWidth <= innerWidth"), size
        await page.emulate_media(color_scheme="dark")
        await expect(page.locator("html")).to_have_class(re.compile(r"\bdark\b"))
        assert await violations(page, "color-contrast") == [], ("dark", size)


async def test_home_and_the_list_of_flows(page: Page) -> None:
    await check(page, lambda: go(page, "/"))
    await check(page, lambda: go(page, "/flows"))
    await check(page, lambda: go(page, "/flows/templates"))
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

    for open_it in (form, problems, test, publish):
        await check(page, open_it)


async def test_the_dialog_about_the_flow(page: Page) -> None:
    flow = await import_flow(page, spoken())

    async def opened(tab: str) -> None:
        await page.goto(f"/flows/{flow}")
        await Canvas(page).ready()
        await page.locator("#flow-open").click()
        await page.get_by_role("tab", name=tab).click()
        await expect(page.locator("#flow-area [role=tabpanel]:not([hidden]) form")).not_to_have_count(0)
        await page.evaluate("document.querySelectorAll('#flow-area details').forEach(one => { one.open = true })")

    async def triggers() -> None:
        await opened("Triggers")
        await page.get_by_role("button", name="At a certain time Every").click()
        await expect(page.locator("#new-trigger-form")).to_be_visible()

    for open_it in (partial(opened, "General"), partial(opened, "Variables"), triggers, partial(opened, "Languages")):
        await check(page, open_it)
    await check(page, partial(opened, "Inputs and outputs"))


async def test_a_step_in_two_languages_and_its_failures(page: Page) -> None:
    flow = await import_flow(page, spoken())

    async def own() -> None:
        await page.goto(f"/flows/{flow}#lookup")
        await Canvas(page).ready()
        await page.get_by_text("If something goes wrong").click()
        await expect(page.get_by_label("Time limit in seconds")).to_be_visible()

    async def german() -> None:
        await page.goto(f"/flows/{flow}#number")
        await Canvas(page).ready()
        await page.get_by_role("tab", name="German").click()
        await expect(page.get_by_role("textbox", name="Translation")).to_have_count(1)

    for open_it in (own, german):
        await check(page, open_it)


async def test_versions_the_published_dialog_and_where_the_flow_is_live(page: Page) -> None:
    flow = await import_flow(page, talk())

    async def published() -> None:
        await page.goto(f"/flows/{flow}")
        await Canvas(page).ready()
        await page.locator("#publish-open").click()
        await page.get_by_role("button", name=re.compile("^Publish version")).click()
        await expect(page.locator("#publish-body")).to_contain_text("is live")

    async def versions() -> None:
        await page.goto(f"/flows/{flow}")
        await Canvas(page).ready()
        await page.get_by_role("tab", name="Versions").click()
        await expect(page.locator("#versions")).to_contain_text("Version 1")

    async def live() -> None:
        await page.goto(f"/flows/{flow}")
        await Canvas(page).ready()
        badge = page.get_by_role("button", name=re.compile("where customers reach it"))
        if await badge.is_visible():  # a phone has no room for it
            await badge.click()
            await expect(page.locator("#live-menu")).to_contain_text("/w/")

    for open_it in (published, versions, live):
        await check(page, open_it)


async def test_the_import_dialogs(page: Page) -> None:
    flow = await import_flow(page, order_help())
    data = {"name": "intents.csv", "mimeType": "text/csv", "buffer": b"text,intent\nwhere is it,track\nmy parcel,track\n,track\n"}

    async def examples() -> None:
        await page.goto(f"/flows/{flow}/intents")
        await page.get_by_role("button", name="Import CSV").click()
        await page.get_by_label("File").set_input_files([data])  # type: ignore[list-item]
        await expect(page.locator("#import-preview")).to_contain_text("Import 2 examples")

    async def flows() -> None:
        await page.goto("/flows")
        await page.get_by_role("button", name="Import").first.click()
        await expect(page.locator("#import-flow h2")).to_be_visible()

    for open_it in (examples, flows):
        await check(page, open_it)


def spoken() -> dict[str, Any]:
    """The flow for orders in two languages, with variables and triggers."""
    bundle = order_help()
    bundle["schema_version"] = 2
    bundle["languages"] = {"default": "en", "others": ["de"], "texts": {"de": {"What is your order number?": "Ihre Bestellnummer?"}}}
    bundle["variables"] = {
        "order_id": {"type": "text", "scope": "conversation", "personal": True},
        "sizes": {"type": "list", "scope": "bot", "default": ["S", "M"]},
    }
    bundle["triggers"] += [
        {"id": "t-1", "type": "keyword", "node": "billing", "words": ["bill", "invoice"], "match": "contains"},
        {"id": "t-2", "type": "schedule", "node": "welcome", "cron": "0 9 * * 1-5"},
    ]
    return bundle


def talk() -> dict[str, Any]:
    """A flow that can be published."""
    nodes = {"hello": step("send_message", "Hello", 0, 0, text="Hello!"), "bye": step("end", "Bye", 1, 0, text="Bye!")}
    return document("Talk", nodes, {"e": edge("hello", "next", "bye")}, "hello")


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


async def test_customers_and_what_was_said(page: Page, served: Served, person: Person) -> None:
    bot = await publish(served.app.state.db, ECHO, person.tenant_id)
    async with httpx.AsyncClient(base_url=served.url) as client:
        known = {"id": "web-1", "name": "Grace Hopper", "attributes": {"plan": "gold", "orders": 3, "vip": True}}
        first = await say(client, bot, start=True, contact=known)
        await say(client, bot, first, text="My parcel from Zürich has not come yet")
        await say(client, bot, start=True, contact={"id": "shop-1", "name": "Grace H."})
    while await roll_up(served.app.state.db, person.tenant_id):
        pass
    await check(page, lambda: go(page, "/conversations?q=parcel+zurich"))
    await expect(page.locator("mark:visible")).to_have_text(["parcel", "Zürich"])
    await check(page, lambda: go(page, "/conversations/contacts"))
    await page.get_by_role("link", name="Grace Hopper").click()
    await page.get_by_label("Name of variable 4").fill("city")
    await page.get_by_label("Value of variable 4").fill("Bern")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_label("Name of variable 5")).to_be_visible()
    await page.get_by_placeholder("Search names and addresses").fill("grace h.")
    await page.get_by_role("button", name="Search").click()
    await page.get_by_role("button", name="Merge with Grace H.").click()
    await page.locator("#confirm").get_by_role("button", name="Merge").click()
    await expect(page.get_by_role("button", name="Part from Grace H.")).to_be_visible()
    address = page.url
    await check(page, lambda: go(page, address))
