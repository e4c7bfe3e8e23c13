"""The main job: draw a flow, publish it, chat with it, find the conversation. Once by mouse, once by keyboard only."""

import pytest
from playwright.async_api import BrowserContext, Locator, Page, expect

from tests.e2e.conftest import Complaints
from tests.e2e.drawing import Canvas, new_flow

pytestmark = pytest.mark.browser


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


async def tab_to(page: Page, target: Locator, most: int = 80) -> None:
    """Press Tab until `target` has the focus, as somebody without a mouse does."""
    await expect(target).to_be_visible()
    for _ in range(most):
        if await target.evaluate("element => element === document.activeElement"):
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"no way by keyboard to {target}")
