"""What a message of the bot shows beside its words, in a real browser: cards, media, ratings, places, and the pause before it."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from playwright.async_api import Browser, BrowserContext, Locator, Page, Route, expect

from tests.e2e.widget_site import Site, open_site

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
PICTURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="320" height="200"><rect width="320" height="200" fill="#b45309"/>'
    '<circle cx="160" cy="100" r="60" fill="#fcd34d"/></svg>'
)
SHOES: list[dict[str, Any]] = [
    {
        "title": f"Shoe {number}",
        "text": f"{number}9 EUR",
        "image_url": f"https://img.example/{number}.svg",
        "alt": f"Shoe number {number}",
        "buttons": [{"label": f"Take {number}", "value": f"shoe_{number}"}, {"label": "See more", "url": f"https://shop.example/{number}"}],
    }
    for number in (1, 2, 3)
]


class Chat:
    """The widget on its hosted page, in a conversation that has begun."""

    def __init__(self, page: Page, site: Site) -> None:
        self.page = page
        self.site = site
        self.element = page.locator("chatloom-widget")
        self.rows = self.element.locator(".row:not([aria-hidden])")
        self.replies = self.element.locator(".replies").get_by_role("button")

    async def says(self, text: str, **body: Any) -> Locator:
        """The bot says this; its row."""
        count = await self.rows.count()
        remembered = "JSON.parse(Object.entries(localStorage).find(([key]) => key.endsWith(':conversation'))[1]).id"
        await self.site.bot_says(await self.page.evaluate(remembered), text, **body)
        await expect(self.rows).to_have_count(count + 1)
        return self.rows.nth(count)

    async def violations(self) -> list[str]:
        """What axe finds."""
        await self.page.wait_for_timeout(400)  # animations end
        await self.page.evaluate(AXE.read_text())  # a page with our policy takes no foreign script element
        script = "axe.run().then(result => result.violations.map(one => `${one.id}: ${one.nodes.map(node => node.html).join(' ')}`))"
        return list(await self.page.evaluate(script))


@pytest.fixture
async def site(app: Litestar) -> AsyncIterator[Site]:
    async with open_site(app, heading="Acme help", accent="#0f766e") as opened:
        yield opened


async def open_chat(context: BrowserContext, site: Site) -> Chat:
    """The hosted page after the greeting; pictures come from the test."""

    async def picture(route: Route) -> None:
        await route.fulfill(body=PICTURE, content_type="image/svg+xml")

    await context.route("https://img.example/**", picture)
    page = await context.new_page()
    await page.goto(f"{site.chat}/w/{site.channel_id}")
    chat = Chat(page, site)
    await expect(chat.rows).to_have_count(1)
    return chat


@pytest.fixture
async def chat(chromium: Browser, site: Site) -> Chat:
    context = await chromium.new_context(viewport={"width": 460, "height": 760}, locale="en-GB")
    return await open_chat(context, site)


async def test_cards_can_be_leafed_through_with_the_arrow_keys(chat: Chat) -> None:
    row = await chat.says("Our shoes:", cards=SHOES)
    cards = row.get_by_role("list", name="Cards")
    await expect(cards.get_by_role("listitem")).to_have_count(3)
    await expect(cards.get_by_role("img", name="Shoe number 1")).to_be_visible()
    await cards.focus()
    before = await cards.evaluate("list => list.scrollLeft")
    await chat.page.keyboard.press("ArrowRight")
    await chat.page.wait_for_timeout(600)
    assert await cards.evaluate("list => list.scrollLeft") > before + 100
    await chat.page.keyboard.press("ArrowLeft")
    await chat.page.wait_for_timeout(600)
    assert await cards.evaluate("list => list.scrollLeft") == before
    assert await chat.violations() == []


async def test_a_cards_button_answers_like_a_choice(chat: Chat) -> None:
    row = await chat.says("Our shoes:", cards=SHOES)
    await row.get_by_role("button", name="Take 2").click()
    await expect(chat.rows.filter(has_text="You said: Take 2")).to_have_count(2)
    await expect(chat.rows.last).to_contain_text("You said: Take 2")


async def test_links_open_elsewhere_and_only_to_addresses_that_are_safe(chat: Chat) -> None:
    addresses = [
        "https://shop.example/1",
        "mailto:ada@example.com",
        "tel:+4930123",
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example",
    ]
    row = await chat.says("Links", cards=[{"buttons": [{"label": f"Link {n}", "url": url} for n, url in enumerate(addresses)]}])
    links = row.get_by_role("link")
    await expect(links).to_have_count(3)
    for number in range(3):
        await expect(links.nth(number)).to_have_attribute("href", addresses[number])
        await expect(links.nth(number)).to_have_attribute("rel", "noopener noreferrer nofollow")
    await expect(row).to_contain_text("Link 3")


async def test_what_stands_on_a_card_is_text(chat: Chat) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    row = await chat.says("", cards=[{"title": hostile, "text": hostile, "alt": hostile, "buttons": [{"label": hostile, "value": "x"}]}])
    await expect(row.get_by_role("listitem")).to_contain_text(hostile)
    assert await row.locator("img").count() == 0


async def test_media_are_shown_played_or_linked(chat: Chat) -> None:
    row = await chat.says(
        "Look and listen",
        media=[
            {"kind": "image", "url": "https://img.example/a.svg", "alt": "A sun"},
            {"kind": "audio", "url": "https://img.example/a.mp3", "alt": "Waves"},
            {"kind": "video", "url": "https://img.example/a.mp4", "alt": "A walk"},
            {"kind": "file", "url": "https://img.example/a.pdf", "alt": "Invoice.pdf"},
            {"kind": "image", "url": "javascript:alert(1)", "alt": "No picture"},
        ],
    )
    await expect(row.get_by_role("img", name="A sun")).to_be_visible()
    await expect(row.locator("audio[controls]")).to_have_attribute("aria-label", "Waves")
    await expect(row.locator("video[controls]")).to_have_attribute("aria-label", "A walk")
    await expect(row.get_by_role("link", name="Invoice.pdf")).to_have_attribute("href", "https://img.example/a.pdf")
    await expect(row).to_contain_text("No picture")
    assert await row.locator("img").count() == 1


@pytest.mark.parametrize(("scale", "count"), [("stars", 5), ("thumbs", 2), ("nps", 11)])
async def test_a_rating_looks_like_its_scale_and_is_sent(chat: Chat, scale: str, count: int) -> None:
    labels = ["👍", "👎"] if scale == "thumbs" else [str(number) for number in (range(1, 6) if scale == "stars" else range(11))]
    choices = [{"value": label, "label": label} for label in labels]
    await chat.says("How was it?", choices=choices, asks="rating", asks_about={"scale": scale})
    await expect(chat.element.locator(".replies")).to_have_attribute("data-scale", scale)
    await expect(chat.replies).to_have_text(labels)
    assert len(labels) == count
    assert await chat.violations() == []
    boxes = [await chat.replies.nth(number).bounding_box() for number in range(count)]
    assert len({box and round(box["y"]) for box in boxes}) == 1, "they stand in one line"
    await chat.replies.last.press("Enter")
    await expect(chat.rows.last).to_contain_text(f"You said: {labels[-1]}")


async def test_a_place_can_be_shared(chromium: Browser, site: Site) -> None:
    context = await chromium.new_context(geolocation={"latitude": 52.5, "longitude": 13.4}, permissions=["geolocation"], locale="en-GB")
    chat = await open_chat(context, site)
    await chat.says("Where are you?", asks="location", asks_about={"typed": True})
    await chat.replies.get_by_text("Share my location").click()
    await expect(chat.rows.last).to_contain_text("You said: 52.50000, 13.40000")


async def test_who_does_not_share_a_place_can_write_it(chromium: Browser, site: Site) -> None:
    context = await chromium.new_context(permissions=[], locale="en-GB")
    chat = await open_chat(context, site)
    await chat.says("Where are you?", asks="location", asks_about={"typed": True})
    await chat.replies.get_by_text("Share my location").click()
    await chat.element.get_by_role("textbox").fill("Berlin")
    await chat.element.get_by_role("textbox").press("Enter")
    await expect(chat.rows.last).to_contain_text("You said: Berlin")


async def test_the_bot_seems_to_write_before_a_message_with_a_pause(chat: Chat) -> None:
    remembered = "JSON.parse(Object.entries(localStorage).find(([key]) => key.endsWith(':conversation'))[1]).id"
    conversation = await chat.page.evaluate(remembered)
    await chat.site.bot_says(conversation, "After a while", typing_ms=1500)
    await chat.site.bot_says(conversation, "And then this")
    await expect(chat.element.locator(".dots")).to_be_visible()
    await expect(chat.rows).to_have_count(1)
    await expect(chat.rows).to_have_count(3)
    texts = await chat.rows.all_inner_texts()
    assert [re.sub(r"\s+", " ", text).strip() for text in texts[1:]] == ["Bot said: After a while", "Bot said: And then this"]
    await expect(chat.element.locator(".dots")).to_have_count(0)


async def test_an_old_message_is_not_paused_again(chat: Chat) -> None:
    await chat.says("Slow", typing_ms=1000)
    await chat.page.clock.set_system_time("2030-01-01T00:00:00Z")
    await chat.page.reload()
    await expect(chat.rows).to_have_count(2)


async def test_cards_read_from_right_to_left(chromium: Browser, site: Site) -> None:
    context = await chromium.new_context(viewport={"width": 460, "height": 760}, locale="ar")
    chat = await open_chat(context, site)
    row = await chat.says("أحذيتنا", cards=SHOES)
    cards = row.get_by_role("list")
    first, second = [await cards.get_by_role("listitem").nth(number).bounding_box() for number in (0, 1)]
    assert first
    assert second
    assert first["x"] > second["x"]
    await cards.focus()
    await chat.page.keyboard.press("ArrowLeft")
    await chat.page.wait_for_timeout(600)
    assert await cards.evaluate("list => list.scrollLeft") < -100
    assert await chat.violations() == []
