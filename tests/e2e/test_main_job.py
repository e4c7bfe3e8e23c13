"""The main job: draw a flow, publish it, chat with it, find the conversation. Once by mouse, once by keyboard only."""

import pytest
from playwright.async_api import BrowserContext, Locator, Page, expect

from tests.e2e.conftest import Complaints
from tests.e2e.drawing import Canvas, new_flow

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


async def chat(context: BrowserContext, address: str) -> None:
    """A customer says tea on the flow's chat page."""
    customer = await context.new_page()
    await customer.goto(address)
    widget = customer.locator("chatloom-widget")
    await expect(widget).to_contain_text("Welcome to the tea house.")
    await expect(widget).to_contain_text("What would you like?")
    await widget.get_by_role("textbox").fill("green tea")
    await widget.get_by_role("textbox").press("Enter")
    await expect(widget).to_contain_text("Tea it is.")
    await customer.close()


async def find_the_conversation(page: Page) -> None:
    """The conversation is on the list with its transcript, and in the figures."""
    await page.goto("/conversations")
    row = page.get_by_role("row").filter(has_text="Tea house")
    await expect(row).to_have_count(1)
    await row.get_by_role("link").click()
    await expect(page.get_by_label("Transcript")).to_contain_text("green tea")
    await expect(page.get_by_label("Transcript")).to_contain_text("Tea it is.")
    await page.goto("/analytics")
    tile = page.locator(".stat").filter(has=page.get_by_text("Conversations", exact=True))
    await expect(tile.locator(".stat-value")).to_have_text("1")


async def test_by_mouse(page: Page, context: BrowserContext, complaints: Complaints) -> None:
    canvas = await new_flow(page, "Tea house")
    await canvas.drag_from_palette("send_message", 420, 250)
    await canvas.drag_from_palette("ask_question", 700, 250)
    await canvas.drag_from_palette("branch", 980, 250)

    await canvas.open("Send a message")
    await canvas.fill("Message *", "Welcome to the tea house.")
    await canvas.open("Ask a question")
    await canvas.fill("Question *", "What would you like?")
    await canvas.fill("Remember the answer as *", "drink")
    await canvas.open("Branch")
    await page.get_by_role("button", name="Add branch").click()
    await canvas.form.get_by_label("Name of the branch").fill("Tea")
    await canvas.form.get_by_label("Variable").fill("drink")
    await canvas.form.get_by_label("Test").select_option("contains")
    await canvas.fill("Value", "tea")
    await expect(canvas.node("Branch")).to_contain_text("Tea")
    await canvas.saved()

    await canvas.connect(canvas.port("Send a message"), canvas.node("Ask a question"))
    await canvas.connect(canvas.port("Ask a question"), canvas.node("Branch"))
    await answer_the_branch(page, canvas)
    await publish_by_mouse(page)
    address = await page.locator("#chat-page").get_attribute("href")
    assert address is not None
    await chat(context, address)
    await find_the_conversation(page)
    assert complaints == []


async def answer_the_branch(page: Page, canvas: Canvas) -> None:
    """Pull the branch's output into the empty and choose the next step there."""
    port = canvas.port("Branch", "Tea")
    found = await port.bounding_box()
    assert found is not None
    start = (found["x"] + found["width"] / 2, found["y"] + found["height"] / 2)
    await canvas.drag(start, (start[0] - 60, start[1] + 200))
    await page.locator("#quick").get_by_role("menuitem", name="Send a message").click()
    await expect(canvas.nodes).to_have_count(4)
    await canvas.saved()
    await canvas.open_card(canvas.nodes.last)
    await canvas.fill("Step name *", "Tea it is")
    await canvas.fill("Message *", "Tea it is.")


async def publish_by_mouse(page: Page) -> None:
    """Publish through the dialog."""
    await page.get_by_role("button", name="Publish").first.click()
    await page.get_by_label("What changed?").fill("First version")
    await page.get_by_role("button", name="Publish version 1").click()
    await expect(page.locator("#publish-body")).to_contain_text("Version 1 is live.")
    await expect(page.locator("#state")).to_contain_text("Live v1")


async def test_by_keyboard_only(page: Page, context: BrowserContext, complaints: Complaints) -> None:
    keys = Keyboard(page)
    await page.goto("/flows")
    await keys.use(page.get_by_role("button", name="New flow").first)
    await keys.type("Tea house", "Enter")
    canvas = await Canvas(page).ready()

    await keys.use(page.locator(".palette [data-type=send_message]"))
    await expect(canvas.node("Send a message")).to_be_focused()
    await keys.fill_form(canvas, {"Message *": "Welcome to the tea house."})
    await keys.add_next(canvas, "Send a message", "Ask a question")
    await keys.fill_form(canvas, {"Question *": "What would you like?", "Remember the answer as *": "drink"})
    await keys.add_next(canvas, "Ask a question", "Branch")
    await page.keyboard.press("Enter")
    await expect(canvas.form.get_by_label("Step name")).to_be_focused()
    await keys.use(page.get_by_role("button", name="Add branch"))
    await keys.type("Tea")
    await keys.go(canvas.form.get_by_label("Variable"))
    await keys.type("drink")
    await keys.go(canvas.form.get_by_label("Test"))
    await keys.type("contains")
    await keys.go(canvas.form.get_by_label("Value", exact=True))
    await keys.type("tea", "Tab")
    await expect(canvas.node("Branch")).to_contain_text("Tea")
    await keys.add_next(canvas, "Branch", "Send a message")
    await keys.fill_form(canvas, {"Step name *": "Tea it is", "Message *": "Tea it is."})
    await keys.connect_back(canvas, "Tea it is", ["ArrowLeft", "ArrowLeft"], "Ask a question")

    await keys.use(page.get_by_role("button", name="Publish").first)
    await keys.use(page.get_by_role("button", name="Publish version 1"))
    await expect(page.locator("#publish-body")).to_contain_text("Version 1 is live.")
    async with context.expect_page() as opening:
        await keys.use(page.get_by_role("link", name="Open the chat page"))
    customer = await opening.value
    widget = customer.locator("chatloom-widget")
    await expect(widget).to_contain_text("What would you like?")
    chatting = Keyboard(customer)
    await chatting.go(widget.get_by_role("textbox"))
    await chatting.type("green tea", "Enter")
    await expect(widget).to_contain_text("Tea it is.")
    await customer.close()
    await find_the_conversation(page)
    assert complaints == []


class Keyboard:
    """Somebody who uses no mouse."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def go(self, target: Locator, most: int = 120) -> None:
        """Press Tab until `target` has the focus."""
        await expect(target).to_be_visible()
        for _ in range(most):
            if await target.evaluate("element => element === element.getRootNode().activeElement"):
                return
            await self.page.keyboard.press("Tab")
        raise AssertionError(f"no way by keyboard to {target}")

    async def use(self, target: Locator) -> None:
        """Go to a button, link or item and press Enter."""
        await self.go(target)
        await self.page.keyboard.press("Enter")

    async def type(self, text: str, *keys: str) -> None:
        """Type over what stands in the field, then press keys."""
        await self.page.keyboard.press("Control+a")
        await self.page.keyboard.type(text)
        for key in keys:
            await self.page.keyboard.press(key)

    async def go_to_card(self, canvas: Canvas, title: str) -> None:
        """Find the card with Ctrl+K."""
        await self.page.keyboard.press("Control+k")
        await expect(self.page.locator("#find-input")).to_be_focused()
        await self.page.keyboard.type(title)
        await self.page.keyboard.press("Enter")
        await expect(canvas.node(title)).to_be_focused()

    async def fill_form(self, canvas: Canvas, fields: dict[str, str]) -> None:
        """Open the focused card's form with Enter and fill it."""
        await self.page.keyboard.press("Enter")
        await expect(canvas.form.get_by_label("Step name")).to_be_focused()
        for label, text in fields.items():
            field = canvas.form.get_by_label(label, exact=True)
            await self.go(field)
            async with self.page.expect_response(lambda answer: "/nodes/" in answer.url and answer.request.method == "POST"):
                await self.type(text, "Tab")

    async def add_next(self, canvas: Canvas, title: str, kind: str) -> None:
        """Go to a card and choose with N what comes next."""
        await canvas.saved()
        await self.go_to_card(canvas, title)
        count = await canvas.nodes.count()
        await self.page.keyboard.press("n")
        await self.use(self.page.locator("#quick").get_by_role("menuitem", name=kind))
        await expect(canvas.nodes).to_have_count(count + 1)
        await expect(canvas.nodes.last).to_be_focused()

    async def connect_back(self, canvas: Canvas, title: str, arrows: list[str], target: str) -> None:
        """Go to a card, press C, choose the target with arrows, press Enter."""
        await canvas.saved()
        await self.go_to_card(canvas, title)
        count = await canvas.edges.count()
        for key in ("c", *arrows):
            await self.page.keyboard.press(key)
        await expect(canvas.node(target)).to_be_focused()
        await self.page.keyboard.press("Enter")
        await expect(canvas.edges).to_have_count(count + 1)
        await canvas.saved()
