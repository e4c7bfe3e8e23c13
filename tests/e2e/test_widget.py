"""The widget in a real browser, on a shop's page with a strict policy, in front of the real server."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from playwright.async_api import Browser, BrowserContext, Locator, Page, Route, expect

from tests.e2e.widget_site import Site, open_site

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
HELLO = "Hello! I am the demo bot. What would you like to do?"
Widget = Callable[..., Awaitable["Chat"]]


class Chat:
    """The widget on one page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.element = page.locator("chatloom-widget")
        self.launcher = self.element.locator(".launcher")
        self.panel = self.element.locator(".panel")
        self.input = self.element.get_by_role("textbox")
        self.bubbles = self.element.locator(".row:not([aria-hidden]) .bubble")
        self.replies = self.element.get_by_role("group").get_by_role("button")

    async def open(self) -> "Chat":
        """Click the launcher and wait for the greeting."""
        await self.launcher.click()
        await expect(self.bubbles.first).to_contain_text(HELLO)
        return self

    async def say(self, text: str) -> None:
        """Type and send."""
        await self.input.fill(text)
        await self.input.press("Enter")

    async def send(self, text: str) -> None:
        """Send by the page's API."""
        await self.page.evaluate("text => window.chatloom.send(text)", text)

    async def said(self) -> list[str]:
        """Everything in the conversation, oldest first: "You: hi", "Bot: Hello"."""
        texts = await self.bubbles.all_inner_texts()
        return [re.sub(r"\s+", " ", text).replace("You said: ", "You: ", 1) if text.startswith("You said:") else text for text in texts]

    def bubble(self, text: str) -> Locator:
        """The bubble with exactly this text, as a screen reader reads it."""
        return self.bubbles.filter(has_text=re.compile(rf"^\s*{re.escape(text)}\s*$"))

    async def expect_once(self, *texts: str) -> None:
        """Each text is there, and only once, and nothing waits to be sent."""
        for text in texts:
            await expect(self.bubble(f"You said: {text}")).to_have_count(1, timeout=15_000)
            await expect(self.bubble(f"Bot said: You said: {text}")).to_have_count(1, timeout=15_000)
        await expect(self.element.locator(".waiting")).to_have_count(0)

    async def conversation(self) -> str:
        """The id of the conversation this browser remembers."""
        found = "JSON.parse(Object.entries(localStorage).find(([key]) => key.endsWith(':conversation'))[1]).id"
        return str(await self.page.evaluate(found))


@pytest.fixture
async def site(app: Litestar) -> AsyncIterator[Site]:
    async with open_site(app, heading="Acme help", accent="#0f766e") as opened:
        yield opened


@pytest.fixture
async def context(chromium: Browser) -> BrowserContext:
    return await chromium.new_context(viewport={"width": 1000, "height": 760}, locale="en-GB")


@pytest.fixture
async def widget(site: Site) -> AsyncIterator[Widget]:
    """Opens the shop in a new tab; whatever the page complains about fails the test."""
    complaints: list[str] = []

    async def visit(context: BrowserContext, attributes: str = "") -> Chat:
        page = await context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if "Content Security Policy" in message.text else None)
        await page.goto(f"{site.shop}/?{attributes}")
        chat = Chat(page)
        await expect(chat.element).to_be_attached()
        return chat

    yield visit
    assert complaints == []


@pytest.fixture
async def chat(widget: Widget, context: BrowserContext) -> Chat:
    return await widget(context)


async def focused(chat: Chat) -> str:
    return str(await chat.page.evaluate("document.querySelector('chatloom-widget').shadowRoot.activeElement?.className || 'TEXTAREA'"))


async def violations(page: Page) -> list[str]:
    await page.wait_for_timeout(400)  # animations end
    await page.add_script_tag(path=AXE)
    found = await page.evaluate(
        "axe.run().then(result => result.violations.map(one => `${one.id}: ${one.nodes.map(node => node.html).join(' ')}`))"
    )
    return list(found)


# --- talking


async def test_a_visitor_is_greeted_answers_and_is_answered(chat: Chat) -> None:
    await chat.open()
    await expect(chat.replies).to_have_text(["Track my order", "Talk to a person"])
    await chat.say("Where is my order?")
    await chat.expect_once("Where is my order?")
    await chat.replies.first.click()
    await chat.expect_once("Track my order")
    assert await chat.bubbles.count() == 5


async def test_html_is_text_and_addresses_are_links(chat: Chat) -> None:
    await chat.open()
    await chat.say("See https://x.example/1 <b>my</b> <img src=x onerror=alert(1)>")
    await chat.expect_once("See https://x.example/1 <b>my</b> <img src=x onerror=alert(1)>")
    assert await chat.bubbles.locator("b, img").count() == 0
    link = chat.bubbles.nth(1).get_by_role("link")
    await expect(link).to_have_attribute("href", "https://x.example/1")
    await expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")


async def test_a_bots_markup_becomes_structure_and_nothing_dangerous(chat: Chat, site: Site) -> None:
    await chat.open()
    text = (
        "**Bold** and *slanted* and snake_case_name\n\n1. first\n2. second\n\n- `code <b>`\n\n```\nlet x = 1 < 2;\n```\n"
        "[terms](https://acme.example/terms) [bad](javascript:alert(1)) [worse](data:text/html,x) ![no](https://t.example/p.png)"
    )
    await site.bot_says(await chat.conversation(), text)
    bubble = chat.bubbles.nth(1)
    await expect(bubble.locator("strong")).to_have_text("Bold")
    await expect(bubble.locator("em")).to_have_text("slanted")
    await expect(bubble.locator("ol li")).to_have_text(["first", "second"])
    await expect(bubble.locator("ul code")).to_have_text("code <b>")
    await expect(bubble.locator("pre")).to_have_text("let x = 1 < 2;")
    assert await bubble.get_by_role("link").evaluate_all("links => links.map(link => link.href)") == [
        "https://acme.example/terms",
        "https://t.example/p.png",
    ]
    assert "[bad](javascript:alert(1))" in await bubble.inner_text()
    assert await bubble.locator("img, script, iframe").count() == 0


async def test_an_answer_is_written_as_it_comes_and_stays_once(chat: Chat, site: Site) -> None:
    await chat.open()
    conversation = await chat.conversation()
    await expect(chat.element.locator(".state")).to_have_text("Online")
    for start, piece in ((0, "Your **order** "), (15, "is on "), (21, "its way")):
        await site.tell(conversation, kind="delta", call_id="c:2:n1:1", text=piece, **{"from": start})
    streaming = chat.element.locator(".streaming")
    await expect(streaming).to_have_text("Your order is on its way")
    await expect(chat.element.locator(".row[aria-hidden] .streaming")).to_be_visible()
    await site.bot_says(conversation, "Your **order** is on its way.", call_id="c:2:n1:1")
    await expect(chat.bubble("Bot said: Your order is on its way.")).to_have_count(1)
    await expect(streaming).to_have_count(0)
    await site.tell(conversation, kind="delta", call_id="c:3:n1:1", text="the end of something whose beginning was missed", **{"from": 40})
    await site.tell(conversation, kind="typing", on=True)
    await expect(chat.element.locator(".dots")).to_be_visible()
    await expect(streaming).to_have_count(0)
    await site.tell(conversation, kind="typing", on=False)
    await expect(chat.element.locator(".dots")).to_have_count(0)


async def test_what_the_server_refuses_says_why_and_holds_nothing_up(chat: Chat) -> None:
    await chat.open()
    await chat.send("x" * 5_000)
    await expect(chat.element.get_by_role("alert")).to_be_visible()
    await expect(chat.element.get_by_role("button", name="Try again")).to_be_visible()
    await chat.say("short")
    await chat.expect_once("short")


# --- once and only once


async def test_a_stream_cut_after_every_message_loses_and_doubles_nothing(chat: Chat, site: Site) -> None:
    site.streams.after = 1
    await chat.open()
    for number in range(5):
        await chat.send(f"message {number}")
    await chat.expect_once(*(f"message {number}" for number in range(5)))
    await chat.page.reload()
    await chat.launcher.click()
    await expect(chat.bubbles).to_have_count(11, timeout=20_000)
    await chat.expect_once(*(f"message {number}" for number in range(5)))
    texts = await chat.bubbles.all_inner_texts()
    assert [texts.index(text) for text in texts] == list(range(11))


async def test_what_is_written_offline_is_sent_once_when_the_network_is_back(chat: Chat, context: BrowserContext) -> None:
    await chat.open()
    await context.set_offline(True)
    await chat.say("while offline")
    await expect(chat.element.locator(".row.waiting")).to_have_count(1)
    await expect(chat.element.get_by_role("status")).to_contain_text("offline")
    await asyncio.sleep(1)
    await expect(chat.element.locator(".row.waiting")).to_have_count(1)
    await context.set_offline(False)
    await chat.expect_once("while offline")
    await expect(chat.element.get_by_role("status")).to_be_hidden()


async def test_what_is_written_offline_survives_a_reload(chat: Chat, context: BrowserContext) -> None:
    await chat.open()
    await chat.page.route("**/api/v2/chat/message*", lambda route: route.abort())
    await chat.say("do not lose me")
    await expect(chat.element.locator(".row.waiting")).to_have_count(1)
    await chat.page.unroute("**/api/v2/chat/message*")
    await chat.page.reload()
    await chat.launcher.click()
    await chat.expect_once("do not lose me")
    assert await chat.bubbles.count() == 3


async def test_a_lost_acknowledgement_is_asked_for_again_and_not_answered_twice(chat: Chat) -> None:
    await chat.open()
    posts, again = 0, asyncio.Event()

    async def lose_the_first(route: Route) -> None:
        nonlocal posts
        posts += route.request.method == "POST"
        if posts == 1 and route.request.method == "POST":
            await route.fetch()
            await route.abort()
        else:
            again.set()
            await route.continue_()

    await chat.page.route("**/api/v2/chat/message*", lose_the_first)
    await chat.say("lost acknowledgement")
    await asyncio.wait_for(again.wait(), 5)
    await chat.expect_once("lost acknowledgement")
    await asyncio.sleep(1)
    assert posts == 2
    assert await chat.bubbles.count() == 3


async def test_a_reload_shows_the_same_conversation(chat: Chat) -> None:
    await chat.open()
    await chat.say("remember me")
    await chat.expect_once("remember me")
    before, conversation = await chat.said(), await chat.conversation()
    await chat.page.reload()
    await chat.launcher.click()
    await expect(chat.bubbles).to_have_count(3)
    assert (await chat.said(), await chat.conversation()) == (before, conversation)
    await expect(chat.replies).to_have_count(2)


async def test_two_tabs_are_one_conversation(widget: Widget, context: BrowserContext) -> None:
    one, two = await widget(context), await widget(context)
    await asyncio.gather(one.open(), two.open())
    assert await one.conversation() == await two.conversation()
    await one.say("from the first tab")
    await two.expect_once("from the first tab")
    await two.say("from the second tab")
    await one.expect_once("from the first tab", "from the second tab")
    assert await one.said() == await two.said()
    assert await one.bubbles.count() == 5


async def test_starting_over_begins_another_conversation(chat: Chat) -> None:
    await chat.open()
    await chat.say("old")
    await chat.expect_once("old")
    before = await chat.conversation()
    await chat.element.get_by_role("button", name="Start over").click()
    await expect(chat.bubbles).to_have_count(1)
    await expect(chat.bubbles.first).to_contain_text(HELLO)
    assert await chat.conversation() != before


async def test_a_conversation_that_is_gone_gives_way_to_a_new_one(chat: Chat) -> None:
    await chat.open()
    before = await chat.conversation()
    spoil = "key => { const entry = JSON.parse(localStorage[key]); entry.token += 'x'; localStorage[key] = JSON.stringify(entry); }"
    await chat.page.evaluate(f"Object.keys(localStorage).filter(key => key.endsWith(':conversation')).forEach({spoil})")
    await chat.page.reload()
    await chat.launcher.click()
    await expect(chat.bubbles).to_have_count(1)
    await chat.say("still works")
    await chat.expect_once("still works")
    assert await chat.conversation() != before


# --- the widget as a part of the page


async def test_unread_messages_are_counted_while_it_is_closed(chat: Chat, site: Site) -> None:
    await chat.open()
    await chat.page.keyboard.press("Escape")
    await expect(chat.panel).to_be_hidden()
    conversation = await chat.conversation()
    await site.bot_says(conversation, "Your parcel has arrived.")
    await site.bot_says(conversation, "Anything else?")
    await expect(chat.element.locator(".badge")).to_have_text("2")
    await expect(chat.launcher).to_have_accessible_name("Open chat, 2 unread")
    await chat.page.reload()
    await expect(chat.element.locator(".badge")).to_have_text("2")
    await chat.launcher.click()
    await expect(chat.element.locator(".badge")).to_be_hidden()
    await chat.page.reload()
    await asyncio.sleep(1)
    await expect(chat.element.locator(".badge")).to_be_hidden()


async def test_the_focus_goes_in_and_comes_back(chat: Chat) -> None:
    await chat.page.keyboard.press("Tab")
    assert await focused(chat) == "launcher"
    await chat.page.keyboard.press("Enter")
    await expect(chat.element.get_by_role("dialog", name="Acme help")).to_be_visible()
    assert await focused(chat) == "TEXTAREA"
    await expect(chat.bubbles).to_have_count(1)
    await chat.page.keyboard.type("all by keyboard")
    await chat.page.keyboard.press("Enter")
    await chat.expect_once("all by keyboard")
    await expect(chat.replies.last).to_be_visible()  # the bot has answered, and asks
    await chat.page.keyboard.press("Shift+Tab")
    await chat.page.keyboard.press("Enter")
    await chat.expect_once("Talk to a person")
    assert await focused(chat) == "TEXTAREA"
    await chat.page.keyboard.press("Escape")
    assert await focused(chat) == "launcher"
    await expect(chat.launcher).to_have_attribute("aria-expanded", "false")


async def test_the_shops_styles_stay_outside(chat: Chat) -> None:
    await chat.open()
    style = "one => ['fontSize', 'letterSpacing', 'fontFamily', 'backgroundColor'].map(name => getComputedStyle(one)[name])"
    for part in (chat.bubbles.first, chat.element.get_by_role("button", name="Send"), chat.replies.first, chat.launcher):
        size, spacing, family, background = await part.evaluate(style)
        assert size in ("14px", "15px")
        assert spacing == "normal"
        assert "Georgia" not in family
        assert background != "rgb(255, 0, 0)"


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


async def test_it_speaks_the_pages_language_and_direction(widget: Widget, context: BrowserContext) -> None:
    arabic = await widget(context, "data-lang=ar")
    await expect(arabic.launcher).to_have_accessible_name("افتح المحادثة")
    box = await arabic.launcher.bounding_box()
    assert box
    assert box["x"] < 100
    german = await widget(context, "data-lang=de-AT&data-heading=Hilfe")
    await german.open()
    await expect(german.input).to_have_attribute("placeholder", "Nachricht schreiben …")
    await expect(german.element.get_by_role("dialog", name="Hilfe")).to_be_visible()
    box = await german.launcher.bounding_box()
    assert box
    assert box["x"] > 900


async def test_on_a_phone_it_fills_the_screen_and_keeps_the_focus_inside(widget: Widget, chromium: Browser) -> None:
    phone = await widget(await chromium.new_context(viewport={"width": 360, "height": 640}, has_touch=True, is_mobile=True))
    await phone.launcher.tap()
    await expect(phone.bubbles).to_have_count(1)
    await phone.panel.evaluate("panel => Promise.all(panel.getAnimations().map(one => one.finished))")
    assert await phone.panel.bounding_box() == {"x": 0, "y": 0, "width": 360, "height": 640}
    await expect(phone.panel).to_have_attribute("aria-modal", "true")
    for _ in range(12):
        await phone.page.keyboard.press("Tab")
        assert await phone.panel.evaluate("panel => panel.contains(panel.getRootNode().activeElement)")
    await phone.element.get_by_role("button", name="Close chat").tap()
    await expect(phone.panel).to_be_hidden()
    await expect(phone.launcher).to_be_visible()
    overflow = await phone.page.evaluate("document.documentElement.scrollWidth")
    assert overflow == 360


async def test_a_page_that_is_not_on_the_list_gets_no_chat(app: Litestar, context: BrowserContext) -> None:
    async with open_site(app, allowed_origins=["https://somewhere-else.example"]) as site:
        page = await context.new_page()
        await page.goto(site.shop)
        chat = Chat(page)
        await chat.launcher.click()
        await expect(chat.element.get_by_role("status")).to_contain_text("not available", timeout=30_000)
        assert await chat.bubbles.count() == 0


async def test_the_hosted_page_is_the_chat_alone(site: Site, context: BrowserContext) -> None:
    page = await context.new_page()
    await page.goto(f"{site.chat}/w/{site.channel_id}")
    chat = Chat(page)
    await expect(chat.element.get_by_role("region", name="Acme help")).to_be_visible()
    await expect(chat.bubbles).to_have_count(1)
    await chat.say("hello from the hosted page")
    await chat.expect_once("hello from the hosted page")
    assert await chat.launcher.count() == 0


# --- for everybody


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_accessibility_checks_find_nothing(widget: Widget, chromium: Browser, theme: Any) -> None:
    for width, accent in ((1000, "0f766e"), (1000, "facc15"), (1000, "1e1b4b"), (360, "0f766e")):
        context = await chromium.new_context(viewport={"width": width, "height": 640}, bypass_csp=True, color_scheme=theme)
        chat = await widget(context, f"data-theme=auto&data-accent=%23{accent}")
        assert await violations(chat.page) == []
        await chat.open()
        await chat.say("Look: https://x.example/1")
        await chat.expect_once("Look: https://x.example/1")
        assert await violations(chat.page) == []
        await context.close()


async def test_the_hosted_page_passes_accessibility_checks(site: Site, chromium: Browser) -> None:
    context = await chromium.new_context(bypass_csp=True)
    page = await context.new_page()
    await page.goto(f"{site.chat}/w/{site.channel_id}")
    await expect(Chat(page).bubbles).to_have_count(1)
    assert await violations(page) == []


async def test_a_screen_reader_hears_who_said_what(chat: Chat) -> None:
    await chat.open()
    await chat.say("hi")
    await chat.expect_once("hi")
    log = chat.element.get_by_role("log", name="Conversation")
    await expect(log).to_have_attribute("aria-live", "polite")
    snapshot: Any = await log.aria_snapshot()
    said = re.findall(r"(You said:|Bot said:)", snapshot)
    assert said == ["Bot said:", "You said:", "Bot said:", "You said:"]
