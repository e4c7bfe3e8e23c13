"""Whatever the network does, nothing is lost and nothing is said twice; tabs of one browser are one conversation."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import BrowserContext, Route, expect

from tests.e2e.widget.chat import Chat
from tests.e2e.widget.conftest import Visit
from tests.e2e.widget.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


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
    said = await chat.said()
    assert [said.index(text) for text in said] == list(range(11))


async def test_what_is_written_offline_is_sent_once_when_the_network_is_back(chat: Chat) -> None:
    await chat.open()
    context = chat.page.context
    await context.set_offline(True)
    await chat.say("while offline")
    await expect(chat.element.locator(".row.waiting")).to_have_count(1)
    await expect(chat.strip).to_contain_text("offline")
    await context.set_offline(False)
    await chat.expect_once("while offline")
    await expect(chat.strip).to_be_hidden()

    await chat.page.route("**/api/v2/chat/message*", lambda route: route.abort())
    await chat.say("do not lose me")
    await expect(chat.element.locator(".row.waiting")).to_have_count(1)
    await chat.page.unroute("**/api/v2/chat/message*")
    await chat.page.reload()
    await chat.launcher.click()
    await chat.expect_once("while offline", "do not lose me")
    assert await chat.bubbles.count() == 5


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
    assert posts == 2
    assert await chat.bubbles.count() == 3
    before, conversation = await chat.said(), await chat.conversation()
    await chat.page.reload()
    await chat.launcher.click()
    await expect(chat.bubbles).to_have_count(3)
    assert (await chat.said(), await chat.conversation()) == (before, conversation), "a reload shows the same"
    await expect(chat.replies).to_have_count(2)


async def test_two_tabs_are_one_conversation(visit: Visit, new_context: Callable[..., Awaitable[BrowserContext]]) -> None:
    context = await new_context()
    one, two = await visit(context=context), await visit(context=context)
    await asyncio.gather(one.open(), two.open())
    assert await one.conversation() == await two.conversation()
    await one.say("from the first tab")
    await two.expect_once("from the first tab")
    await two.say("from the second tab")
    await one.expect_once("from the first tab", "from the second tab")
    assert await one.said() == await two.said()
    assert await one.bubbles.count() == 5
