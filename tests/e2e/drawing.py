"""What a person does on the editor page, by mouse."""

import re

from playwright.async_api import FloatRect, Locator, Page, expect


class Canvas:
    """The editor page of one flow."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.element = page.locator("flow-canvas")
        self.nodes = page.locator("flow-node")
        self.edges = page.locator("flow-edge")
        self.form = page.locator("#node-form")

    async def ready(self) -> "Canvas":
        """Wait for the canvas."""
        await self.page.wait_for_selector("flow-canvas[ready]")
        return self

    async def saved(self) -> None:
        """Wait until the server knows everything; a form sends what was changed in it 100 ms later."""
        await self.page.wait_for_timeout(150)
        await expect(self.page.locator("#saved")).to_have_text(re.compile("^Saved$"))

    def node(self, title: str) -> Locator:
        """The card with this title."""
        return self.nodes.filter(has=self.page.get_by_text(title, exact=True))

    def port(self, title: str, label: str = "") -> Locator:
        """An output of a card: its only one, or the one with this label."""
        card = self.node(title)
        return card.locator(".port.out.solo") if not label else card.locator("li", has_text=label).locator(".port.out")

    async def drag_from_palette(self, kind: str, x: float, y: float) -> None:
        """Drag a kind of step to a place on the screen."""
        found = self.page.locator(f".palette [data-type={kind}]")
        await found.scroll_into_view_if_needed()
        item = await box(found)
        count = await self.nodes.count()
        await self.drag((item["x"] + 24, item["y"] + 16), (x, y))
        await expect(self.nodes).to_have_count(count + 1)
        await self.saved()

    async def connect(self, port: Locator, target: Locator) -> None:
        """Drag from an output to a card; once more when the card was drawn anew under the pointer, which lets go of the line."""
        count = await self.edges.count()
        for last in (False, True):
            start, end = await box(port), await box(target.locator("header"))
            await self.drag(middle(start), middle(end))
            try:
                await expect(self.edges).to_have_count(count + 1, timeout=20_000 if last else 3_000)
                break
            except AssertionError:
                if last:
                    raise
        await self.saved()

    async def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Press, move in steps, let go."""
        mouse = self.page.mouse
        await mouse.move(*start)
        await mouse.down()
        await mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, steps=5)
        await mouse.move(*end, steps=5)
        await mouse.up()

    async def open(self, title: str) -> None:
        """Click a card and wait for its form."""
        await self.open_card(self.node(title))

    async def open_card(self, card: Locator) -> None:
        """Click this card and wait for its form."""
        await card.locator("header").click()
        await expect(self.form).to_have_attribute("data-node", await card.get_attribute("id") or "")

    async def fill(self, label: str, text: str) -> None:
        """Type into a field of the form and leave it."""
        field = self.form.get_by_label(label, exact=True)
        async with self.page.expect_response(lambda answer: "/nodes/" in answer.url and answer.request.method == "POST"):
            await field.fill(text)
            await field.blur()
        await self.saved()


async def box(locator: Locator) -> FloatRect:
    """Where something is on the screen once it rests."""
    before = None
    while (found := await locator.bounding_box()) is None or found != before:
        before = found
        await locator.page.wait_for_timeout(150)
    return found


def middle(rect: FloatRect) -> tuple[float, float]:
    """The centre of a rectangle."""
    return rect["x"] + rect["width"] / 2, rect["y"] + rect["height"] / 2


async def new_flow(page: Page, name: str) -> Canvas:
    """Make a flow through the list and open it."""
    await page.goto("/flows")
    await page.get_by_role("button", name="New flow").first.click()
    await page.get_by_label("Name").fill(name)
    await page.get_by_role("button", name="Create").click()
    return await Canvas(page).ready()
