"""What a conversation needs now and then: files, a date, an identity, other words, what was said long ago, who answers."""

from uuid import UUID

import pytest
from playwright.async_api import Route, expect
from sqlalchemy import insert, update

from server.channels.sealed import seal_secrets
from server.channels.tables import channels
from server.channels.web.identity import proof_of
from server.conversations.close import close_conversation
from server.conversations.tables import conversations, messages
from tests.e2e.widget.conftest import Visit
from tests.e2e.widget.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
SECRET = "s" * 40
NOTES = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"hello"}


async def test_files_are_sent_with_progress_and_said_once(visit: Visit) -> None:
    chat = await (await visit()).open()
    chooser = chat.element.locator("input[type=file]")

    async def lose(route: Route) -> None:
        await (route.abort() if route.request.method == "POST" else route.continue_())

    await chat.page.route("**/api/v2/chat/uploads*", lose)
    await chooser.set_input_files([NOTES])
    await expect(chat.element.get_by_role("alert")).to_have_text("Not sent.")
    await chat.page.unroute("**/api/v2/chat/uploads*")
    await chat.element.get_by_role("button", name="Try again").click()
    sent = chat.element.get_by_role("link", name="notes.txt")
    await expect(sent).to_have_count(1)
    await expect(chat.rows).to_have_count(3)
    assert "/files/" in str(await sent.get_attribute("href"))
    async with chat.page.expect_response("**/api/v2/chat/uploads/*") as asked, chat.page.context.expect_page():
        await sent.click()  # links to files end: it asks for one that works
    assert (await (await asked.value).json())["name"] == "notes.txt"
    await chat.page.bring_to_front()
    await chat.page.reload()
    await chat.launcher.click()
    await expect(sent).to_have_count(1)

    await chat.bot_says("The invoice?", asks="file", asks_about={"accept": ["image/*", "application/pdf"], "max_mb": 1})
    async with chat.page.expect_file_chooser() as choosing:
        await chat.element.get_by_role("button", name="Choose a file").click()
    assert await chooser.get_attribute("accept") == "image/*,application/pdf"
    await (await choosing.value).set_files([NOTES, {"name": "big.png", "mimeType": "image/png", "buffer": b"x" * 1_500_000}])
    await expect(chat.element.get_by_role("alert")).to_have_text(
        ["notes.txt is not a kind of file that was asked for.", "big.png is too large: at most 1 MB."]
    )
    assert await chat.violations() == []


async def test_a_date_is_picked_and_who_answers_is_told(visit: Visit, site: Site) -> None:
    where = await site.with_channel(heading="Acme help", line="on")
    chat = await (await visit(where=where)).open()
    await chat.bot_says("When?", asks="date")
    await chat.element.get_by_label("Date").fill("2026-11-30")
    await chat.element.get_by_label("Date").press("Enter")
    await chat.expect_once("2026-11-30")
    bell = chat.element.get_by_role("button", name="Sound")
    await expect(bell).to_have_attribute("aria-pressed", "false")
    await bell.click()
    await expect(bell).to_have_attribute("aria-pressed", "true")

    conversation = UUID(await chat.conversation())
    here = (conversations.c.tenant_id == site.tenant_id) & (conversations.c.id == conversation)
    async with site.app.state.db.tenant(site.tenant_id) as conn:
        await conn.execute(update(conversations).where(here).values(outcome="handed_off"))
    await site.tell(str(conversation), kind="messages")
    await expect(chat.strip).to_have_text("You are number 1 in line. A person will answer you here.")
    async with site.app.state.db.tenant(site.tenant_id) as conn:
        await close_conversation(conn, site.tenant_id, conversation)
    await site.tell(str(conversation), kind="messages")
    await expect(chat.strip).to_have_text("This conversation has ended.")

    async with site.app.state.db.tenant(site.tenant_id) as conn:
        row = {"tenant_id": site.tenant_id, "conversation_id": conversation, "turn": 1, "direction": "out"}
        await conn.execute(
            insert(messages), [{**row, "seq": seq, "body": {"type": "text", "text": f"number {seq}"}} for seq in range(101, 320)]
        )
    await chat.page.reload()
    await chat.launcher.click()
    await expect(chat.rows).to_have_count(200)
    assert await chat.violations() == []
    await chat.element.get_by_role("button", name="Earlier messages").click()
    await expect(chat.rows.first).to_contain_text("demo bot")
    await expect(chat.element.get_by_role("button", name="Earlier messages")).to_be_hidden()


async def test_a_proven_user_goes_on_elsewhere_and_the_next_one_begins_anew(visit: Visit, site: Site) -> None:
    words = {"en": {"placeholder": "Ask Acme"}, "eo": {"open": "Malfermi"}}
    where = await site.with_channel(wording=words)
    async with site.app.state.db.tenant(site.tenant_id) as conn:
        sealed = await seal_secrets(conn, site.app.state.vault, site.tenant_id, where.channel_id, {"identity_secret": SECRET})
        await conn.execute(
            update(channels).where(channels.c.tenant_id == site.tenant_id, channels.c.id == where.channel_id).values(secrets_sealed=sealed)
        )
    ada, bob = ({"id": name, "hash": proof_of(SECRET, name), "name": name.title(), "plan": "pro"} for name in ("ada", "bob"))
    one = await (await visit(where=where)).open()
    await expect(one.input).to_have_attribute("placeholder", "Ask Acme")
    await one.say("before I signed in")
    await one.expect_once("before I signed in")
    await one.page.evaluate("person => chatloom.identify(person)", ada)

    two = await visit("data-lang=eo", where=where)
    await expect(two.launcher).to_have_accessible_name("Malfermi")
    await two.page.evaluate("person => (chatloom.identify(person), chatloom.open())", ada)
    await two.expect_once("before I signed in")
    assert await two.conversation() == await one.conversation()
    await two.page.evaluate("person => chatloom.identify(person)", bob)
    await expect(two.rows).to_have_count(1)
    assert await two.conversation() != await one.conversation()
    refused = await two.page.evaluate("person => chatloom.identify(person).then(() => '', error => error.message)", {**ada, "id": "eve"})
    assert "identity secret" in refused
