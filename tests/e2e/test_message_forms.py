"""The forms of the steps that speak: cards, buttons, files and the questions of a form, by keyboard, on the real server."""

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from tests.e2e.conftest import Complaints
from tests.e2e.drawing import Canvas
from tests.e2e.flows import document, import_flow, step

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
SLOT = {"question": "For which day?", "label": "Day", "save_as": "day", "type": "date", "needed": "yes"}


async def opened(page: Page, kind: str, **settings: Any) -> tuple[Canvas, str]:
    """A flow of one step, with the form of the step open."""
    flow = await import_flow(page, document("One step", {"n1": step(kind, "The step", 0, 0, **settings)}, {}, "n1"))
    await page.goto(f"/flows/{flow}")
    canvas = await Canvas(page).ready()
    await canvas.open("The step")
    return canvas, flow


async def has(page: Page, flow: str, name: str, value: Any) -> None:
    """The server gets to know this setting of the step."""
    found: Any = None
    for _ in range(50):
        answer = await page.context.request.get(f"/api/v1/flows/{flow}/draft")
        found = (await answer.json())["document"]["nodes"]["n1"]["settings"].get(name)
        if found == value:
            return
        await page.wait_for_timeout(100)
    assert found == value


async def type_into(field: Locator, text: str) -> None:
    """Type as a person without a mouse does, and leave the field."""
    await field.focus()
    await field.page.keyboard.type(text)
    await field.page.keyboard.press("Tab")


async def violations(page: Page, part: str = "#node-form") -> list[str]:
    """What axe finds in the form, or in another part of the page, light and dark."""
    await page.evaluate(AXE.read_text())
    found: list[str] = []
    for scheme in ("light", "dark"):
        await page.evaluate("theme => document.documentElement.classList.toggle('dark', theme === 'dark')", scheme)
        await page.wait_for_timeout(300)
        described = "result => result.violations.map(one => `${one.id}: ${one.nodes.map(node => node.html).join(' ')}`)"
        script = f"axe.run('{part}').then({described})"
        found += await page.evaluate(script)
    return found


async def test_cards_and_their_buttons_are_filled_in_by_keyboard(page: Page, complaints: Complaints) -> None:
    canvas, flow = await opened(page, "send_message", text="Our shoes")
    form = canvas.form
    cards = form.get_by_role("group", name="Cards")
    await expect(cards).to_be_hidden()
    await form.get_by_label("Show with it").select_option("cards")
    await cards.get_by_role("button", name="Add card").press("Enter")
    await expect(cards.get_by_label("Title")).to_be_focused()
    await type_into(cards.get_by_label("Title"), "Red shoe")
    await type_into(cards.get_by_label("Address of the picture"), "https://img.example/red.png")
    await type_into(cards.get_by_label("What the picture shows"), "A red shoe")
    await cards.get_by_role("button", name="Add button").press("Enter")
    await type_into(cards.get_by_label("Label of the button"), "See more")
    await cards.get_by_label("What the button does").select_option("opens")
    await type_into(cards.get_by_label("Answer, or address of the page"), "https://shop.example/red")
    card = {
        "title": "Red shoe",
        "image_url": "https://img.example/red.png",
        "alt": "A red shoe",
        "buttons": [{"label": "See more", "url": "https://shop.example/red"}],
    }
    await has(page, flow, "cards", [card])

    await cards.get_by_role("button", name="Add card").press("Enter")
    await type_into(cards.get_by_label("Title").nth(1), "Blue shoe")
    await cards.get_by_role("button", name="Move card up").last.press("Enter")
    await has(page, flow, "cards", [{"title": "Blue shoe"}, card])

    await page.reload()
    await Canvas(page).ready()
    await canvas.open("The step")
    await expect(cards.get_by_label("Title")).to_have_count(2)
    await expect(cards.get_by_label("What the button does")).to_have_value("opens")
    await cards.get_by_role("button", name="Remove card").first.press("Enter")
    await has(page, flow, "cards", [card])
    assert await violations(page) == []
    assert complaints == []


async def test_buttons_and_files_of_a_message(page: Page, complaints: Complaints) -> None:
    canvas, flow = await opened(page, "send_message", text="Look")
    form = canvas.form
    await form.get_by_text("Buttons", exact=True).first.press("Enter")
    buttons = form.get_by_role("group", name="Buttons under the message")
    await buttons.get_by_role("button", name="Add button").press("Enter")
    await type_into(buttons.get_by_label("Label of the button"), "Start over")
    await has(page, flow, "buttons", [{"label": "Start over"}])

    await form.get_by_label("Show with it").select_option("media")
    files = form.get_by_role("group", name="What to show")
    await files.get_by_role("button", name="Add file").press("Enter")
    await files.get_by_label("Kind").select_option("video")
    await type_into(files.get_by_label("Address"), "https://files.example/a.mp4")
    await has(page, flow, "media", [{"kind": "video", "url": "https://files.example/a.mp4"}])
    assert await violations(page) == []
    assert complaints == []


async def test_the_questions_of_a_form(page: Page, complaints: Complaints) -> None:
    canvas, flow = await opened(page, "collect_form", slots=[SLOT])
    questions = canvas.form.get_by_role("group", name="What to ask for")
    await questions.get_by_role("button", name="Add question").press("Enter")
    await expect(questions.get_by_role("textbox", name="Question").nth(1)).to_be_focused()
    await type_into(questions.get_by_role("textbox", name="Question").nth(1), "Inside or outside?")
    await type_into(questions.get_by_label("In short").nth(1), "Place")
    await type_into(questions.get_by_label("Remember as").nth(1), "place")
    await questions.get_by_label("The answer is").nth(1).select_option("one_of")
    await type_into(questions.get_by_label("The list, with commas").nth(1), "Inside, Terrace")
    asked = {"question": "Inside or outside?", "label": "Place", "save_as": "place", "type": "one_of", "needed": "yes"}
    await has(page, flow, "slots", [SLOT, {**asked, "options": "Inside, Terrace"}])
    await expect(canvas.node("The step")).to_contain_text("Day, Place")
    assert await violations(page) == []
    assert complaints == []


async def test_a_step_is_seen_side_by_side_on_every_channel(page: Page, complaints: Complaints) -> None:
    sizes = [{"value": str(size), "label": f"Size {size}"} for size in range(38, 43)]
    canvas, _ = await opened(page, "offer_choices", text="Which **size**, {{ contact.name }}?", choices=sizes)
    await canvas.form.get_by_label("Message").first.fill("Which shoe, {{ contact.name }}?")
    await page.get_by_role("button", name="See it on every channel").press("Enter")
    shown = page.get_by_role("dialog", name="The step on every channel")
    columns = shown.locator(".previews > li")
    await expect(columns.first).to_contain_text("Which shoe, \u2039contact.name\u203a?")
    assert await columns.count() > 8
    whatsapp = shown.locator("[data-kind=whatsapp]")
    await expect(whatsapp.locator(".preview-button")).to_have_count(5)
    await whatsapp.get_by_text("Exactly what is sent").press("Enter")
    await expect(whatsapp.get_by_label("Sent on WhatsApp")).to_contain_text('"Size 42"')
    await expect(shown.locator("[data-kind=sms]")).to_contain_text("5. Size 42")
    assert await violations(page, "#preview-dialog") == []
    await page.keyboard.press("Escape")
    await expect(shown).to_be_hidden()
    assert complaints == []
