"""The canvas, driven by mouse, keyboard and fingers in Chromium. The server behind it keeps a flow in memory."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, Route, expect

from tests.ui.canvas_page import Flow, canvas_app
from tests.ui.serving import served

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@dataclass(slots=True)
class Desk:
    """An open canvas, the flow behind it, and what the browser complained about."""

    page: Page
    flow: Flow
    complaints: list[str]

    def step(self, name: str) -> Locator:
        return self.page.locator(f"#{name}")

    def port(self, node: str, port: str) -> Locator:
        return self.page.locator(f"#{node} [data-port={port}]")

    async def middle(self, place: Locator) -> tuple[float, float]:
        box = await place.bounding_box()
        assert box
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    async def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        mouse = self.page.mouse
        await mouse.move(*start)
        await mouse.down()
        await mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, steps=4)
        await mouse.move(*end, steps=4)
        await mouse.up()

    async def saved(self) -> None:
        """Everything has reached the server."""
        await self.page.wait_for_timeout(60)
        await expect(self.page.locator("#saved")).to_have_text("Saved")

    def link(self, node: str, port: str) -> str | None:
        return next((edge["target"] for edge in self.flow.edges.values() if (edge["source"], edge["port"]) == (node, port)), None)

    def operations(self) -> list[dict[str, Any]]:
        return [op for batch in self.flow.batches.values() for op in batch]

    async def selected(self) -> list[str]:
        names: list[str] = await self.page.eval_on_selector_all("flow-node:state(selected)", "nodes => nodes.map(node => node.id)")
        return sorted(names)

    async def select(self, *names: str) -> None:
        for at, name in enumerate(names):
            await self.step(name).locator("header").click(modifiers=["Shift"] if at else [])


async def open_canvas(browser: Browser, address: str, flow: Flow, **options: Any) -> Desk:
    context = await browser.new_context(viewport={"width": 1440, "height": 900}, **options)
    page = await context.new_page()
    desk = Desk(page, flow, [])
    page.on("pageerror", lambda error: desk.complaints.append(str(error)))
    page.on("console", lambda message: desk.complaints.append(message.text) if message.type in ("error", "warning") else None)
    await page.goto(address)
    await expect(page.locator("flow-canvas[ready]")).to_be_visible()
    await page.wait_for_timeout(80)
    return desk


@pytest_asyncio.fixture(loop_scope="module")
async def desk(browser: Browser) -> AsyncIterator[Desk]:
    """Twelve steps in three columns, all in view."""
    flow = Flow(12)
    async with served(canvas_app(flow)) as address:
        desk = await open_canvas(browser, address, flow)
        yield desk
        await desk.page.close()
    assert [text for text in desk.complaints if "favicon" not in text] == []


async def test_a_step_dragged_from_the_palette_lands_under_the_pointer(desk: Desk) -> None:
    await desk.drag(await desk.middle(desk.page.locator(".palette [data-type=branch]")), (1000, 820))
    await desk.saved()
    (added,) = [op for op in desk.operations() if op["op"] == "add"]
    box = await desk.step(added["id"]).bounding_box()
    assert box is not None
    assert box["x"] < 1000 < box["x"] + box["width"]
    assert box["y"] <= 820 < box["y"] + box["height"]
    assert await desk.selected() == [added["id"]]
    await expect(desk.page.locator(f"#panel form[data-node={added['id']}]")).to_be_visible()


async def test_enter_in_the_palette_adds_a_step_on_a_free_place_and_focuses_it(desk: Desk) -> None:
    await desk.page.locator(".palette [data-type=end]").press("Enter")
    await desk.saved()
    (added,) = desk.operations()
    await expect(desk.step(added["id"])).to_be_focused()
    others = [node for node in desk.flow.nodes.values() if node["id"] != added["id"]]
    assert not any(abs(node["x"] - added["x"]) < 232 and abs(node["y"] - added["y"]) < 90 for node in others)


async def test_a_step_dropped_on_a_connection_goes_in_between(desk: Desk) -> None:
    await desk.page.evaluate("document.querySelector('#canvas').fit(['n0', 'n1'])")
    await desk.page.wait_for_timeout(50)
    edge = next(edge for edge in desk.flow.edges.values() if (edge["source"], edge["target"]) == ("n0", "n1"))
    middle = await desk.page.evaluate(
        "id => { const canvas = document.querySelector('#canvas'); const box = canvas.getBoundingClientRect();"
        " const at = canvas.viewport.toScreen(canvas.drawing.middleOf(id)); return [at.x + box.left, at.y + box.top]; }",
        edge["id"],
    )
    await desk.drag(await desk.middle(desk.page.locator(".palette [data-type=send_message]")), tuple(middle))
    await desk.saved()
    (added,) = [op for op in desk.operations() if op["op"] == "add"]
    assert added["split"] == edge["id"]
    assert desk.link("n0", "next") == added["id"]
    assert desk.link(added["id"], "next") == "n1"


async def test_a_port_dragged_to_a_step_connects_and_replaces_the_old_connection(desk: Desk) -> None:
    before = len(desk.flow.edges)
    await desk.drag(await desk.middle(desk.port("n0", "next")), await desk.middle(desk.step("n9").locator("header")))
    await desk.saved()
    assert desk.link("n0", "next") == "n9"
    assert len(desk.flow.edges) == before
    (operation,) = desk.operations()
    path = desk.page.locator(f"[data-edge='{operation['id']}'] .line")
    assert (await path.get_attribute("d") or "").startswith("M")
    assert await desk.page.locator("flow-edge").count() == before


async def test_click_on_a_port_then_on_a_step_connects(desk: Desk) -> None:
    await desk.page.mouse.click(*await desk.middle(desk.port("n1", "otherwise")))
    await desk.step("n8").locator("header").click()
    await desk.saved()
    assert desk.link("n1", "otherwise") == "n8"


async def test_escape_gives_up_a_connection(desk: Desk) -> None:
    await desk.page.mouse.click(*await desk.middle(desk.port("n1", "otherwise")))
    await desk.page.keyboard.press("Escape")
    await desk.step("n8").locator("header").click()
    assert desk.link("n1", "otherwise") is None


async def test_a_connection_dropped_on_nothing_offers_the_next_step(desk: Desk) -> None:
    x, y = await desk.middle(desk.port("n1", "otherwise"))
    await desk.drag((x, y), (x + 60, y + 10))
    await desk.page.locator("#quick [data-type=end]").click()
    await desk.saved()
    added = desk.link("n1", "otherwise")
    assert added is not None
    assert desk.flow.nodes[added]["type"] == "end"


async def test_everything_works_from_the_keyboard(desk: Desk) -> None:
    keyboard = desk.page.keyboard
    await desk.page.locator("#canvas").focus()
    await keyboard.press("Home")
    await expect(desk.step("n0")).to_be_focused()
    await keyboard.press("ArrowDown")
    await expect(desk.step("n1")).to_be_focused()
    await keyboard.press("c")
    await keyboard.press("c")
    await keyboard.press("ArrowRight")
    target = await desk.page.evaluate("document.activeElement.id")
    await keyboard.press("Enter")
    await desk.saved()
    assert target not in ("n0", "n1", "canvas")
    (operation,) = desk.operations()
    assert (operation["source"], operation["target"]) == ("n1", target)
    await desk.step("n1").focus()
    await keyboard.press("n")
    await expect(desk.page.locator("#quick")).to_be_visible()
    await keyboard.press("ArrowDown")
    await keyboard.press("Enter")
    await desk.saved()
    assert desk.operations()[-1]["source"] == "n1"
    await desk.step("n2").focus()
    await keyboard.press("Enter")
    await expect(desk.page.locator("#f-title")).to_be_focused()


async def test_arrows_with_alt_move_the_step_and_say_so_once(desk: Desk) -> None:
    await desk.select("n0")
    x = desk.flow.nodes["n0"]["x"]
    for _ in range(3):
        await desk.page.keyboard.press("Alt+ArrowRight")
    await desk.saved()
    assert desk.flow.nodes["n0"]["x"] == x + 24
    assert {op["merge"] for op in desk.operations()} == {"nudge"}


async def test_a_frame_drawn_with_shift_selects_and_the_group_moves_together(desk: Desk) -> None:
    first, second = await desk.step("n0").bounding_box(), await desk.step("n5").bounding_box()
    assert first
    assert second
    await desk.page.keyboard.down("Shift")
    await desk.drag((first["x"] - 8, first["y"] - 8), (second["x"] + 60, second["y"] + 40))
    await desk.page.keyboard.up("Shift")
    assert await desk.selected() == ["n0", "n1", "n4", "n5"]
    before = {name: dict(node) for name, node in desk.flow.nodes.items()}
    x, y = await desk.middle(desk.step("n0").locator("header"))
    await desk.drag((x, y), (x + 64, y - 48))
    await desk.saved()
    moved = {name for name, node in desk.flow.nodes.items() if node["x"] != before[name]["x"]}
    assert moved == {"n0", "n1", "n4", "n5"}
    assert (
        len({(node["x"] - before[name]["x"], node["y"] - before[name]["y"]) for name, node in desk.flow.nodes.items() if name in moved})
        == 1
    )


async def test_escape_puts_a_dragged_step_back(desk: Desk) -> None:
    x, y = await desk.middle(desk.step("n0").locator("header"))
    before = await desk.step("n0").bounding_box()
    await desk.page.mouse.move(x, y)
    await desk.page.mouse.down()
    await desk.page.mouse.move(x + 80, y + 80, steps=4)
    await desk.page.keyboard.press("Escape")
    await desk.page.mouse.up()
    assert await desk.step("n0").bounding_box() == before
    assert desk.operations() == []


async def test_copies_get_ids_from_the_client_and_are_selected(desk: Desk) -> None:
    await desk.select("n0", "n1")
    await desk.page.keyboard.press("Control+c")
    await desk.page.keyboard.press("Control+v")
    await desk.saved()
    (paste,) = desk.operations()
    assert set(paste["ids"]) == {"n0", "n1"}
    assert await desk.selected() == sorted(paste["ids"].values())
    await expect(desk.page.locator("flow-node")).to_have_count(14)
    assert await desk.page.locator("flow-edge").count() == len(desk.flow.edges)


async def test_delete_removes_steps_with_their_connections(desk: Desk) -> None:
    await desk.select("n1", "n5")
    await desk.page.keyboard.press("Delete")
    await desk.saved()
    assert not {"n1", "n5"} & set(desk.flow.nodes)
    assert not any({"n1", "n5"} & {edge["source"], edge["target"]} for edge in desk.flow.edges.values())
    assert await desk.page.locator("flow-edge").count() == len(desk.flow.edges) == await desk.page.locator("[data-edge]").count()


async def test_a_chosen_connection_offers_to_insert_or_delete(desk: Desk) -> None:
    edge = next(edge for edge in desk.flow.edges.values() if (edge["source"], edge["target"]) == ("n1", "n6"))
    await desk.page.locator(f"[data-edge='{edge['id']}'] .hit").dispatch_event(
        "pointerdown", {"button": 0, "bubbles": True, "pointerId": 1}
    )
    tools = desk.page.locator(".fc-edge-tools")
    await expect(tools).to_be_visible()
    await tools.get_by_role("button", name="Insert a step here").click()
    await desk.page.locator("#quick [data-type=send_message]").click()
    await desk.saved()
    assert desk.operations()[-1]["split"] == edge["id"]


async def test_what_was_typed_is_saved_before_the_next_form_opens(desk: Desk) -> None:
    await desk.select("n0")
    await desk.page.locator("#f-title").fill("Welcome")
    await desk.step("n4").locator("header").click()
    await expect(desk.page.locator("#panel form[data-node=n4]")).to_be_visible()
    assert desk.flow.nodes["n0"]["title"] == "Welcome"
    await expect(desk.step("n0").locator("b")).to_have_text("Welcome")


async def test_saving_renders_the_card_anew_and_keeps_place_selection_and_caret(desk: Desk) -> None:
    await desk.select("n0")
    before = await desk.step("n0").bounding_box()
    title = desk.page.locator("#f-title")
    await title.fill("Good day")
    await title.dispatch_event("change")
    await expect(desk.step("n0").locator("b")).to_have_text("Good day")
    await expect(title).to_be_focused()
    assert await desk.selected() == ["n0"]
    after = await desk.step("n0").bounding_box()
    assert (before or {})["x"] == (after or {})["x"]


async def test_a_refused_batch_brings_the_server_s_picture_back(desk: Desk) -> None:
    desk.flow.fail_next = 422
    await desk.select("n1")
    await desk.page.keyboard.press("Delete")
    await expect(desk.page.locator(".toast")).to_contain_text("The flow is locked.")
    await expect(desk.step("n1")).to_be_visible()
    assert await desk.page.locator("flow-edge").count() == len(desk.flow.edges)
    desk.complaints.clear()  # the browser reports the 422 itself


async def test_a_lost_connection_is_retried_and_the_batch_done_once(desk: Desk) -> None:
    await desk.page.context.set_offline(True)
    await desk.select("n2")
    await desk.page.keyboard.press("Alt+ArrowRight")
    await expect(desk.page.locator("#saved")).to_have_text("Not saved, trying again…")
    await desk.page.context.set_offline(False)
    await desk.saved()
    assert len(desk.operations()) == 1
    desk.complaints.clear()


async def test_undo_waits_for_what_was_done_before(desk: Desk) -> None:
    await desk.select("n0")
    await desk.page.keyboard.press("Alt+ArrowRight")
    await desk.page.keyboard.press("Control+z")
    await desk.saved()
    assert len(desk.operations()) == 1
    assert desk.flow.undone == 1


async def test_find_goes_to_a_step_and_a_problem_opens_its_field(desk: Desk) -> None:
    await desk.page.keyboard.press("Control+k")
    await desk.page.locator("#find-input").fill("step 11")
    await desk.page.keyboard.press("Enter")
    await expect(desk.step("n11")).to_be_focused()
    await desk.page.get_by_role("tab", name="Problems").click()
    await desk.page.get_by_role("button", name="Go").click()
    await expect(desk.page.locator("#f-title")).to_be_focused()
    assert await desk.selected() == ["n0"]


async def test_find_takes_the_keys_typed_while_its_script_loads(desk: Desk) -> None:
    async def late(route: Route) -> None:
        await asyncio.sleep(0.4)
        await route.continue_()

    await desk.page.route("**/chunk-find-*.js", late)
    await desk.page.keyboard.press("Control+k")
    await desk.page.keyboard.type("step 11")
    await desk.page.keyboard.press("Enter")
    await expect(desk.step("n11")).to_be_focused()


async def test_tidy_up_leaves_no_step_on_another(desk: Desk) -> None:
    await desk.page.get_by_role("button", name="Tidy up").click()
    await expect(desk.page.locator("#live")).to_have_text("Steps arranged")
    await desk.saved()
    boxes = [(node["x"], node["y"]) for node in desk.flow.nodes.values()]
    assert len(set(boxes)) == 12
    assert not any(a != b and abs(a[0] - b[0]) < 232 and abs(a[1] - b[1]) < 60 for a in boxes for b in boxes)


async def test_the_way_of_a_conversation_lights_up_and_goes_out(desk: Desk) -> None:
    light = "detail => document.querySelector('#canvas').dispatchEvent(new CustomEvent('flow:highlight', {detail}))"
    await desk.page.evaluate(light, {"visited": ["n0", "n1"], "edges": ["e0-0"], "current": "n1"})
    assert await desk.page.locator("flow-node:state(visited)").count() == 2
    assert await desk.page.locator("flow-node:state(current)").get_attribute("id") == "n1"
    assert await desk.page.locator("[data-edge].visited").count() == 1
    await desk.page.evaluate(light, None)
    assert await desk.page.locator("flow-node:state(visited)").count() == 0


async def test_a_read_only_canvas_changes_nothing(browser: Browser) -> None:
    flow = Flow(12)
    async with served(canvas_app(flow, readonly=True)) as address:
        desk = await open_canvas(browser, address, flow)
        x, y = await desk.middle(desk.step("n0").locator("header"))
        await desk.drag((x, y), (x + 80, y + 80))
        await desk.drag(await desk.middle(desk.port("n0", "next")), await desk.middle(desk.step("n9").locator("header")))
        await desk.page.keyboard.press("Delete")
        await desk.page.locator(".palette [data-type=end]").click()
        assert desk.operations() == []
        assert await desk.page.locator("flow-node").count() == 12
        await desk.page.close()


async def test_two_fingers_zoom_and_one_moves_a_step(browser: Browser) -> None:
    flow = Flow(12)
    async with served(canvas_app(flow)) as address:
        desk = await open_canvas(browser, address, flow, has_touch=True)
        session = await desk.page.context.new_cdp_session(desk.page)

        async def touch(kind: str, *points: tuple[float, float]) -> None:
            await session.send(
                "Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y, "id": at} for at, (x, y) in enumerate(points)]}
            )

        async def zoom() -> float:
            return float((await desk.page.locator("#zoom").inner_text()).rstrip("%"))

        before = await zoom()
        await touch("touchStart", (700, 450))
        await touch("touchStart", (700, 450), (760, 450))
        for step in range(1, 8):
            await touch("touchMove", (700 - step * 10, 450), (760 + step * 10, 450))
        await touch("touchEnd")
        assert await zoom() > before * 1.5
        await desk.page.evaluate("document.querySelector('#canvas').fit()")
        await desk.page.wait_for_timeout(80)
        x, y = await desk.middle(desk.step("n6").locator("header"))
        at = flow.nodes["n6"]["x"]
        await touch("touchStart", (x, y))
        for step in range(1, 8):
            await touch("touchMove", (x + step * 8, y))
        await touch("touchEnd")
        await desk.saved()
        assert flow.nodes["n6"]["x"] > at
        await desk.page.close()


async def test_five_hundred_steps_are_drawn_and_move(browser: Browser) -> None:
    flow = Flow(500)
    async with served(canvas_app(flow)) as address:
        desk = await open_canvas(browser, address, flow)
        assert await desk.page.locator("[data-edge]").count() == len(flow.edges)
        await desk.page.locator("#canvas").focus()
        await desk.page.keyboard.press("Control+a")
        x, y = await desk.middle(desk.step("n0").locator("header"))
        await desk.drag((x, y), (x + 40, y + 40))
        await desk.saved()
        (move,) = desk.operations()
        assert len(move["moves"]) == 500
        await desk.page.close()


async def test_the_context_menu_offers_what_fits_the_place(desk: Desk) -> None:
    menu = desk.page.locator("#canvas-menu")
    await desk.step("n4").locator("header").click(button="right")
    await expect(menu.get_by_role("menuitem", name="Start here", exact=True)).to_be_visible()
    await expect(menu.get_by_role("menuitem", name="Paste")).to_be_hidden()
    await menu.get_by_role("menuitem", name="Start here", exact=True).click()
    await desk.saved()
    assert desk.operations() == [{"op": "start", "node": "n4"}]
    await desk.page.mouse.click(760, 880, button="right")
    await menu.get_by_role("menuitem", name="Select all").click()
    assert len(await desk.selected()) == 12


async def test_the_list_of_keys_opens_by_a_question_mark(desk: Desk) -> None:
    await desk.page.locator("#canvas").focus()
    await desk.page.keyboard.press("?")
    await expect(desk.page.get_by_role("dialog", name="Keyboard shortcuts")).to_contain_text("Duplicate", ignore_case=True)


async def test_an_empty_canvas_says_how_to_begin(browser: Browser) -> None:
    flow = Flow(0)
    async with served(canvas_app(flow)) as address:
        desk = await open_canvas(browser, address, flow)
        await expect(desk.page.get_by_role("heading", name="Start with a message")).to_be_visible()
        await desk.page.locator(".palette [data-type=send_message]").click()
        await desk.saved()
        await expect(desk.page.get_by_role("heading", name="Start with a message")).to_be_hidden()
        await desk.page.close()
