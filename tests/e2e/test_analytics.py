"""The dashboard, the conversations and a transcript in Chromium, on the sample shop's conversations."""

import asyncio
from pathlib import Path
from typing import Literal
from uuid import UUID

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Locator, Page, expect
from sqlalchemy import select

from server.analytics.ingest import events_waiting
from server.channels.tables import channels
from server.demo.seed import HISTORY_JOB, seed
from server.kit.db import Database
from server.kit.tables import jobs
from tests.e2e.conftest import Complaints, Person, Served
from tests.e2e.drawing import box, middle

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

AXE = (Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js").read_text()
SAMPLES = 30
POINTS = {
    "conversations": ("() => document.querySelector('[data-chart=conversations]').data[0].y", ".point path"),
    "intents": ("() => document.querySelector('[data-chart=intents]').data[0].x", ".point path"),
    "containment": (
        "() => document.querySelector('[data-chart=containment]').data[0].customdata.map(([contained]) => contained)",
        ".point",
    ),
}
"""By figure: the number of conversations behind each point of its first trace, and the points."""


@pytest_asyncio.fixture(loop_scope="module")
async def shop(person: Person, served: Served) -> UUID:
    """The signed-in person's workspace with the sample shop and some of its conversations, added up; its channel."""
    db: Database = served.app.state.db
    tenant_id = person.tenant_id
    await seed(db, served.app.state.settings, tenant_id, person.member_id, conversations=SAMPLES)
    done = select(jobs.c.status).where(jobs.c.name == HISTORY_JOB)
    async with asyncio.timeout(60):
        while True:
            async with db.tenant(tenant_id) as connection:
                status = await connection.scalar(done)
                channel_id: UUID | None = await connection.scalar(select(channels.c.id))
            if status == "done" and not await events_waiting(db, tenant_id):
                assert channel_id is not None
                return channel_id
            await asyncio.sleep(0.2)


async def drawn(page: Page) -> None:
    """Wait for every figure."""
    await expect(page.locator("#charts")).to_have_attribute("data-drawn", "")


def tile(page: Page, name: str) -> Locator:
    """The value on a tile."""
    return page.locator(".stat").filter(has=page.get_by_text(name, exact=True)).locator(".stat-value")


async def tab_to(page: Page, target: Locator, most: int = 60) -> None:
    """Press Tab until `target` has the focus, as somebody without a mouse does."""
    for _ in range(most):
        if await target.evaluate("element => element === document.activeElement"):
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"no way by keyboard to {target}")


async def expect_conversations(page: Page, number: int) -> None:
    """The list shows exactly so many, and says so."""
    await page.wait_for_url("**/conversations?**")
    await expect(page.locator(".filter-chips b")).to_have_text(f"{number} found")
    await expect(page.locator(".conversations tbody tr")).to_have_count(number)


async def test_every_figure_leads_to_exactly_the_conversations_behind_it(page: Page, shop: UUID, complaints: Complaints) -> None:
    for figure in POINTS:
        await click_the_highest_point(page, figure)
    for name in ("Conversations", "Unresolved"):
        await page.goto("/analytics")
        count = int(await tile(page, name).inner_text())
        await tile(page, name).click()
        await expect_conversations(page, count)
    assert complaints == []


async def click_the_highest_point(page: Page, figure: str) -> None:
    """Click it and compare the list with the number it stands for."""
    await page.goto("/analytics")
    await drawn(page)
    numbers, points = POINTS[figure]
    counts: list[int] = await page.evaluate(numbers)
    most = max(range(len(counts)), key=lambda index: counts[index])
    point = page.locator(f"[data-chart={figure}] .trace").first.locator(points).nth(most)
    await point.scroll_into_view_if_needed()
    await page.mouse.click(*middle(await box(point)))
    assert counts[most] > 1
    await expect_conversations(page, counts[most])


async def test_numbers_and_transcripts_are_reached_by_keyboard(page: Page, shop: UUID) -> None:
    await page.goto("/analytics")
    await drawn(page)
    intents = page.get_by_role("group", name="Intents")
    await tab_to(page, intents.locator("summary"))
    await page.keyboard.press("Enter")
    number = intents.get_by_role("link").last
    await tab_to(page, number)
    count = int(await number.inner_text())
    await page.keyboard.press("Enter")
    await expect_conversations(page, count)
    await tab_to(page, page.locator(".conversations tbody").get_by_role("link").first)
    await page.keyboard.press("Enter")
    await transcript_and_path_agree(page)


async def transcript_and_path_agree(page: Page) -> None:
    """As many turns on one side as on the other; a turn of the path leads to the turn of the transcript."""
    transcript, about = page.get_by_label("Transcript"), page.get_by_label("About this conversation")
    await expect(transcript).to_be_visible()
    await expect(about.locator(".path > li")).to_have_count(await transcript.get_by_role("heading").count())
    link = about.get_by_role("link", name="Turn 2")
    await tab_to(page, link)
    await page.keyboard.press("Enter")
    await expect(transcript.locator("#turn-2")).to_be_in_viewport()
    assert page.url.endswith("#turn-2")


async def test_a_new_conversation_is_on_the_tile_within_seconds(page: Page, context: BrowserContext, shop: UUID) -> None:
    await page.goto("/analytics")
    await drawn(page)
    await expect(page.locator("#live-state")).to_have_text("Live")
    await expect(tile(page, "Conversations")).to_have_text(str(SAMPLES))
    customer = await context.new_page()
    await customer.goto(f"/w/{shop}")
    await expect(customer.locator("chatloom-widget")).to_contain_text("Bloom & Bean")
    await expect(tile(page, "Conversations")).to_have_text(str(SAMPLES + 1), timeout=5_000)


async def test_the_samples_go_with_one_button_and_ones_own_conversations_stay(
    page: Page, context: BrowserContext, shop: UUID, complaints: Complaints
) -> None:
    customer = await context.new_page()
    await customer.goto(f"/w/{shop}")
    await expect(customer.locator("chatloom-widget")).to_contain_text("Bloom & Bean")
    await page.goto("/analytics")
    await expect(tile(page, "Conversations")).to_have_text(str(SAMPLES + 1))
    await page.get_by_role("button", name="Remove them").click()
    await page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    await expect(page.get_by_role("status").filter(has_text=f"{SAMPLES} sample conversations are gone")).to_be_visible()
    await expect(page.get_by_text("You are looking at sample conversations")).to_have_count(0)
    await expect(tile(page, "Conversations")).to_have_text("1")
    await page.goto("/conversations")
    await expect(page.locator(".conversations tbody tr")).to_have_count(1)
    assert complaints == []


async def test_pages_are_accessible_and_fit(page: Page, shop: UUID) -> None:
    await page.goto("/conversations")
    transcript = await page.locator(".conversations tbody").get_by_role("link").first.get_attribute("href")
    assert transcript is not None
    for width, height in ((1600, 900), (360, 740)):
        await page.set_viewport_size({"width": width, "height": height})
        for address in ("/analytics", "/conversations", "/conversations?q=nobody-said-this", transcript):
            await page.goto(address)
            if address == "/analytics":
                await drawn(page)
                await expect(page.get_by_role("button", name="Remove them")).to_be_visible()
            await page.evaluate(AXE)
            await look(page, "light")
            await look(page, "dark")


async def look(page: Page, theme: Literal["light", "dark"]) -> None:
    """Nothing that keeps anybody from reading the page, nothing beside the screen."""
    await page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    await expect(page.locator("html.dark")).to_have_count(int(theme == "dark"))
    found = await page.evaluate("axe.run().then(({violations}) => violations.map(one => [one.id, one.nodes.map(node => node.html)]))")
    assert found == [], (page.url, theme)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{page.url} is wider than the screen"


async def test_a_new_workspace_is_told_what_to_do(page: Page, complaints: Complaints) -> None:
    await page.goto("/analytics")
    await drawn(page)
    await expect(page.get_by_text("Nothing happened in this period yet")).to_be_visible()
    await expect(page.get_by_text("No intent was recognised in this period")).to_be_visible()
    await page.goto("/conversations")
    await expect(page.get_by_role("heading", name="No conversations yet")).to_be_visible()
    assert complaints == []
