"""The flow as a whole, by mouse, by keyboard and on a phone: what a person does reaches the draft and can be taken back."""

import re
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.e2e.conftest import Complaints
from tests.e2e.drawing import Canvas
from tests.e2e.flows import import_flow, order_help

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


async def opened(page: Page) -> tuple[Canvas, str]:
    """The flow for orders on its editor page."""
    flow = await import_flow(page, order_help())
    await page.goto(f"/flows/{flow}")
    return await Canvas(page).ready(), flow


async def draft(page: Page, flow: str) -> dict[str, Any]:
    """What the server has."""
    answer = await page.context.request.get(f"/api/v1/flows/{flow}/draft")
    found: dict[str, Any] = (await answer.json())["document"]
    return found


async def test_a_variable_is_described_renamed_everywhere_and_found(page: Page, complaints: Complaints) -> None:
    canvas, flow = await opened(page)
    await canvas.open("Order number")
    await page.locator("#flow-open").click()
    area = page.locator("#flow-variables")
    await area.locator("#variable-order_id summary").click()
    await area.get_by_role("button", name="Describe order_id").click()
    card = area.locator("#variable-order_id")
    await expect(card.get_by_label("Type")).to_be_visible()

    await card.get_by_label("Kept").select_option("with this contact")
    await expect(card.locator("summary")).to_contain_text("kept with this contact")
    await card.get_by_label("Type").select_option("List")
    await expect(card.locator("textarea[name=default]")).to_be_visible()
    await card.get_by_label("Type").select_option("Number")
    await expect(card.locator("input[name=default]")).to_be_visible()
    first = card.get_by_label("Starts as")
    await first.fill("many")
    await first.press("Tab")
    await expect(card.get_by_text("Write a number")).to_be_visible()
    await first.fill("7")
    await first.press("Tab")
    await page.keyboard.type("The number ")
    await expect(card.get_by_text("Write a number")).to_have_count(0)
    await page.keyboard.type("of an order")  # the form was not swapped under the caret
    await expect(card.get_by_label("What it is for")).to_have_value("The number of an order")

    await card.get_by_label("Another name").fill("order_number")
    await card.get_by_role("button", name="Rename everywhere").click()
    await expect(area.locator("#variable-order_number")).to_be_visible()
    await expect(canvas.form.get_by_label("Remember the answer as")).to_have_value("order_number")
    known = await draft(page, flow)
    assert known["variables"]["order_number"]["default"] == 7
    assert "{{ order_number }}" in known["nodes"]["lookup"]["settings"]["url"]

    await page.locator("#flow-history").get_by_role("button", name="Undo").click()
    await expect(area.locator("#variable-order_id")).to_be_visible()
    assert "{{ order_id }}" in (await draft(page, flow))["nodes"]["lookup"]["settings"]["url"]

    await area.locator("#variable-order_id summary").click()
    await area.locator("#variable-order_id").get_by_role("button", name="Look up order").click()
    await expect(page.locator("#flow-dialog")).to_be_hidden()
    await expect(canvas.form).to_have_attribute("data-node", "lookup")

    await page.locator("#flow-open").click()
    await area.locator("#variable-order_id summary").click()
    await area.get_by_role("button", name="Delete order_id").click()
    await expect(page.locator("#confirm-text")).to_contain_text("is used in 2 places")
    await page.locator("[data-confirm-yes]").click()
    await expect(area.locator("#variable-order_id summary")).not_to_contain_text("kept")
    assert (await draft(page, flow))["variables"] == {}
    assert [text for text in complaints if "422" not in text] == []


async def test_variables_and_settings_by_keyboard_only(page: Page, complaints: Complaints) -> None:
    _, flow = await opened(page)
    await page.locator("#flow-open").focus()
    await page.keyboard.press("Enter")
    name = page.get_by_label("New variable")
    await name.focus()
    await page.keyboard.type("city")
    await page.keyboard.press("Enter")
    await expect(page.locator("#variable-city details")).to_have_attribute("open", "")
    await page.get_by_role("tab", name="Variables").focus()
    await page.keyboard.press("ArrowLeft")
    await expect(page.get_by_role("tab", name="General")).to_be_focused()
    zone = page.get_by_label("Time zone")
    await zone.focus()
    await page.keyboard.type("Europe/Berlin")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Space")
    await expect(page.locator("#general-from")).to_be_visible()
    await page.keyboard.press("Tab")
    await expect(page.locator("#general-from")).to_be_focused()
    await expect(page.locator("#flow-history").get_by_role("button", name="Undo")).to_be_enabled()
    wanted = {"time_zone": "Europe/Berlin", "quiet_hours": {"from": "22:00", "to": "07:00"}}
    for _ in range(50):
        if (await draft(page, flow))["settings"] == wanted:
            break
        await page.wait_for_timeout(100)
    assert (await draft(page, flow))["settings"] == wanted
    assert (await draft(page, flow))["variables"]["city"]["scope"] == "flow"
    await page.keyboard.press("Escape")
    await expect(page.locator("#flow-dialog")).to_be_hidden()
    assert complaints == []


async def test_a_step_starts_when_the_customer_says_something(page: Page, complaints: Complaints) -> None:
    canvas, flow = await opened(page)
    await canvas.node("Welcome").click(button="right")
    await page.get_by_role("menuitem", name="Start here when…").click()
    await page.get_by_role("button", name="When the customer says…").click()
    form = page.locator("#new-trigger-form")
    await expect(form.get_by_label("Then start at")).to_have_value("welcome")
    await form.get_by_role("button", name="Add trigger").click()
    await expect(form.get_by_text("Write the words")).to_be_visible()
    await form.get_by_label("Words, one in each line").fill("hello\nhi")
    await form.get_by_role("button", name="Add trigger").click()
    await expect(canvas.node("Welcome").locator(".trigger-flag")).to_have_text("“hello”, “hi”")

    card = page.locator("#flow-triggers .cards > li").last
    await card.locator("summary").click()
    await card.get_by_label("It starts when").select_option("The message contains one of these")
    await card.get_by_label("Then start at").select_option("Billing team")
    await expect(canvas.node("Billing team").locator(".trigger-flag")).to_have_count(1)
    await expect(canvas.node("Welcome").locator(".trigger-flag")).to_have_count(0)
    (_, trigger) = (await draft(page, flow))["triggers"]
    assert (trigger["match"], trigger["node"], trigger["words"]) == ("contains", "billing", ["hello", "hi"])

    await page.get_by_text("Add a trigger").click()
    await page.get_by_role("button", name="At a certain time Every").click()
    await form.get_by_label("How often").select_option("On some days of the week")
    await form.get_by_label("Monday").check()
    await form.get_by_label("Thursday").check()
    await form.get_by_label("At", exact=True).fill("08:30")
    await form.get_by_role("button", name="Add trigger").click()
    await expect(page.locator("#flow-triggers")).to_contain_text("Every Monday and Thursday at 08:30")
    assert (await draft(page, flow))["triggers"][-1]["cron"] == "30 8 * * 1,4"
    await page.locator("#flow-history").get_by_role("button", name="Undo").click()
    await expect(page.locator("#flow-triggers .cards > li")).to_have_count(2)
    assert [text for text in complaints if "422" not in text] == []


async def test_texts_are_translated_in_the_table_and_at_the_step(page: Page, complaints: Complaints) -> None:
    canvas, flow = await opened(page)
    await page.locator("#flow-open").click()
    await page.get_by_role("tab", name="Languages").click()
    await page.get_by_label("Add a language").select_option("de")
    await page.locator("#flow-languages").get_by_role("button", name="Add", exact=True).click()
    progress = page.locator("#language-progress-de")
    await expect(progress).to_contain_text("0 of")
    row = page.locator(".translations > li", has_text="What is your order number?")
    await row.get_by_label("Translation").fill("Wie lautet die Bestellnummer?")
    await page.keyboard.press("Tab")
    await expect(progress).to_contain_text("1 of")
    await page.get_by_label("Only missing").check()
    await expect(row).to_have_count(0)
    await page.get_by_label("Find a text").fill("billing")
    await expect(page.locator(".translations > li")).to_have_count(3)
    async with page.expect_download() as file:
        await page.get_by_role("link", name="Export CSV").click()
    table = (await (await file.value).path()).read_text(encoding="utf-8-sig")
    filled = re.sub(r"^(Billing team,.*?),\r?$", r"\1,Antwort am selben Tag", table, flags=re.MULTILINE)
    assert filled != table
    await page.get_by_label("Import CSV").set_input_files([{"name": "texts.csv", "mimeType": "text/csv", "buffer": filled.encode()}])
    await expect(progress).to_contain_text("2 of")
    await page.keyboard.press("Escape")

    await canvas.open("What do you need?")
    await page.get_by_role("tab", name=re.compile("German")).click()
    await expect(page.get_by_role("tab", name=re.compile("German"))).to_contain_text("5")
    first = page.locator("#step-in-de").get_by_label("Translation").first
    await first.fill("Womit kann ich helfen?")
    await first.press("Tab")
    await expect(page.get_by_role("tab", name=re.compile("German"))).to_contain_text("4")
    assert len((await draft(page, flow))["languages"]["texts"]["de"]) == 3

    await page.get_by_role("tab", name="English").click()
    await canvas.fill("Message *", "What may I do for you?")
    assert (await draft(page, flow))["languages"]["texts"]["de"]["What may I do for you?"] == "Womit kann ich helfen?"
    assert complaints == []


async def test_variables_functions_and_filters_are_offered_while_typing(page: Page) -> None:
    canvas, _ = await opened(page)
    await canvas.open("Welcome")
    message = canvas.form.get_by_label("Message *")
    await message.fill("")
    await page.keyboard.type("Hi {{ contact.n")
    offers = page.locator("#completions").get_by_role("option")
    await expect(offers.first).to_contain_text("contact.name")
    await expect(page.locator(".completion-help")).to_contain_text("The customer's name")
    await page.keyboard.press("Enter")
    await expect(message).to_have_value("Hi {{ contact.name }}")
    for _ in range(3):
        await page.keyboard.press("ArrowLeft")
    await page.keyboard.type(" | upp")
    await expect(offers).to_have_text([re.compile("^upper")])
    await page.keyboard.press("Tab")
    await expect(message).to_have_value("Hi {{ contact.name | upper }}")
    await page.keyboard.press("End")

    await page.get_by_role("button", name="All variables and functions for Message").focus()
    await page.keyboard.press("Enter")
    await expect(message).to_be_focused()
    await expect(offers.filter(has_text="order_id")).to_have_count(1)
    await page.keyboard.press("Escape")
    await expect(offers).to_have_count(0)


async def test_a_step_that_asks_another_system_tries_again_and_gives_up(page: Page, complaints: Complaints) -> None:
    canvas, flow = await opened(page)
    await canvas.open("Look up order")
    await page.get_by_text("If something goes wrong").click()
    await canvas.form.get_by_label("If this step fails").select_option("Leave by an output of its own")
    await canvas.form.get_by_label("Try again, times").fill("9")
    await page.keyboard.press("Tab")
    await expect(page.locator("#f-step_retry_times-error")).to_have_text("It can try again 0 to 5 times.")
    await canvas.fill("Try again, times", "2")
    await canvas.fill("after seconds", "1.5")
    await canvas.fill("Time limit in seconds", "20")
    step = (await draft(page, flow))["nodes"]["lookup"]
    assert step["on_error"] == {"do": "branch", "retry": {"times": 2, "pause_s": 1.5}}
    assert step["timeout_s"] == 20
    assert [text for text in complaints if "422" not in text] == []


async def test_on_a_phone_the_list_leads_to_everything(page: Page, complaints: Complaints) -> None:
    flow = await import_flow(page, order_help())
    await page.set_viewport_size({"width": 360, "height": 740})
    await page.goto(f"/flows/{flow}/outline")
    await page.get_by_role("button", name="Start here when…: Billing team").click()
    await page.get_by_role("button", name="When something goes wrong").click()
    await page.locator("#new-trigger-form").get_by_role("button", name="Add trigger").click()
    await expect(page.locator("#step-billing")).to_contain_text("On errors")
    await page.get_by_role("tab", name="Variables").click()
    await page.locator("#variable-order summary").click()
    await page.locator("#variable-order").get_by_role("link", name="Delivered?").click()
    await expect(page.locator("#flow-dialog")).to_be_hidden()
    assert page.url.endswith("#step-delivered")
    assert await page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    assert complaints == []
