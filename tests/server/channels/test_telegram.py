"""Telegram when things go wrong, what it is told, and what it says of itself."""

from collections.abc import Iterator

import pytest

from server.channels.contract import NotFetched, SendFailed
from server.channels.telegram.adapter import adapter
from server.channels.telegram.messages import parts_of, units
from server.kit.http import OutboundClient
from tests.fakes.channels.provider import Fault
from tests.fakes.channels.telegram import CHAT, FakeTelegram
from tests.server.channels.conftest import Say

ANA = "1111111"
SECRETS = {"webhook_secret": "tg_Secret-Token_01"}


@pytest.fixture
def provider() -> Iterator[FakeTelegram]:
    with FakeTelegram() as fake:
        yield fake


def refusal(status: int, description: str, **parameters: int) -> Fault:
    return Fault(status, {"ok": False, "error_code": status, "description": description, "parameters": parameters})


@pytest.mark.parametrize(
    ("fault", "outcome", "wait_s", "blocks"),
    [
        (refusal(429, "Too Many Requests: retry after 14", retry_after=14), "retry", 14, False),
        (refusal(502, "Bad Gateway"), "retry", None, False),
        (refusal(401, "Unauthorized"), "retry", None, True),
        (refusal(403, "Forbidden: bot was blocked by the user"), "dead", None, False),
        (refusal(400, "Bad Request: chat not found"), "dead", None, False),
        (Fault(200, ["garbage"]), "dead", None, False),
        (Fault(took_it=True), "maybe", None, False),
    ],
)
async def test_a_failure_says_whether_to_send_again(
    provider: FakeTelegram, http: OutboundClient, say: Say, fault: Fault, outcome: str, wait_s: float | None, blocks: bool
) -> None:
    provider.faults = [fault]
    with pytest.raises(SendFailed) as failed:
        await adapter.send(http, say(contact=ANA), provider.settings, provider.secrets)
    assert (failed.value.outcome, failed.value.wait_s, failed.value.blocks) == (outcome, wait_s, blocks)
    assert "123456:ABC" not in str(failed.value)


async def test_what_cannot_be_formatted_or_fetched_is_said_in_plain_words_once(
    provider: FakeTelegram, http: OutboundClient, say: Say
) -> None:
    provider.faults = [refusal(400, "Bad Request: can't parse entities: unclosed tag")]
    await adapter.send(http, say("**so** & <so>", contact=ANA), provider.settings, provider.secrets)
    assert provider.calls[-1] == {"method": "sendMessage", "chat_id": ANA, "text": "so & <so>"}
    picture = say("", contact=ANA, media=[{"kind": "image", "url": "https://example.com/a.png", "alt": "A & B"}])
    provider.faults = [refusal(400, "Bad Request: failed to get HTTP URL content")]
    await adapter.send(http, picture, provider.settings, provider.secrets)
    assert provider.calls[-1]["text"] == "A & B\nhttps://example.com/a.png"


async def test_a_group_that_moved_is_followed(provider: FakeTelegram, http: OutboundClient, say: Say) -> None:
    provider.faults = [refusal(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=1111111)]
    sent = await adapter.send(http, say(place={"chat_id": -5}), provider.settings, provider.secrets)
    assert sent == "1111111:1"


async def test_the_live_check_tells_telegram_our_address_and_what_it_says_of_us(provider: FakeTelegram, http: OutboundClient) -> None:
    secrets = {**provider.secrets, **SECRETS}
    found = await adapter.check(http, provider.settings, secrets)
    assert [(finding.level, finding.learned) for finding in found] == [("ok", {"bot_username": "acme_bot"})]
    provider.last_error = "Connection timed out"
    told = await adapter.connect(http, "https://bot.example.com/hooks/telegram/1", provider.settings, secrets)
    assert (provider.hook, provider.wants) == ("https://bot.example.com/hooks/telegram/1", "tg_Secret-Token_01")
    assert [finding.level for finding in told] == ["ok", "warning"]
    assert "Connection timed out" in told[1].message
    wrong = await adapter.check(http, provider.settings, {"bot_token": "1:wrong"})
    assert "Telegram says Unauthorized" in wrong[0].message


async def test_the_customer_sees_that_the_bot_writes(provider: FakeTelegram, http: OutboundClient) -> None:
    await adapter.show_typing(http, str(CHAT["id"]), {}, provider.settings, provider.secrets)
    with pytest.raises(SendFailed):
        await adapter.show_typing(http, "1", {"chat_id": 5}, provider.settings, provider.secrets)
    assert provider.typed == 1


async def test_a_file_is_fetched_by_its_id(provider: FakeTelegram, http: OutboundClient) -> None:
    assert (await adapter.fetch(http, "BQACAgI", provider.settings, provider.secrets)).content.startswith(b"%PDF")
    with pytest.raises(NotFetched):
        await adapter.fetch(http, "BQACAgI", provider.settings, {})


def test_a_text_of_emoji_is_counted_as_telegram_counts() -> None:
    parts = parts_of({"text": "\U0001f600" * 5_000})
    assert all(units(part["text"]) <= 4_096 for part in parts)
    assert sum(len(part["text"]) for part in parts) == 5_000


def test_more_than_a_hundred_buttons_go_on_under_another_message() -> None:
    parts = parts_of({"text": "Which?", "choices": [{"value": f"v{n}", "label": f"Number {n}"} for n in range(130)]})
    shown = [[button["text"] for row in part["reply_markup"]["inline_keyboard"] for button in row] for part in parts]
    assert [len(labels) for labels in shown] == [100, 30]
