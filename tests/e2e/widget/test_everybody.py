"""Accessibility checks find nothing: closed and open, wide and on a phone, light and dark, with any accent colour."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from playwright.async_api import BrowserContext, expect

from tests.e2e.widget.conftest import Visit

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
OTHER_ACCENTS = ("#facc15", "#1e1b4b")
ANOTHER = """([server, accent]) => {
    const other = document.querySelector("chatloom-widget").cloneNode();
    other.setAttribute("accent", accent);
    other.setAttribute("inline", "");
    other.setAttribute("heading", accent);
    other.style.cssText = "block-size: 300px";
    document.querySelector("main").append(other);
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_accessibility_checks_find_nothing(visit: Visit, new_context: Callable[..., Awaitable[BrowserContext]], theme: Any) -> None:
    for width in (1000, 360):
        chat = await visit("data-theme=auto", context=await new_context(width, 640, color_scheme=theme))
        if width == 1000:
            assert await chat.violations() == []
        await chat.open()
        await chat.say("Look: https://x.example/1")
        await chat.expect_once("Look: https://x.example/1")
        if width == 1000:
            for accent in OTHER_ACCENTS:
                await chat.page.evaluate(ANOTHER, [chat.site.chat, accent])
            await expect(chat.page.locator("chatloom-widget .bubble")).to_have_count(9)
        assert await chat.violations() == []
