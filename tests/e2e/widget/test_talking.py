"""What the visitor says and what the bot answers, on a shop's page with a strict policy, in front of the real server."""

import re

import pytest
from playwright.async_api import expect

from tests.e2e.widget.chat import Chat

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


async def test_a_visitor_is_greeted_answers_and_is_answered(chat: Chat) -> None:
    await chat.open()
    await expect(chat.replies).to_have_text(["Track my order", "Talk to a person"])
    await chat.say("See https://x.example/1 <b>my</b> <img src=x onerror=alert(1)>")
    await chat.expect_once("See https://x.example/1 <b>my</b> <img src=x onerror=alert(1)>")
    assert await chat.bubbles.locator("b, img").count() == 0, "what people write is text"
    link = chat.bubbles.nth(1).get_by_role("link")
    await expect(link).to_have_attribute("href", "https://x.example/1")
    await expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")
    await chat.replies.first.click()
    await chat.expect_once("Track my order")
    assert await chat.bubbles.count() == 5
    log = chat.element.get_by_role("log", name="Conversation")
    await expect(log).to_have_attribute("aria-live", "polite")
    said = re.findall(r"(You said:|Bot said:)", await log.aria_snapshot())
    assert said[:4] == ["Bot said:", "You said:", "Bot said:", "You said:"], "a screen reader hears who said what"


async def test_a_bots_markup_becomes_structure_and_nothing_dangerous(chat: Chat) -> None:
    await chat.open()
    text = (
        "**Bold** and *slanted* and snake_case_name\n\n1. first\n2. second\n\n- `code <b>`\n\n```\nlet x = 1 < 2;\n```\n"
        "[terms](https://acme.example/terms) [bad](javascript:alert(1)) [worse](data:text/html,x) ![no](https://t.example/p.png)"
    )
    row = await chat.bot_says(text)
    await expect(row.locator("strong")).to_have_text("Bold")
    await expect(row.locator("em")).to_have_text("slanted")
    await expect(row.locator("ol li")).to_have_text(["first", "second"])
    await expect(row.locator("ul code")).to_have_text("code <b>")
    await expect(row.locator("pre")).to_have_text("let x = 1 < 2;")
    assert await row.get_by_role("link").evaluate_all("links => links.map(link => link.href)") == [
        "https://acme.example/terms",
        "https://t.example/p.png",
    ]
    await expect(row).to_contain_text("[bad](javascript:alert(1))")
    assert await row.locator("img, script, iframe").count() == 0


async def test_an_answer_is_written_as_it_comes_and_stays_once(chat: Chat) -> None:
    await chat.open()
    conversation, site = await chat.conversation(), chat.site
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


async def test_the_bot_seems_to_write_before_a_message_with_a_pause(chat: Chat) -> None:
    await chat.open()
    conversation = await chat.conversation()
    await chat.site.bot_says(conversation, "After a while", typing_ms=1200)
    await chat.site.bot_says(conversation, "And then this")
    await expect(chat.element.locator(".dots")).to_be_visible()
    await expect(chat.rows).to_have_count(1)
    await expect(chat.rows).to_have_count(3)
    assert (await chat.said())[1:] == ["Bot said: After a while", "Bot said: And then this"]
    await expect(chat.element.locator(".dots")).to_have_count(0)
    await chat.page.clock.set_system_time("2030-01-01T00:00:00Z")
    await chat.page.reload()
    await chat.launcher.click()
    await expect(chat.rows).to_have_count(3)  # an old message is not paused again


async def test_what_the_server_refuses_says_why_and_holds_nothing_up(chat: Chat) -> None:
    await chat.open()
    await chat.send("x" * 5_000)
    await expect(chat.element.get_by_role("alert")).to_be_visible()
    await expect(chat.element.get_by_role("button", name="Try again")).to_be_visible()
    await chat.say("short")
    await chat.expect_once("short")


async def test_starting_over_begins_another_conversation(chat: Chat) -> None:
    await chat.open()
    await chat.say("old")
    await chat.expect_once("old")
    before = await chat.conversation()
    await chat.element.get_by_role("button", name="Start over").click()
    await expect(chat.bubbles).to_have_count(1)
    await chat.greeted()
    assert await chat.conversation() != before
    spoil = "key => { const entry = JSON.parse(localStorage[key]); entry.token += 'x'; localStorage[key] = JSON.stringify(entry); }"
    before = await chat.conversation()
    await chat.page.evaluate(f"Object.keys(localStorage).filter(key => key.endsWith(':conversation')).forEach({spoil})")
    await chat.page.reload()
    await chat.launcher.click()
    await expect(chat.bubbles).to_have_count(1)
    await chat.say("still works")  # one that is gone gives way to a new one
    await chat.expect_once("still works")
    assert await chat.conversation() != before
