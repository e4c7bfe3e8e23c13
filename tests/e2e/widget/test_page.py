"""The widget as a part of somebody's page: badge, focus, styles, API, language, phone, who may show it."""

from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import BrowserContext, expect

from tests.e2e.widget.chat import Chat
from tests.e2e.widget.conftest import Visit
from tests.e2e.widget.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
NewContext = Callable[..., Awaitable[BrowserContext]]


async def test_unread_messages_are_counted_while_it_is_closed(chat: Chat, site: Site) -> None:
    await chat.open()
    await chat.page.keyboard.press("Escape")
    await expect(chat.panel).to_be_hidden()
    conversation = await chat.conversation()
    await site.bot_says(conversation, "Your parcel has arrived.")
    await site.bot_says(conversation, "Anything else?")
    badge = chat.element.locator(".badge")
    await expect(badge).to_have_text("2")
    await expect(chat.launcher).to_have_accessible_name("Open chat, 2 unread")
    await chat.page.reload()
    await expect(badge).to_have_text("2")
    await chat.launcher.click()
    await expect(badge).to_be_hidden()
    await chat.page.reload()
    await expect(chat.element.locator(".state")).to_have_text("Online")  # the messages came before that
    await expect(badge).to_be_hidden()


async def test_the_focus_goes_in_and_comes_back(chat: Chat) -> None:
    await chat.page.keyboard.press("Tab")
    assert await chat.focused() == "launcher"
    await chat.page.keyboard.press("Enter")
    await expect(chat.element.get_by_role("dialog", name="Acme help")).to_be_visible()
    assert await chat.focused() == "TEXTAREA"
    await expect(chat.bubbles).to_have_count(1)
    await chat.page.keyboard.type("all by keyboard")
    await chat.page.keyboard.press("Enter")
    await chat.expect_once("all by keyboard")
    await expect(chat.replies.last).to_be_visible()  # the bot has answered, and asks
    await chat.replies.last.focus()
    await chat.page.keyboard.press("Enter")
    await chat.expect_once("Talk to a person")
    assert await chat.focused() == "TEXTAREA"
    await chat.page.keyboard.press("Escape")
    assert await chat.focused() == "launcher"
    await expect(chat.launcher).to_have_attribute("aria-expanded", "false")


async def test_the_page_around_can_open_close_write_and_listen(chat: Chat) -> None:
    await chat.page.evaluate("""() => {
        window.heard = [];
        for (const name of ["open", "close", "turn"]) window.chatloom.on(name, detail => heard.push([name, detail?.turn ?? null]));
        window.stop = window.chatloom.on("message", message => heard.push(["message", message.direction, message.body.text]));
        document.addEventListener("chatloom:turn", event => (window.turn = event.detail));
        window.chatloom.open();
    }""")
    await expect(chat.bubbles).to_have_count(1)
    await chat.send("from the page")
    await chat.expect_once("from the page")
    style = "one => ['fontSize', 'letterSpacing', 'fontFamily', 'backgroundColor'].map(name => getComputedStyle(one)[name])"
    for part in (chat.bubbles.first, chat.element.get_by_role("button", name="Send"), chat.replies.first, chat.launcher):
        size, spacing, family, background = await part.evaluate(style)
        assert size in ("14px", "15px"), "the shop's styles stay outside"
        assert spacing == "normal"
        assert "Georgia" not in family
        assert background != "rgb(255, 0, 0)"
    await chat.page.evaluate("() => { stop(); chatloom.close(); }")
    await expect(chat.panel).to_be_hidden()
    heard = await chat.page.evaluate("heard")
    assert [one for one in heard if one[0] == "message"] == [
        ["message", "out", "Hello! I am the **demo bot**. What would you like to do?"],
        ["message", "in", "from the page"],
        ["message", "out", "You said: from the page"],
    ]
    assert heard[0] == ["open", None]
    assert heard[-1] == ["close", None]
    turns = [one[1] for one in heard if one[0] == "turn"]
    assert turns == sorted(set(turns))
    assert await chat.page.evaluate("turn") == {"conversation": await chat.conversation(), "turn": turns[-1]}


async def test_it_speaks_the_pages_language_and_direction(visit: Visit) -> None:
    arabic = await visit("data-lang=ar")
    await expect(arabic.launcher).to_have_accessible_name("افتح المحادثة")
    box = await arabic.launcher.bounding_box()
    assert box
    assert box["x"] < 100
    german = await visit("data-lang=de-AT&data-heading=Hilfe")
    await german.open()
    await expect(german.input).to_have_attribute("placeholder", "Nachricht schreiben …")
    await expect(german.element.get_by_role("dialog", name="Hilfe")).to_be_visible()
    box = await german.launcher.bounding_box()
    assert box
    assert box["x"] > 900


async def test_on_a_phone_it_fills_the_screen_and_keeps_the_focus_inside(visit: Visit, new_context: NewContext) -> None:
    phone = await visit(context=await new_context(360, 640, has_touch=True, is_mobile=True))
    await phone.launcher.tap()
    await expect(phone.bubbles).to_have_count(1)
    assert await phone.panel.bounding_box() == {"x": 0, "y": 0, "width": 360, "height": 640}
    await expect(phone.panel).to_have_attribute("aria-modal", "true")
    for _ in range(12):
        await phone.page.keyboard.press("Tab")
        assert await phone.panel.evaluate("panel => panel.contains(panel.getRootNode().activeElement)")
    await phone.element.get_by_role("button", name="Close chat").tap()
    await expect(phone.panel).to_be_hidden()
    await expect(phone.launcher).to_be_visible()
    assert await phone.page.evaluate("document.documentElement.scrollWidth") == 360


async def test_a_page_that_is_not_on_the_list_gets_no_chat(visit: Visit, site: Site) -> None:
    chat = await visit(where=await site.with_channel(allowed_origins=["https://somewhere-else.example"]))
    await chat.page.clock.install()
    await chat.launcher.click()
    for _ in range(30):  # it tries again, with pauses
        await chat.page.clock.run_for(1_000)
        if await chat.strip.is_visible():
            break
    await expect(chat.strip).to_contain_text("not available")
    assert await chat.bubbles.count() == 0


async def test_the_hosted_page_is_the_chat_alone(visit: Visit) -> None:
    chat = await visit(hosted=True)
    await expect(chat.element.get_by_role("region", name="Acme help")).to_be_visible()
    await expect(chat.bubbles).to_have_count(1)
    await chat.say("hello from the hosted page")
    await chat.expect_once("hello from the hosted page")
    assert await chat.launcher.count() == 0
    assert await chat.violations() == []
