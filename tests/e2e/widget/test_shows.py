"""What a message of the bot shows beside its words: cards, media, ratings, places."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Route, expect

from tests.e2e.widget.chat import Chat
from tests.e2e.widget.conftest import Visit

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

NewContext = Callable[..., Awaitable[BrowserContext]]
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
PICTURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="320" height="200"><rect width="320" height="200" fill="#b45309"/>'
    '<circle cx="160" cy="100" r="60" fill="#fcd34d"/></svg>'
)


async def picture(route: Route) -> None:
    """Every picture is the same sun."""
    await route.fulfill(body=PICTURE, content_type="image/svg+xml")


async def open_chat(visit: Visit, context: BrowserContext) -> Chat:
    """The hosted page after the greeting; pictures come from the test."""
    await context.route("https://img.example/**", picture)
    return await (await visit(context=context, hosted=True)).greeted()


@pytest_asyncio.fixture(loop_scope="module")
async def shown(visit: Visit, new_context: NewContext) -> Chat:
    return await open_chat(visit, await new_context(460, 760))


async def test_cards_can_be_leafed_through_and_answer(shown: Chat) -> None:
    row = await shown.bot_says("Our shoes:", cards=SHOES)
    cards = row.get_by_role("list", name="Cards")
    await expect(cards.get_by_role("listitem")).to_have_count(3)
    await expect(cards.get_by_role("img", name="Shoe number 1")).to_be_visible()
    await cards.focus()
    await shown.page.keyboard.press("ArrowRight")
    await shown.page.wait_for_function("list => list.scrollLeft > 100", arg=await cards.element_handle())
    await shown.page.keyboard.press("ArrowLeft")
    await shown.page.wait_for_function("list => list.scrollLeft === 0", arg=await cards.element_handle())
    assert await shown.violations() == []
    await row.get_by_role("button", name="Take 2").click()
    await expect(shown.rows.last).to_contain_text("Bot said: You said: Take 2")


async def test_links_and_media_are_safe_and_what_stands_on_a_card_is_text(shown: Chat) -> None:
    good = ["https://shop.example/1", "mailto:ada@example.com", "tel:+4930123"]
    bad = ["javascript:alert(1)", "data:text/html,x", "//evil.example"]
    row = await shown.bot_says("Links", cards=[{"buttons": [{"label": f"Link {n}", "url": url} for n, url in enumerate(good + bad)]}])
    links = row.get_by_role("link")
    await expect(links).to_have_count(3)
    assert await links.evaluate_all("links => links.map(one => [one.getAttribute('href'), one.rel])") == [
        [address, "noopener noreferrer nofollow"] for address in good
    ]
    await expect(row).to_contain_text("Link 3")

    hostile = "<img src=x onerror=alert(1)>"
    row = await shown.bot_says(
        "", cards=[{"title": hostile, "text": hostile, "alt": hostile, "buttons": [{"label": hostile, "value": "x"}]}]
    )
    await expect(row.get_by_role("listitem")).to_contain_text(hostile)
    assert await row.locator("img").count() == 0

    media = [("image", "a.svg", "A sun"), ("audio", "a.mp3", "Waves"), ("video", "a.mp4", "A walk"), ("file", "a.pdf", "Invoice.pdf")]
    shown_media = [{"kind": kind, "url": f"https://img.example/{name}", "alt": alt} for kind, name, alt in media]
    row = await shown.bot_says("Look", media=[*shown_media, {"kind": "image", "url": "javascript:alert(1)", "alt": "No picture"}])
    await expect(row.get_by_role("img", name="A sun")).to_be_visible()
    await expect(row.locator("audio[controls]")).to_have_attribute("aria-label", "Waves")
    await expect(row.locator("video[controls]")).to_have_attribute("aria-label", "A walk")
    await expect(row.get_by_role("link", name="Invoice.pdf")).to_have_attribute("href", "https://img.example/a.pdf")
    await expect(row).to_contain_text("No picture")
    assert await row.locator("img").count() == 1


async def test_a_rating_looks_like_its_scale_and_is_sent(shown: Chat) -> None:
    scales = {"stars": [str(n) for n in range(1, 6)], "thumbs": ["👍", "👎"], "nps": [str(n) for n in range(11)]}
    for scale, labels in scales.items():
        choices = [{"value": label, "label": label} for label in labels]
        await shown.bot_says("How was it?", choices=choices, asks="rating", asks_about={"scale": scale})
        await expect(shown.element.locator(".replies")).to_have_attribute("data-scale", scale)
        await expect(shown.replies).to_have_text(labels)
        boxes = [await shown.replies.nth(number).bounding_box() for number in range(len(labels))]
        assert len({box and round(box["y"]) for box in boxes}) == 1, "they stand in one line"
        assert await shown.violations() == []
    await shown.replies.last.press("Enter")
    await expect(shown.rows.last).to_contain_text("You said: 10")


async def test_a_place_can_be_shared_or_written(visit: Visit, new_context: NewContext) -> None:
    context = await new_context(460, 760, geolocation={"latitude": 52.5, "longitude": 13.4}, permissions=["geolocation"])
    chat = await open_chat(visit, context)
    await chat.bot_says("Where are you?", asks="location", asks_about={"typed": True})
    await chat.element.get_by_role("button", name="Share my location").click()
    await expect(chat.rows.last).to_contain_text("You said: 52.50000, 13.40000")
    await context.clear_permissions()
    await chat.bot_says("Where are you?", asks="location", asks_about={"typed": True})
    await chat.element.get_by_role("button", name="Share my location").click()
    await chat.say("Berlin")
    await expect(chat.rows.last).to_contain_text("You said: Berlin")


async def test_cards_read_from_right_to_left(visit: Visit, new_context: NewContext) -> None:
    chat = await open_chat(visit, await new_context(460, 760, locale="ar"))
    row = await chat.bot_says("أحذيتنا", cards=SHOES)
    cards = row.get_by_role("list")
    first, second = [await cards.get_by_role("listitem").nth(number).bounding_box() for number in (0, 1)]
    assert first
    assert second
    assert first["x"] > second["x"]
    await cards.focus()
    await chat.page.keyboard.press("ArrowLeft")
    await chat.page.wait_for_function("list => list.scrollLeft < -100", arg=await cards.element_handle())
    assert await chat.violations() == []
