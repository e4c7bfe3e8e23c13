"""The editor page on the real server: what a person does by mouse reaches the draft, and nothing is lost on a reload."""

import re
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.e2e.conftest import Complaints
from tests.e2e.drawing import Canvas, box, middle
from tests.e2e.flows import chain, edge, import_flow, order_help, step

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


async def opened(page: Page, bundle: dict[str, Any]) -> tuple[Canvas, str]:
    """An imported flow on its editor page."""
    flow = await import_flow(page, bundle)
    await page.goto(f"/flows/{flow}")
    return await Canvas(page).ready(), flow


async def draft(page: Page, flow: str) -> dict[str, Any]:
    """What the server has."""
    answer = await page.context.request.get(f"/api/v1/flows/{flow}/draft")
    found: dict[str, Any] = (await answer.json())["document"]
    return found


async def fit(page: Page, *names: str) -> None:
    """Bring steps into view."""
    await page.evaluate("names => document.querySelector('#canvas').fit(names.length ? names : null)", list(names))
    await page.wait_for_timeout(80)


async def test_a_step_is_drawn_edited_taken_back_and_done_again(page: Page, complaints: Complaints) -> None:
    posts: list[str | None] = []
    page.on("request", lambda request: posts.append(request.headers.get("x-csrf-token")) if request.method == "POST" else None)
    canvas, flow = await opened(page, chain(30))

    await canvas.drag_from_palette("llm_reply", 700, 760)
    (name,) = (await draft(page, flow))["nodes"].keys() - {f"n{number}" for number in range(30)}
    card = page.locator(f"#{name}")
    place = await box(card)
    assert place["x"] < 700 < place["x"] + place["width"]
    assert place["y"] <= 762 < place["y"] + place["height"]
    await expect(card.locator(".fault.error")).to_have_count(1)

    await fit(page, name, "n27")
    await canvas.connect(card.locator(".port.out[data-port=failed]"), page.locator("#n27"))
    (edge,) = [one for one in (await draft(page, flow))["edges"].items() if (one[1]["source"], one[1]["port"]) == (name, "failed")]
    assert edge[1]["target"] == "n27"
    assert (await page.locator(f"[data-edge='{edge[0]}'] .line").get_attribute("d") or "").startswith("M")

    await canvas.open_card(card)
    await canvas.fill("Step name *", "Answer from docs")
    await canvas.fill("Instructions *", "Use the help centre only.")
    async with page.expect_response(lambda answer: "/nodes/" in answer.url):
        await canvas.form.locator("[data-for=f-instructions]").first.click()
    await expect(card.locator("b")).to_have_text("Answer from docs")
    await expect(card.locator("p")).to_contain_text("{{ answer_")
    await expect(card.locator(".fault.error")).to_have_count(0)
    assert await card.evaluate("card => card.matches(':state(selected)') && getComputedStyle(card).transform !== 'none'")

    field = canvas.form.get_by_label("Step name")
    await field.fill("")
    await field.blur()
    await expect(page.locator("#f-step_title-error")).to_have_text("Give this step a name.")
    assert (await draft(page, flow))["nodes"][name]["title"] == "Answer from docs"

    await canvas.element.focus()
    for _ in range(6):
        await page.keyboard.press("Control+z")
        await canvas.saved()
    await expect(card).to_have_count(0)
    await expect(page.locator(f"flow-edge[id='{edge[0]}']")).to_have_count(0)
    assert name not in (await draft(page, flow))["nodes"]
    for _ in range(6):
        await page.keyboard.press("Control+Shift+z")
        await canvas.saved()
    await expect(card.locator("b")).to_have_text("Answer from docs")
    assert edge[0] in (await draft(page, flow))["edges"]
    assert posts
    assert all(posts)
    assert [text for text in complaints if "422" not in text] == []


async def test_many_steps_are_selected_moved_copied_and_deleted(page: Page, complaints: Complaints) -> None:
    canvas, flow = await opened(page, chain(30))
    await fit(page)
    first, last = await box(page.locator("#n0")), await box(page.locator("#n5"))
    await page.keyboard.down("Shift")
    await canvas.drag((first["x"] - 8, first["y"] - 8), (last["x"] + last["width"] + 4, last["y"] + last["height"] + 4))
    await page.keyboard.up("Shift")
    chosen = await page.locator("flow-node:state(selected)").count()
    assert chosen >= 4

    start = middle(await box(page.locator("#n1 header")))
    await canvas.drag(start, (start[0] + 60, start[1] - 60))
    await canvas.saved()
    moved = (await draft(page, flow))["nodes"]
    assert moved["n0"]["position"]["x"] > 0
    assert moved["n1"]["position"]["y"] < 176

    await page.keyboard.press("Control+c")
    await page.keyboard.press("Control+v")
    await expect(canvas.nodes).to_have_count(30 + chosen)
    await canvas.saved()
    pasted = await draft(page, flow)
    assert len(pasted["nodes"]) == 30 + chosen
    assert len(pasted["edges"]) == await canvas.edges.count() > 29

    await page.keyboard.press("Delete")
    await expect(canvas.nodes).to_have_count(30)
    await canvas.saved()
    assert len((await draft(page, flow))["edges"]) == await canvas.edges.count() == await page.locator("[data-edge]").count()
    await page.keyboard.press("Control+z")
    await expect(canvas.nodes).to_have_count(30 + chosen)

    places = "[...document.querySelectorAll('flow-node')].map(node => [node.id, node.x, node.y]).sort().toString()"
    before = await page.evaluate(places)
    await canvas.saved()
    await page.reload()
    await canvas.ready()
    assert await page.evaluate(places) == before
    assert complaints == []


async def test_a_connection_dropped_on_nothing_offers_the_next_step(page: Page) -> None:
    canvas, flow = await opened(page, chain(6))
    await fit(page, "n5")
    port = middle(await box(page.locator("#n5 .port.out")))
    await canvas.drag(port, (port[0] + 60, port[1] + 160))
    await page.locator("#quick").get_by_role("menuitem", name="Send a message").click()
    await expect(canvas.nodes).to_have_count(7)
    await canvas.saved()
    (edge,) = [one for one in (await draft(page, flow))["edges"].values() if one["source"] == "n5"]
    assert edge["target"] not in {f"n{number}" for number in range(6)}


async def test_rows_of_a_form_save_themselves(page: Page, complaints: Complaints) -> None:
    canvas, flow = await opened(page, order_help())
    await canvas.open("What do you need?")
    await canvas.form.get_by_role("button", name="Add reply").click()
    async with page.expect_response(lambda answer: "/nodes/" in answer.url):
        await canvas.form.get_by_label("Reply", exact=True).last.fill("Opening hours")
        await canvas.form.get_by_label("Reply", exact=True).last.blur()
    await expect(canvas.node("What do you need?")).to_contain_text("Opening hours")
    await canvas.saved()
    await canvas.connect(canvas.port("What do you need?", "Opening hours"), canvas.node("Billing team"))
    async with page.expect_response(lambda answer: "/nodes/" in answer.url):
        await canvas.form.get_by_role("button", name="Remove reply").first.click()
    await expect(page.locator("flow-edge[source=need][port=track]")).to_have_count(0)
    async with page.expect_response(lambda answer: "/nodes/" in answer.url):
        await canvas.form.get_by_role("button", name="Move reply up").last.click()
    await canvas.saved()
    choices = (await draft(page, flow))["nodes"]["need"]["settings"]["choices"]
    assert [one["value"] for one in choices] == ["billing", "opening_hours", "other"]
    await page.locator("#undo").click()
    await canvas.saved()
    choices = (await draft(page, flow))["nodes"]["need"]["settings"]["choices"]
    assert [one["value"] for one in choices] == ["billing", "other", "opening_hours"]
    assert complaints == []


async def test_problems_lead_to_their_fields_and_go_away(page: Page) -> None:
    canvas, _ = await opened(page, order_help())
    await canvas.open("Welcome")
    await canvas.fill("Message *", "")
    await expect(page.locator("#f-text-problem")).to_contain_text("is empty")
    await page.get_by_role("tab", name="Problems").click()
    await page.locator("#problems").get_by_role("button", name='"Message" is empty').click()
    await expect(canvas.form.get_by_label("Message *", exact=True)).to_be_focused()
    await canvas.fill("Message *", "Hello")
    await expect(page.locator("#f-text-problem")).to_be_empty()
    await expect(page.locator("#problems")).not_to_contain_text("is empty")


async def test_the_way_lights_up_while_testing(page: Page, complaints: Complaints) -> None:
    canvas, _ = await opened(page, order_help())
    await page.get_by_role("button", name="Test", exact=True).click()
    widget = page.locator("#test chatloom-widget")
    await expect(widget).to_contain_text("What can I help you with today?")
    await widget.get_by_role("button", name="Billing", exact=True).click()
    await expect(widget).to_contain_text("Our billing team answers within a day.")
    await expect(page.locator("#test")).to_contain_text("billing")
    lit = "flow-node:state(visited)"
    await expect(page.locator(lit)).to_have_count(3)
    await expect(page.locator("flow-node:state(current)")).to_have_attribute("id", "billing")
    await page.get_by_role("button", name="Restart").first.click()
    await expect(page.locator(lit)).to_have_count(2)
    await expect(widget).not_to_contain_text("within a day")
    await page.get_by_role("tab", name="Properties").click()
    await expect(page.locator(lit)).to_have_count(0)
    await expect(canvas.nodes).to_have_count(10)
    assert complaints == []


async def test_a_version_is_published_and_restored(page: Page, complaints: Complaints) -> None:
    canvas, flow = await opened(page, order_help())
    await page.get_by_role("button", name="Publish").first.click()
    await page.get_by_label("What changed?").fill("Billing by mail")
    await page.get_by_role("button", name="Publish version 1").click()
    await expect(page.locator("#publish-body")).to_contain_text("Version 1 is live.")
    await page.get_by_role("button", name="Done", exact=True).click()
    await page.locator("#welcome header").click()
    await expect(canvas.form.get_by_label("Step name")).to_be_visible()  # a form that is asked for later is that of no step
    await page.keyboard.press("Delete")
    await expect(page.locator("#state")).to_contain_text("Unpublished changes")
    await page.get_by_role("tab", name="Versions").click()
    versions = page.locator("#versions")
    await expect(versions).to_contain_text("Billing by mail")
    await expect(versions).to_contain_text("by Ada Lovelace")
    await versions.get_by_role("button", name="Restore").click()
    await page.locator("#confirm").get_by_role("button", name="Restore").click()
    await expect(page.locator("#welcome")).to_have_count(1)
    await canvas.saved()
    assert (await draft(page, flow))["triggers"][0]["node"] == "welcome"
    assert complaints == []


CSV = "text,label\n" + "".join(
    f"{text},{label}\n"
    for label, texts in {
        "track": ["where is my order", "track my parcel", "has it shipped", "order status please", "when will it arrive"],
        "refund": ["i want my money back", "refund please", "return this item", "how do i return it", "give me a refund"],
    }.items()
    for text in texts
)


async def test_intents_are_imported_learned_and_used(page: Page, complaints: Complaints) -> None:
    bundle = order_help()
    bundle["nodes"]["understand"] = step("classify_intent", "Understand", 4, 2, intents=["track"])
    bundle["edges"] |= {"x0": edge("billing", "next", "understand"), "x1": edge("understand", "matched", "done")}
    bundle["edges"] |= {"x2": edge("understand", "track", "number"), "x3": edge("understand", "otherwise", "done")}
    flow = await import_flow(page, bundle)
    await page.goto(f"/flows/{flow}/intents")
    await page.get_by_role("button", name="Import CSV").click()
    await page.set_input_files("#f-file", {"name": "examples.csv", "mimeType": "text/csv", "buffer": CSV.encode()})
    await expect(page.locator("#import-preview")).to_contain_text("10 examples of 2 intents, 2 of them new")
    await page.get_by_role("button", name="Import 10 examples").click()
    await expect(page.locator("#intent-list")).to_contain_text("2 intents, 10 examples")
    await page.goto(f"/flows/{flow}")
    await page.get_by_role("button", name="Publish").first.click()
    await page.get_by_role("button", name="Publish version 1").click()
    await expect(page.locator("#publish-body")).to_contain_text("Version 1")
    await expect(page.locator("#state")).to_contain_text("Live v1", timeout=30_000)
    await page.goto(f"/flows/{flow}/intents")
    await expect(page.locator("#intent-list")).to_contain_text("Learned from 10 examples")
    assert complaints == []


async def test_a_flow_is_deleted_and_taken_back(page: Page) -> None:
    await import_flow(page, order_help())
    await page.goto("/flows")
    await page.get_by_role("button", name="More about Order help").click()
    await page.get_by_role("menuitem", name="Delete").click()
    await page.locator("#confirm").get_by_role("button", name="Delete").click()
    await expect(page.get_by_role("heading", name="Draw your first flow")).to_be_visible()
    await page.get_by_role("button", name="Take back Order help").click()
    await expect(page.get_by_role("link", name="Order help")).to_be_visible()


async def test_the_list_is_the_same_flow_without_a_canvas(page: Page, complaints: Complaints) -> None:
    flow = await import_flow(page, order_help())
    await page.goto(f"/flows/{flow}/outline")
    async with page.expect_response(lambda answer: answer.url.endswith("/outline") and answer.request.method == "POST"):
        await page.get_by_label(re.compile("Next.*of Billing team connects to")).select_option(label="1. Welcome")
    assert await exits(page, flow, "billing") == ["welcome"]
    await page.get_by_label("Kind of step").select_option(label="Wait")
    await page.get_by_role("button", name="Add step").click()
    await expect(page.locator("#outline")).to_contain_text("Wait")
    await page.get_by_role("button", name="Edit Billing team").click()
    dialog = page.locator("#step-dialog")
    await dialog.get_by_label("Step name").fill("Billing people")
    await dialog.get_by_label("Step name").blur()
    await expect(page.locator("#outline")).to_contain_text("Billing people")
    assert complaints == []


async def exits(page: Page, flow: str, name: str) -> list[str]:
    """Where a step leads."""
    return [one["target"] for one in (await draft(page, flow))["edges"].values() if one["source"] == name]


async def test_two_tabs_of_one_person_do_not_lose_each_others_work(page: Page, context: BrowserContext) -> None:
    first, flow = await opened(page, chain(6))
    second_page = await context.new_page()
    await second_page.goto(f"/flows/{flow}")
    second = await Canvas(second_page).ready()
    await first.drag_from_palette("end", 900, 700)
    await second_page.locator(".palette [data-type=wait]").click()
    await expect(second.nodes).to_have_count(8)
    await second.saved()
    assert len((await draft(page, flow))["nodes"]) == 8
